"""Whether answers that are given with a probability are right as often as it says."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """The answers whose confidence is from `low` to below `high`: how many, their mean confidence,
    and the share of them that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(confidence: NDArray[np.floating], right: NDArray[np.bool_]) -> tuple[Bin, ...]:
    """Ten bins of equal width, those that are empty left out; both (n,)."""
    numbers = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return tuple(
        Bin(
            number / BINS,
            (number + 1) / BINS,
            int(inside.sum()),
            float(confidence[inside].mean()),
            float(right[inside].mean()),
        )
        for number in range(BINS)
        if (inside := numbers == number).any()
    )


def calibration_error(bins: Sequence[Bin]) -> float:
    """Expected calibration error: Naeini et al. 2015, "Obtaining Well Calibrated Probabilities
    Using Bayesian Binning"."""
    total = sum(item.count for item in bins)
    return sum(abs(item.accuracy - item.confidence) * item.count for item in bins) / total
