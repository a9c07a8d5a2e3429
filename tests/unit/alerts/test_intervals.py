"""Intervals and tails against independent computations."""

import math
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.intervals import beta_binomial_tail, poisson_interval, wilson

stats: Any = import_module("scipy.stats")
special: Any = import_module("scipy.special")


@pytest.mark.parametrize(
    ("successes", "trials"),
    [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (81, 263), (9_000, 10_000)],
)
def test_wilson_is_scipys(successes: int, trials: int) -> None:
    expected = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
    assert wilson(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_wilson_of_nothing_says_nothing() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("successes", "trials", "alpha", "beta"),
    [(0, 5, 1.0, 1.0), (5, 10, 3.0, 7.0), (1, 3, 0.5, 0.5), (3, 3, 0.1, 0.1), (40, 90, 12.0, 31.5)],
)
def test_beta_binomial_tail_is_scipys(
    successes: int, trials: int, alpha: float, beta: float
) -> None:
    expected = stats.betabinom(trials, alpha, beta).sf(successes - 1)
    assert beta_binomial_tail(successes, trials, alpha, beta) == pytest.approx(expected, rel=1e-9)


def test_beta_binomial_tail_far_out_is_the_sum_of_its_terms() -> None:
    law = stats.betabinom(100, 3, 50)
    expected = math.exp(special.logsumexp(law.logpmf(range(85, 101))))
    assert beta_binomial_tail(85, 100, 3, 50) == pytest.approx(expected, rel=1e-7)


@given(
    st.integers(0, 400),
    st.integers(0, 400),
    st.floats(0.01, 500),
    st.floats(0.01, 500),
    st.floats(1e-8, 0.05),
)
def test_a_limit_saves_time_and_changes_no_decision(
    count: int, more: int, alpha: float, beta: float, limit: float
) -> None:
    trials = count + more
    full = beta_binomial_tail(count, trials, alpha, beta)
    cut = beta_binomial_tail(count, trials, alpha, beta, limit)
    assert 0.0 <= full <= 1.0
    if full < limit * (1 - 1e-6):
        assert cut == pytest.approx(full, rel=1e-6)
    elif full > limit * (1 + 1e-6):
        assert cut >= limit


@pytest.mark.parametrize("count", [0, 1, 2, 7, 40, 1_000])
def test_the_interval_of_a_poisson_mean_is_nearly_garwoods(count: int) -> None:
    lower, upper = poisson_interval(count)
    exact = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    assert lower <= exact * 1.001
    assert count < 7 or lower == pytest.approx(exact, rel=0.01)
    assert upper == pytest.approx(stats.chi2.ppf(0.975, 2 * count + 2) / 2, rel=0.01)
