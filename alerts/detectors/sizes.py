"""The limit that spends a budget: by the chance that each key has of reaching it.

Counts are whole and small. A key with three stories in its window has an alarm at three negative
ones or at none, and where even three are likelier than the limit there is no alarm at all: of what
it was given hardly anything is used up. So a budget is not divided by the number of keys: one limit
is found, the same for all, at which the chances that the keys really have of passing it come to the
budget (Tarone, Biometrics 46, 1990; Westfall and Wolfinger, American Statistician 51, 1997).

Whenever news of a key comes in, its window holds so many stories. Each number of negative ones from
which on an alarm would be raised has a limit that takes it in, by the laws of `surge`, and a size:
the chance of as many among so many stories of the key's usual news, beta-binomial by what is known
of the usual share, weighed by how much of a further look the window is. What sizes come to at each
of `LIMITS` is summed over keys and days; older days weigh less.
"""

import itertools
import math
from collections.abc import Sequence

from alerts.detectors.surge import SurgeDetector, Usual
from alerts.detectors.tail import MOST_ENTERING
from alerts.rules import SurgeRule
from alerts.series import Bucket
from alerts.surroundings import looks

STEPS_A_DECADE = 16
DECADES = 8
LIMITS = tuple(
    math.pow(10, step / STEPS_A_DECADE - DECADES) for step in range(STEPS_A_DECADE * DECADES + 1)
)
LEAST_CHANCE = 1e-9


def count_sizes(
    sizes: list[float],
    detector: SurgeDetector,
    rule: SurgeRule,
    usual: Usual,
    bucket: Bucket,
    guess: float,
) -> None:
    """Add what the window that ends with `bucket` adds to the sizes of the `LIMITS`, to each what
    it has beyond the one before. `guess` is a limit near the one that will be."""
    stories, buckets = detector.window.stories, len(detector.window.buckets)
    least = max(rule.min_negative, math.floor(stories * usual.share) + 1)
    if stories < rule.min_stories or least > stories:
        return
    alike = 1 + (stories - 1) * usual.correlation
    in_step = 1 + usual.expected * usual.variation_squared
    # What was there before could perhaps not have raised an alarm.
    is_first = stories - bucket.stories < rule.min_stories
    law = detector.tone_spread(rule, usual, guess)
    tone = _beta_binomial_tails(least, stories, usual.share, law)
    chance = _beta_binomial_tails(least, stories, usual.share, _known_spread(detector, rule, usual))
    volume = [1.0] * (len(tone) + 1)
    if rule.ask == "both" and detector.exposure_seconds >= rule.window:
        variance = detector.volume_variance(rule, usual, guess)
        volume = _negative_binomial_tails(least, len(tone) + 1, usual.expected, variance)
    # Mid-p: half of the very count's chance. Of two questions each has half of the limit, which
    # makes it the sum.
    halves = 0.5 if rule.ask == "tone" else 1.0
    before, place = 0.0, len(LIMITS)
    for number in range(min(len(tone), len(chance)) - 1):
        negative = least + number
        of_tone = (tone[number] + tone[number + 1]) * halves
        of_number = (volume[number] + volume[number + 1]) * halves
        needed = math.inf
        if of_tone < MOST_ENTERING:
            passes = looks(negative / alike, usual.share * stories / alike)
            needed = of_tone * min(buckets, passes)
        if of_number < MOST_ENTERING:
            passes = looks(negative / in_step, usual.expected / in_step)
            needed = min(needed, of_number * min(buckets, passes))
        if needed >= 1:
            continue
        within = _place(needed)
        if within >= place:
            continue
        size = chance[number]
        if not is_first:
            mean = stories * usual.share
            times = (negative - mean) ** 2 / (mean * (1 - usual.share) * alike)
            size *= min(1.0, bucket.stories / stories * max(1.0, times))
        # At the limits from the last place on this count is not the first to raise an alarm.
        if place < len(LIMITS):
            sizes[place] += before - size
        before, place = size, within
        if not place:
            break
    if place < len(LIMITS):
        sizes[place] += before


def common_limit(sizes: Sequence[float], budget: float) -> float:
    """The limit whose sizes come to `budget`; the last one where none does."""
    total = sizes[0]
    if total > budget:
        return LIMITS[0]
    for number, more in enumerate(sizes[1:], start=1):
        if total + more > budget:
            step = LIMITS[number] / LIMITS[number - 1]
            limit = LIMITS[number - 1] * math.pow(step, (budget - total) / more)
            # Rounded, so that the last bits of a sum are nobody's limit.
            return float(f"{limit:.4g}")
        total += more
    return LIMITS[-1]


def _place(limit: float) -> int:
    """The first of `LIMITS` that is not below it."""
    return max(0, math.ceil((math.log10(max(limit, 1e-12)) + DECADES) * STEPS_A_DECADE))


def _known_spread(detector: SurgeDetector, rule: SurgeRule, usual: Usual) -> float:
    """As `tone_spread`, without what it allows for."""
    windows = 1 + detector.exposure_seconds / rule.window
    alike = 1 + detector.stories / windows * usual.correlation
    known = rule.prior_stories * rule.dispersion + detector.stories / alike
    return min(0.95, 1 / (known + 1) + usual.correlation)


def _beta_binomial_tails(least: int, stories: int, share: float, correlation: float) -> list[float]:
    """P(X >= count) for the counts from `least` on, until there is hardly any chance; the last is
    that of one more."""
    weight = 1 / correlation - 1
    alpha, beta = share * weight, (1 - share) * weight
    term = math.exp(
        math.lgamma(stories + 1)
        - math.lgamma(least + 1)
        - math.lgamma(stories - least + 1)
        + math.lgamma(least + alpha)
        + math.lgamma(stories - least + beta)
        - math.lgamma(stories + alpha + beta)
        - math.lgamma(alpha)
        - math.lgamma(beta)
        + math.lgamma(alpha + beta)
    )
    terms = [term]
    for count in range(least, stories):
        rest = stories - count
        term *= rest / (count + 1) * (count + alpha) / (rest - 1 + beta)
        terms.append(term)
        if term < LEAST_CHANCE:
            break
    return _sums(terms)


def _negative_binomial_tails(
    least: int, wanted: int, expected: float, variance: float
) -> list[float]:
    """P(X >= count) for so many counts from `least` on; 1 up to the expected number."""
    shape = 1 / variance
    rate = shape / expected
    term = math.exp(
        math.lgamma(least + shape)
        - math.lgamma(shape)
        - math.lgamma(least + 1)
        - shape * math.log1p(1 / rate)
        - least * math.log1p(rate)
    )
    terms, odds = [term], 1 + rate
    for count in range(least, least + 20 * wanted - 1):
        if term <= LEAST_CHANCE and len(terms) >= wanted:
            break
        term *= (count + shape) / (count + 1) / odds
        terms.append(term)
    tails = _sums(terms)[:wanted]
    usual = min(wanted, max(0, math.floor(expected) - least + 1))
    tails[:usual] = [1.0] * usual
    return tails


def _sums(terms: list[float]) -> list[float]:
    """Of each term and all after it; at last 0."""
    sums = list(itertools.accumulate(reversed(terms), initial=0.0))
    sums.reverse()
    return sums
