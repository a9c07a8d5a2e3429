"""Agreement and calibration against values worked out by hand."""

import pytest

from models.agreement import cohen_kappa, confidence_error


def test_kappa_by_hand() -> None:
    # Of 50: agreed (20 + 15) / 50 = 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5 (Cohen's example).
    counts = {("y", "y"): 20, ("y", "n"): 5, ("n", "y"): 10, ("n", "n"): 15}
    assert cohen_kappa(counts) == pytest.approx((0.7 - 0.5) / 0.5)
    assert cohen_kappa({("y", "y"): 3, ("n", "n"): 4}) == pytest.approx(1.0)
    assert cohen_kappa({("y", "n"): 5, ("n", "y"): 5}) == pytest.approx(-1.0)


def test_kappa_where_chance_explains_everything() -> None:
    assert cohen_kappa({}) is None
    assert cohen_kappa({("y", "y"): 10}) is None


def test_calibration_error_by_hand() -> None:
    assert confidence_error([], []) is None
    assert confidence_error([1.0, 1.0], [True, True]) == 0
    # Two at 0.9, one right: |0.5 - 0.9|; two at 0.55, both right: |1 - 0.55|; halves each.
    found = confidence_error([0.9, 0.9, 0.55, 0.55], [True, False, True, True])
    assert found == pytest.approx((0.4 + 0.45) / 2)
