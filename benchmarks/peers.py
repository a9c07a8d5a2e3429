"""Rules for bursts of negative news as others write them, each with one threshold to be tuned.

A rule gives a key's buckets a statistic each, of what was known at the bucket's end; it alarms
where the statistic is above the threshold. All look at sliding windows, so that none has to wait
for the end of a day.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from alerts.series import BUCKET_SECONDS, Bucket

HOUR, DAY = 3_600, 86_400
Statistic = NDArray[np.float64]


class Counts:
    """A key's stories and negative stories over any windows before the ends of its buckets."""

    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self.starts = np.array([bucket.start for bucket in buckets], dtype=np.int64)
        self.ends = self.starts + BUCKET_SECONDS
        self._stories = np.cumsum([0, *(bucket.stories for bucket in buckets)])
        self._negative = np.cumsum([0, *(bucket.negative for bucket in buckets)])

    def stories(self, since: int, until: int = 0) -> Statistic:
        """Between so many seconds before the end and so many."""
        return self._between(self._stories, since, until)

    def negative(self, since: int, until: int = 0) -> Statistic:
        return self._between(self._negative, since, until)

    def share(self, since: int, until: int = 0) -> Statistic:
        return self.negative(since, until) / np.maximum(1, self.stories(since, until))

    def _between(self, summed: NDArray[np.int64], since: int, until: int) -> Statistic:
        first = np.searchsorted(self.starts, self.ends - since)
        last = np.searchsorted(self.starts, self.ends - until)
        return (summed[last] - summed[first]).astype(float)


def hour_against_half_day(counts: Counts) -> Statistic:
    """The last hour's negative stories over the hourly mean of the twelve hours before, which is
    taken to be at least one in twelve hours."""
    usual = np.maximum(1, counts.negative(13 * HOUR, HOUR)) / 12
    return counts.negative(HOUR) / usual


def sigmas_of_a_fortnight(counts: Counts) -> Statistic:
    """The last day's negative stories in standard deviations above the mean of 14 days before."""
    days = np.array([counts.negative((day + 1) * DAY, day * DAY) for day in range(1, 15)])
    above = counts.negative(DAY) - days.mean(0)
    return np.asarray(above / np.maximum(0.5, days.std(0, ddof=1)))


def two_hours_against_a_week(counts: Counts) -> Statistic:
    """Two hours' negative stories, at least 5, over the usual number of the seven days before."""
    usual = np.maximum(1, counts.negative(7 * DAY + 2 * HOUR, 2 * HOUR)) / 84
    found = counts.negative(2 * HOUR)
    return np.where(found >= 5, found / usual, 0.0)


def ears_c2(counts: Counts) -> Statistic:
    """EARS C2 (Hutwagner et al., Journal of Urban Health 80, 2003): the last day in standard
    deviations above the mean of seven days, two days lie between."""
    days = np.array([counts.negative((day + 1) * DAY, day * DAY) for day in range(3, 10)])
    above = counts.negative(DAY) - days.mean(0)
    return np.asarray(above / np.maximum(0.2, days.std(0, ddof=1)))


def points_over_the_day_before(counts: Counts) -> Statistic:
    """By how much the last day's share is above that of the day before, in points; no fewer than
    ten stories on either."""
    now, before = counts.stories(DAY), counts.stories(2 * DAY, DAY)
    gain = 100 * (counts.share(DAY) - counts.share(2 * DAY, DAY))
    return np.where(np.minimum(now, before) >= 10, gain, 0.0)


PEERS: dict[str, Callable[[Counts], Statistic]] = {
    "1 h against the mean of 12 h": hour_against_half_day,
    "mean + 3 sigma of 14 days": sigmas_of_a_fortnight,
    "2 h against 7 days, times 3, from 5 on": two_hours_against_a_week,
    "EARS C2": ears_c2,
    "+5 points over the day before": points_over_the_day_before,
}


def alarms(counts: Counts, statistic: Statistic, threshold: float) -> NDArray[np.int64]:
    """When alarms begin, seconds since the epoch: above the threshold, after a day below it."""
    above = counts.ends[statistic > threshold]
    if not len(above):
        return above
    return above[np.concatenate(([True], np.diff(above) > DAY))]


def tuned(
    keys: Sequence[tuple[Counts, Statistic]], since: Sequence[int], wanted: float
) -> tuple[float, int]:
    """The smallest threshold at which no more than so many alarms begin, each key's from `since`
    on; and how many do."""

    def total(threshold: float) -> int:
        return sum(
            int((alarms(counts, statistic, threshold) >= begin).sum())
            for (counts, statistic), begin in zip(keys, since, strict=True)
        )

    levels = np.unique(np.concatenate([statistic for _, statistic in keys]))
    # From the top, since far down alarms run into each other and are few again.
    high, step = len(levels) - 1, 1
    while high - step >= 0 and total(float(levels[high - step])) <= wanted:
        high, step = high - step, 2 * step
    low = max(0, high - step)
    while high - low > 1:
        middle = (low + high) // 2
        if total(float(levels[middle])) > wanted:
            low = middle
        else:
            high = middle
    return float(levels[high]), total(float(levels[high]))
