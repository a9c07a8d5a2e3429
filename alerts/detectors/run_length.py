"""How long a CUSUM runs on usual news before a false alarm, and the threshold for a wanted length.

The sums: every story adds log(p1 / p0) when it is negative and log((1 - p1) / (1 - p0)) when it is
not; a sum that falls to 0 begins a new cycle. For independent stories all follows from one cycle
(Page, "Continuous inspection schemes", Biometrika 41, 1954):

    run length = mean stories of a cycle / chance that a cycle ends above the threshold.

Within a cycle the sum after t stories depends only on how many of them were negative, so that the
law of the cycle is followed exactly, story by story, over a handful of states.

The first guess, and the law for large thresholds, is Siegmund's for a process that moves in small
steps (Sequential Analysis, 1985, II.6): e^h - h - 1 = run length x KL(p0 || p1). True
steps jump over the threshold, which multiplies the run length by a factor that hardly depends on
the threshold. For stories that come in bursts, alike among themselves, or many to a bucket, that
factor is measured by simulation, with a fixed seed, on beta-binomial bursts, by whose design effect
the steps are divided.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SEED = 20_541
STREAMS = 500
MEASURED_RUN_LENGTH = 1_000.0
"""In stories that count as one: long enough for the factor to have settled, short enough to be
measured."""
MEASURED_ALARMS = 500
LONGEST_CYCLE = 200_000


def divergence(usual: float, turned: float) -> float:
    """Kullback-Leibler: by how much the log-likelihood ratio falls a usual story, in nats."""
    return usual * math.log(usual / turned) + (1 - usual) * math.log((1 - usual) / (1 - turned))


def small_step_threshold(run_length: float, usual: float, turned: float) -> float:
    """The h of e^h - h - 1 = run length x KL; 0 or more."""
    wanted = max(0.0, run_length) * divergence(usual, turned)
    # From above, Newton falls onto the root of a convex function without passing it.
    threshold = math.log1p(wanted) + math.sqrt(2 * wanted) / (1 + wanted) + 1
    for _ in range(50):
        excess = math.expm1(threshold) - threshold - wanted
        moved = excess / max(math.expm1(threshold), 1e-12)
        threshold -= moved
        if moved < 1e-12:
            break
    return max(0.0, threshold)


def small_step_run_length(threshold: float, usual: float, turned: float, share: float) -> float:
    """Mean stories to an alarm when `share` are negative, by the same law for a process of that
    mean and variance."""
    up, down = math.log(turned / usual), math.log((1 - turned) / (1 - usual))
    mean = share * up + (1 - share) * down
    variance = (up - down) ** 2 * share * (1 - share)
    tilt = -2 * mean / variance * threshold
    if abs(tilt) < 1e-3:
        return threshold**2 / variance
    tilt = min(tilt, 500.0)
    return (math.expm1(tilt) - tilt) / (2 * mean**2 / variance)


def stories_to_alarm(threshold: float, usual: float, turned: float, share: float) -> float:
    """Mean stories from a sum of 0 to the first above the threshold, when `share` are negative.

    At the usual share the run length; at the turned one the delay, in the worst case: the turn
    comes when the sum is at 0. Exact for independent stories.
    """
    up, down = math.log(turned / usual), math.log((1 - usual) / (1 - turned))
    alive, first = np.ones(1), 0
    length = reached = 0.0
    for told in range(1, LONGEST_CYCLE):
        length += float(alive.sum())
        after = np.zeros(len(alive) + 1)
        after[:-1] = alive * (1 - share)
        after[1:] += alive * share
        # After `told` stories, `negative` of them negative, the sum is negative x (up + down)
        # - told x down.
        lowest = math.floor(told * down / (up + down)) + 1
        highest = math.floor((threshold + told * down) / (up + down))
        ended, over = max(0, lowest - first), max(0, highest + 1 - first)
        reached += float(after[over:].sum())
        alive, first = after[ended:over], first + ended
        if not len(alive) or float(alive.sum()) <= 1e-4 * reached:
            break
    return length / reached


@lru_cache(maxsize=4_096)
def exact_threshold(run_length: float, usual: float, turned: float) -> float:
    """The smallest threshold whose run length over independent stories is at least the wanted one.

    The run length climbs in steps, since only certain sums occur; so the wanted one is not always
    to be had.
    """
    low = high = small_step_threshold(run_length, usual, turned)
    while stories_to_alarm(high, usual, turned, usual) < run_length:
        low, high = high, high + 0.5
    while low > 0 and stories_to_alarm(low, usual, turned, usual) >= run_length:
        low, high = max(0.0, low - 0.5), low
    while high - low > 5e-4:
        middle = (low + high) / 2
        if stories_to_alarm(middle, usual, turned, usual) < run_length:
            low = middle
        else:
            high = middle
    return high


@lru_cache(maxsize=1_024)
def overshoot_factor(usual: float, turned: float) -> float:
    """Run length over the small-step law's, of independent stories."""
    threshold = small_step_threshold(10_000, usual, turned)
    return stories_to_alarm(threshold, usual, turned, usual) / 10_000


@lru_cache(maxsize=1_024)
def burst_factor(
    usual: float, turned: float, correlation: float, burst_stories: float, bucket_stories: int
) -> float:
    """Run length over the small-step law's, of stories in bursts of `burst_stories` on average.

    `correlation` is how alike the stories of a burst are (intra-class): their share is
    Beta-distributed around the usual one with variance correlation x p (1 - p). The sum is looked
    at after every `bucket_stories`, and its steps are divided by `design_effect`, for which both
    run lengths stand in so many stories. Measured where the run length is short.
    """
    threshold = small_step_threshold(MEASURED_RUN_LENGTH, usual, turned)
    source = np.random.default_rng(SEED)
    alike = design_effect(correlation, burst_stories)
    up, down = math.log(turned / usual) / alike, math.log((1 - turned) / (1 - usual)) / alike
    trust = 1 / max(correlation, 1e-9) - 1
    over_chance = min(1.0, bucket_stories / burst_stories)
    total = np.zeros(STREAMS)
    share = source.beta(usual * trust, (1 - usual) * trust, STREAMS)
    alarms = steps = 0
    while alarms < MEASURED_ALARMS and steps < 100 * MEASURED_RUN_LENGTH * alike:
        negative = source.binomial(bucket_stories, share)
        total += negative * up + (bucket_stories - negative) * down
        steps += bucket_stories
        np.maximum(total, 0.0, out=total)
        alarm = total > threshold
        alarms += int(alarm.sum())
        total[alarm] = 0.0
        over: NDArray[np.bool_] = alarm | (source.random(STREAMS) < over_chance)
        share[over] = source.beta(usual * trust, (1 - usual) * trust, int(over.sum()))
    return STREAMS * steps / max(1, alarms) / MEASURED_RUN_LENGTH / alike


def design_effect(correlation: float, burst_stories: float) -> float:
    """Stories that count as one where bursts hold a geometric number of them (Kish, Survey
    Sampling, 1965): a story has 2 (burst_stories - 1) others beside it."""
    return 1 + 2 * (burst_stories - 1) * correlation
