"""Limits on the probability of a tail: below one an alert begins, above another it ends."""

import math

MOST_LEAVING = 0.05
HYSTERESIS = 100
LEAST_PROBABILITY = 1e-300


def leaving(limit: float) -> float:
    """The probability above which an alert that began below `limit` ends."""
    return min(MOST_LEAVING, HYSTERESIS * limit)


def score(probability: float) -> float:
    """How far out a tail is: the negative decimal logarithm of its probability."""
    return -math.log10(max(probability, LEAST_PROBABILITY))
