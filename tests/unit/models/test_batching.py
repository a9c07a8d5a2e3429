"""Batches: every text once, within the budget."""

from hypothesis import given
from hypothesis import strategies as st

from models.batching import cut_batches


@given(lengths=st.lists(st.integers(1, 200)), budget=st.integers(1, 1_000), most=st.integers(1, 50))
def test_every_text_once_and_no_batch_above_its_budget(
    lengths: list[int], budget: int, most: int
) -> None:
    batches = cut_batches(lengths, budget, most)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = max(lengths[index] for index in batch) * len(batch)
        assert len(batch) <= most
        assert padded <= budget or len(batch) == 1


def test_like_lengths_come_together_longest_first() -> None:
    assert cut_batches([1, 9, 2, 10], 20) == [[3, 1], [2, 0]]
