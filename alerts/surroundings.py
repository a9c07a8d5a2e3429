"""What the keys that a rule watches come to together, and what that leaves for each of them.

A rule's budget of false alarms holds for the rule as a whole, however many keys it watches and
however they come and go. It is shared anew every UTC day, by the news of the 28 days before, so
that all that share it on a day know it when the day begins: live, backtest and replay alike.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.rule_fields import BudgetRule
from alerts.rules import AnyRule
from alerts.series import Bucket

DAY_SECONDS = 86_400
REMEMBERED_DAYS = 28
YOUNG_DAYS = 7
"""Until so many days are known, a rule is taken to watch no fewer keys than is usual."""
USUAL_KEYS = {"all": 1, "topic": 17, "entity": 100, "source": 20, "language": 2}
USUAL_STORIES_A_DAY = 500.0
"""Weighs as much as one day of history."""


def has_budget(rule: AnyRule) -> bool:
    """Whether the rule's limit comes from a budget of false alarms."""
    return isinstance(rule, BudgetRule) and rule.false_alarms is not None


class Share(msgspec.Struct, frozen=True):
    """By what a day's budget is divided."""

    day: int
    """Start of the day, seconds since the epoch."""
    keys: int
    """That were in the news lately."""
    stories_a_day: float
    """Of all keys together."""


class Crowd(msgspec.Struct):
    """The news of a rule's keys over the last days; carried from fold to fold."""

    first_day: int | None = None
    days: list[tuple[int, int]] = []
    """(start of the day, stories), oldest first."""
    seen: dict[str, int] = {}
    """Start of the day on which a key was last in the news."""
    today: Share | None = None

    def advance(
        self, rule: AnyRule, found: Mapping[str, Iterable[Bucket]], through: int
    ) -> list[Share]:
        """Take in the keys' buckets up to the one that starts at `through`: those after what was
        taken in before. The shares of the days that this touched, one a day."""
        by_day: dict[int, dict[str, int]] = {}
        for key, buckets in found.items():
            for bucket in buckets:
                if bucket.stories and bucket.start <= through:
                    day = by_day.setdefault(_day_of(bucket.start), {})
                    day[key] = day.get(key, 0) + bucket.stories
        begin = min(by_day, default=_day_of(through)) if self.today is None else self.today.day
        shares = []
        for start in range(begin, _day_of(through) + 1, DAY_SECONDS):
            if self.today is None or self.today.day < start:
                self.today = self._share(rule, start)
            shares.append(self.today)
            if start in by_day:
                self._absorb(start, by_day[start])
        return shares

    def _absorb(self, day: int, stories: dict[str, int]) -> None:
        if self.first_day is None:
            self.first_day = day
        total = sum(stories.values())
        if self.days and self.days[-1][0] == day:
            total += self.days.pop()[1]
        oldest = day - REMEMBERED_DAYS * DAY_SECONDS
        self.days = [item for item in self.days if item[0] >= oldest] + [(day, total)]
        self.seen |= dict.fromkeys(stories, day)
        self.seen = {key: last for key, last in self.seen.items() if last >= oldest}

    def _share(self, rule: AnyRule, day: int) -> Share:
        first = day if self.first_day is None else self.first_day
        known_days = min(REMEMBERED_DAYS, (day - first) // DAY_SECONDS)
        oldest = day - REMEMBERED_DAYS * DAY_SECONDS
        keys = sum(last >= oldest for last in self.seen.values())
        if known_days < YOUNG_DAYS:
            keys = max(keys, len(rule.keys) or USUAL_KEYS[rule.dimension])
        stories = sum(count for start, count in self.days if start >= oldest)
        return Share(day, max(1, keys), (USUAL_STORIES_A_DAY + stories) / (1 + known_days))


class Surroundings:
    """What a fold may know beyond its own key."""

    def __init__(
        self, rule: AnyRule, shares: Sequence[Share] = (), totals: Iterable[Bucket] = ()
    ) -> None:
        """`totals` are the buckets of all keys together, in order of time."""
        self._shares = {share.day: share for share in shares}
        self._young = Crowd()._share(rule, 0)
        self._starts: list[int] = []
        self._sums = [(0, 0)]
        """Stories and negative ones of the totals before the same place in `starts`."""
        for bucket in totals:
            stories, negative = self._sums[-1]
            self._starts.append(bucket.start)
            self._sums.append((stories + bucket.stories, negative + bucket.negative))

    def window_totals(self, end: int, seconds: int) -> tuple[int, int]:
        """Stories and negative ones of all keys together, over the `seconds` before `end`."""
        first = bisect.bisect_left(self._starts, end - seconds)
        last = bisect.bisect_left(self._starts, end)
        return (
            self._sums[last][0] - self._sums[first][0],
            self._sums[last][1] - self._sums[first][1],
        )

    def share(self, start: int) -> Share:
        """The share of the day of the bucket that starts then; before any news, a usual one."""
        return self._shares.get(_day_of(start), self._young)

    def run_length(self, rule: BudgetRule, start: int) -> float:
        """Usual stories between two false alarms of a key: the same for all, so that the alarms
        fall on the keys as their stories do."""
        assert rule.false_alarms is not None
        return self.share(start).stories_a_day / rule.false_alarms

    def alarms_a_window(self, rule: BudgetRule, start: int) -> float:
        """False alarms that a key may raise while one window passes: the same for all keys."""
        assert rule.false_alarms is not None
        share = self.share(start)
        return rule.false_alarms * rule.window / DAY_SECONDS / share.keys


def looks(negative: float, expected: float) -> float:
    """How many independent looks one sliding window amounts to while it passes once.

    The tail probability of one look, times the looks, is the chance that a usual window gets so far
    anywhere in its passage: for Poisson counts the rate at which a window's count climbs to k is
    (k - m) P(k), against a tail of P(k) k / (k - m) (Alm, "On the distribution of the scan
    statistic of a Poisson process", 1983; Aldous's clumping heuristic).
    """
    if negative <= expected:
        return 1.0
    return max(1.0, (negative - expected) ** 2 / negative)


def _day_of(start: int) -> int:
    return start - start % DAY_SECONDS
