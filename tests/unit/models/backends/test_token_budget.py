"""The budget of tokens: doubled until memory ends, halved where it ends later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.backends.token_budget import MARGIN, TokenBudget


def tried(budget: TokenBudget, memory: int) -> list[int]:
    """Run the trials on a device that holds so many tokens; what was tried, up to giving up."""
    trials = []
    while (wanted := budget.next_trial()) is not None:
        trials.append(wanted)
        if wanted <= memory:
            budget.fitted(wanted)
        elif not budget.ran_out(wanted):
            break
    return trials


@pytest.mark.parametrize(
    ("memory", "trials", "tokens"),
    [
        (5_000, [1_000, 2_000, 4_000, 8_000], 3_200),
        (99_000, [1_000, 2_000, 4_000, 8_000, 10_000], 10_000),
        (300, [1_000, 500, 250, 500], 200),
        (1_500, [1_000, 2_000], 800),
    ],
    ids=["memory ends", "the most is reached", "too much at first", "the first fits"],
)
def test_it_is_found_by_doubling(memory: int, trials: list[int], tokens: int) -> None:
    budget = TokenBudget(1_000, least=100, most=10_000)
    assert tried(budget, memory) == trials
    assert budget.tokens == tokens
    assert MARGIN == 0.8


def test_where_not_even_the_longest_text_fits_there_is_nothing_less() -> None:
    budget = TokenBudget(1_000, least=300, most=10_000)
    assert tried(budget, 200) == [1_000, 500, 300]
    assert not budget.ran_out(300)


def test_what_runs_out_later_is_halved_down_to_the_longest_text() -> None:
    budget = TokenBudget(1_000, least=100, most=4_000)
    tried(budget, 9_999)
    found = []
    while budget.ran_out(budget.tokens):
        found.append(budget.tokens)
    assert found == [2_000, 1_000, 500, 250, 125, 100]
    assert budget.next_trial() is None


def test_a_small_batch_that_runs_out_halves_from_its_own_size() -> None:
    budget = TokenBudget(4_000, least=100, most=4_000)
    tried(budget, 9_999)
    assert budget.ran_out(600)
    assert budget.tokens == 300


@given(
    first=st.integers(1, 10_000),
    least=st.integers(1, 500),
    most=st.integers(1, 100_000),
    memory=st.integers(0, 200_000),
)
def test_what_is_found_fits(first: int, least: int, most: int, memory: int) -> None:
    budget = TokenBudget(first, least, most)
    trials = tried(budget, memory)
    assert len(trials) == len(set(trials)) or memory < trials[0]
    assert budget.least <= budget.tokens <= budget.most
    assert budget.tokens <= memory or memory < budget.least
