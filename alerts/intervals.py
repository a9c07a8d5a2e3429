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


def poisson_interval(count: int, z: float = 1.959964) -> tuple[float, float]:
    """Interval of a Poisson mean of which one count is known, by Byar's approximation.

    Within 1% of the exact one from a count of 7 on, and wider below (Breslow and Day, Statistical
    Methods in Cancer Research II, 1987).
    """
    above = count + 1
    upper = above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3
    if count == 0:
        return 0.0, upper
    return count * max(0.0, 1 - 1 / (9 * count) - z / (3 * math.sqrt(count))) ** 3, upper


def beta_binomial_tail(
    successes: int, trials: int, alpha: float, beta: float, limit: float = 1.0
) -> float:
    """P(X >= successes) for X ~ BetaBinomial(trials, alpha, beta).

    The predictive law of a count when the share itself is only known as Beta(alpha, beta)
    (Skellam 1948). A caller for whom all from `limit` on is alike saves time by saying so: the
    result is then exact below it, else something between it and the truth.
    """
    if successes <= 0:
        return 1.0
    if successes > trials:
        return 0.0
    current = math.exp(
        math.lgamma(trials + 1)
        - math.lgamma(successes + 1)
        - math.lgamma(trials - successes + 1)
        + _log_beta(successes + alpha, trials - successes + beta)
        - _log_beta(alpha, beta)
    )
    total = current
    for count in range(successes, trials):
        ratio = (trials - count) / (count + 1) * (count + alpha) / (trials - count - 1 + beta)
        # From beta >= 1 on the ratio falls, so that a geometric series bounds the rest.
        if beta >= 1 and ratio < 1 and current * ratio <= total * 1e-12 * (1 - ratio):
            break
        current *= ratio
        total += current
        if total >= limit:
            break
    return min(1.0, total)


def _log_beta(alpha: float, beta: float) -> float:
    return math.lgamma(alpha) + math.lgamma(beta) - math.lgamma(alpha + beta)
