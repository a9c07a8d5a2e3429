"""Confidence intervals and tail probabilities of counts."""

import math


def wilson(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927); (0, 1) where there is no trial.

    `z` is the normal quantile: 1.959964 gives 95% two-sided.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    spread = z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    margin = z / (1 + spread) * math.sqrt(share * (1 - share) / trials + spread / (4 * trials))
    return max(0.0, centre - margin), min(1.0, centre + margin)


def beta_binomial_tail(successes: int, trials: int, alpha: float, beta: float) -> float:
    """P(X >= successes) for X ~ BetaBinomial(trials, alpha, beta).

    The predictive law of a count when the share itself is only known as Beta(alpha, beta)
    (Skellam 1948).
    """
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    norm = _log_beta(alpha, beta)

    def term(count: int) -> float:
        return math.exp(
            math.lgamma(trials + 1)
            - math.lgamma(count + 1)
            - math.lgamma(trials - count + 1)
            + _log_beta(count + alpha, trials - count + beta)
            - norm
        )

    current, total = term(successes), 0.0
    for count in range(successes, trials + 1):
        total += current
        if count < trials:
            current *= (trials - count) / (count + 1)
            current *= (count + alpha) / (trials - count - 1 + beta)
    return min(1.0, total)


def negative_binomial_tail(count: int, shape: float, rate: float) -> float:
    """P(X >= count) for X ~ Poisson(m), m ~ Gamma(shape, rate): a negative binomial.

    The predictive law of a count in one window when its mean is only known from past windows
    (Greenwood and Yule 1920). Mean shape / rate.
    """
    if count <= 0:
        return 1.0
    success = rate / (1 + rate)
    failure = 1 / (1 + rate)
    current = math.exp(shape * math.log(success))
    if current > 1e-290:
        below = 0.0
        for number in range(count):
            below += current
            current *= (number + shape) / (number + 1) * failure
        if below < 0.999:
            return 1.0 - below
    # Far in the tail, or a mean far from zero: sum upwards from the count, no cancellation.
    current = math.exp(
        math.lgamma(count + shape)
        - math.lgamma(shape)
        - math.lgamma(count + 1)
        + shape * math.log(success)
        + count * math.log(failure)
    )
    total, number = 0.0, count
    while True:
        total += current
        current *= (number + shape) / (number + 1) * failure
        number += 1
        ratio = (number + shape) / (number + 1) * failure
        if ratio < 1 and current / (1 - ratio) < total * 1e-12 + 1e-300:
            return min(1.0, total)


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
