"""Divergences against values worked out by hand, and what must hold of any histogram."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.drift import (
    BINS,
    SMOOTHING,
    STATISTICS,
    bins_of,
    histograms,
    jensen_shannon,
    psi,
    verdict,
)

counts = st.lists(st.integers(0, 10_000), min_size=3, max_size=3).filter(any)


def test_psi_by_hand() -> None:
    # (0.6 - 0.5) ln(0.6 / 0.5) + (0.4 - 0.5) ln(0.4 / 0.5) = 0.1 ln 1.5 = 0.040547
    found = psi(np.array([50.0, 50.0]), np.array([6.0, 4.0]))
    assert found == pytest.approx(0.1 * math.log(1.5), abs=1e-4)
    # An empty bin: (1 - 2e) ln((1 + e) / e) of the smoothed shares, about ln(1 / e).
    e = SMOOTHING
    empty = psi(np.array([10.0, 0.0]), np.array([0.0, 10.0]))
    assert empty == pytest.approx(2 * math.log((1 + e) / e) / (1 + 2 * e))


def test_jensen_shannon_by_hand() -> None:
    assert jensen_shannon(np.array([3.0, 0.0]), np.array([0.0, 9.0])) == pytest.approx(1.0)
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4): (log2(4/3) + log2(2/3)/2 + log2(2)/2) / 2
    by_hand = (math.log2(4 / 3) + math.log2(2 / 3) / 2 + 0.5) / 2
    assert jensen_shannon(np.array([4.0, 0.0]), np.array([1.0, 1.0])) == pytest.approx(by_hand)


@given(first=counts, second=counts, scale=st.integers(1, 50))
def test_divergences_are_symmetric_bounded_and_nothing_of_equal_shares(
    first: list[int], second: list[int], scale: int
) -> None:
    one, other = np.array(first, dtype=float), np.array(second, dtype=float)
    assert psi(one, other) >= 0 and 0 <= jensen_shannon(one, other) <= 1
    assert psi(one, other) == pytest.approx(psi(other, one))
    assert jensen_shannon(one, other) == pytest.approx(jensen_shannon(other, one))
    assert psi(one, one * scale) == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(one, one * scale) == pytest.approx(0, abs=1e-12)
    same = all(a * sum(second) == b * sum(first) for a, b in zip(first, second, strict=True))
    assert (psi(one, other) < 1e-13) == same


def test_texts_fall_into_their_bins() -> None:
    sentiment = np.array([[0.2, 0.5, 0.3], [1.0, 0.0, 0.0], [0.3, 0.3, 0.4]], dtype=np.float32)
    bins = bins_of(sentiment, tokens=[7, 8, 600], unknown=[0, 1, 120])
    assert {name: found.tolist() for name, found in bins.items()} == {
        "class": [1, 0, 2],
        "confidence": [5, 9, 4],
        "tokens": [0, 1, 12],
        "unknown": [0, 6, 7],
    }
    found = histograms(bins, [0, 2])
    assert {name: len(found[name]) for name in STATISTICS} == dict(BINS)
    assert found["class"].tolist() == [0, 1, 1]
    nothing = bins_of(np.zeros((0, 3), dtype=np.float32), [], [])
    assert histograms(nothing, [])["confidence"].sum() == 0


def test_verdicts() -> None:
    assert [verdict(value) for value in (None, 0.0, 0.0999, 0.1, 0.25, 0.26)] == [
        "too few texts",
        "stable",
        "stable",
        "moving",
        "moving",
        "drifted",
    ]
