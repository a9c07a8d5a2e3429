"""Limits on the probability of a tail: below one an alert begins, above another it ends."""

import math

from scipy.special import betainc

from alerts.intervals import beta_binomial_tail

MOST_ENTERING = 0.3
"""What three windows in ten are like is no news, even if a desk would be told of it."""
MOST_LEAVING = 0.1
HYSTERESIS = 100
LEAST_PROBABILITY = 1e-300


def leaving(limit: float) -> float:
    """The probability above which an alert that began below `limit` ends."""
    return max(min(MOST_LEAVING, HYSTERESIS * limit), 2 * limit)


def score(probability: float) -> float:
    """How far out a tail is: the negative decimal logarithm of its probability."""
    return -math.log10(max(probability, LEAST_PROBABILITY))


def beta_binomial(
    negative: int, stories: int, share: float, correlation: float, limit: float, is_mid: bool
) -> float:
    """P(X >= negative) among so many stories whose share is Beta-distributed around `share`.

    `is_mid` counts only half of P(X = negative). Exact below `limit`.
    """
    weight = 1 / correlation - 1
    laws = share * weight, (1 - share) * weight, limit
    found = beta_binomial_tail(negative, stories, *laws)
    if not is_mid or found >= 2 * limit:
        return found
    return (found + beta_binomial_tail(negative + 1, stories, *laws)) / 2


def negative_binomial(
    negative: int, expected: float, variance: float, limit: float, is_mid: bool
) -> float:
    """P(X >= negative) of a Poisson count whose mean is Gamma-distributed around `expected`, with
    `variance` relative to it (Greenwood and Yule 1920). `is_mid` and `limit` as in `beta_binomial`.

    The law of a count in one window when its mean is only known from past windows: a negative
    binomial, whose tail is an incomplete beta function (Abramowitz and Stegun 1964, 26.5.26).
    """
    if negative <= 0:
        return 1.0
    shape = 1 / variance
    failure = expected / (expected + shape)
    found = float(betainc(negative, shape, failure))
    if not is_mid or found >= 2 * limit:
        return found
    return (found + float(betainc(negative + 1, shape, failure))) / 2
