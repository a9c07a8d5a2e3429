"""Batches: every text once, within the budget, at a width of its own."""

from hypothesis import given
from hypothesis import strategies as st

from models.batching import Batch, cut_batches, cut_packed


@given(
    lengths=st.lists(st.integers(1, 200)),
    budget=st.integers(1, 1_000),
)
def test_every_text_once_and_no_batch_above_its_budget(lengths: list[int], budget: int) -> None:
    batches = cut_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch.indices) == [*range(len(lengths))]
    for batch in batches:
        assert batch.width * len(batch.indices) <= budget or len(batch.indices) == 1
        assert all(batch.width == lengths[index] for index in batch.indices)


def test_like_lengths_come_together_longest_first() -> None:
    assert cut_batches([2, 9, 2, 10, 2], 4) == [
        Batch(10, (3,)),
        Batch(9, (1,)),
        Batch(2, (0, 2)),
        Batch(2, (4,)),
    ]


@given(lengths=st.lists(st.integers(0, 200)), budget=st.integers(1, 1_000))
def test_packed_batches_are_as_full_as_may_be(lengths: list[int], budget: int) -> None:
    batches = cut_packed(lengths, budget)
    order = [index for batch in batches for index in batch]
    assert sorted(order) == [*range(len(lengths))]
    assert [lengths[index] for index in order] == sorted(lengths, reverse=True)
    held = [sum(lengths[index] for index in batch) for batch in batches]
    for batch, tokens in zip(batches, held, strict=True):
        assert tokens <= budget or len(batch) == 1
    for tokens, after in zip(held, batches[1:], strict=False):
        assert tokens + lengths[after[0]] > budget
