"""Tails of a burst's law against independent computations."""

import math
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.detectors.tail import negative_binomial

stats: Any = import_module("scipy.stats")
integrate: Any = import_module("scipy.integrate")


def tail(count: int, shape: float, rate: float, limit: float = 1.0, is_mid: bool = False) -> float:
    return negative_binomial(count, shape / rate, 1 / shape, limit, is_mid)


@pytest.mark.parametrize(
    ("count", "shape", "rate"),
    [(0, 1.0, 1.0), (5, 0.5, 0.5), (40, 20.0, 10.0), (10, 0.7, 9.0), (2_000, 1_000.0, 1.0)],
)
def test_a_burst_is_a_negative_binomial(count: int, shape: float, rate: float) -> None:
    law = stats.nbinom(shape, rate / (1 + rate))
    assert tail(count, shape, rate) == pytest.approx(law.sf(count - 1), rel=1e-9)
    half = (law.sf(count - 1) + law.sf(count)) / 2
    assert tail(count, shape, rate, is_mid=True) == pytest.approx(half if count else 1.0, rel=1e-9)


def test_it_is_a_poisson_of_gamma_mean() -> None:
    expected, _ = integrate.quad(
        lambda mean: stats.poisson(mean).sf(11) * stats.gamma(3.0, scale=1 / 0.8).pdf(mean), 0, 60
    )
    assert tail(12, 3.0, 0.8) == pytest.approx(expected, rel=1e-6)


@given(st.integers(1, 60), st.floats(0.01, 50), st.floats(0.1, 500))
def test_it_is_the_sum_of_its_terms(count: int, shape: float, rate: float) -> None:
    """The terms below the count, by the gamma function: what is left of them is the tail."""
    below = math.fsum(
        math.exp(
            math.lgamma(number + shape)
            - math.lgamma(shape)
            - math.lgamma(number + 1)
            - shape * math.log1p(1 / rate)
            - number * math.log1p(rate)
        )
        for number in range(count)
    )
    assert tail(count, shape, rate) == pytest.approx(1 - below, abs=1e-9)


def test_the_middle_counts_only_where_it_can_decide() -> None:
    whole = tail(9, 3.0, 1.0)
    assert tail(9, 3.0, 1.0, limit=whole, is_mid=True) < whole
    assert tail(9, 3.0, 1.0, limit=whole / 2.5, is_mid=True) == whole


def test_far_out_it_is_small_and_never_negative() -> None:
    assert 0 < tail(300, 36.0, 8.0) < 1e-200
    assert 0 <= tail(3_000, 36.0, 8.0) < 1e-300
