"""What the keys that a rule watches come to together, and what that leaves for each of them.

A rule's budget of false alarms holds for the rule as a whole, however many keys it watches and
however they come and go. It is shared anew every UTC day, by the news of the 28 days before, so
that all that share it on a day know it when the day begins: live, backtest and replay alike.
"""

import bisect
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from alerts.correction import ErrorCounts, Kind
from alerts.rule_fields import BudgetRule
from alerts.rules import AnyRule
from alerts.season import FLAT, Season
from alerts.series import Bucket

DAY_SECONDS = 86_400
USUAL_KEYS = {"all": 1, "topic": 17, "entity": 100, "theme": 50, "source": 20, "language": 2}
USUAL_STORIES_A_DAY = 500.0


def has_crowd(rule: AnyRule) -> bool:
    """Whether the rule looks at a key beside the others: it shares a budget, or learns the week."""
    return isinstance(rule, BudgetRule)


class Share(msgspec.Struct, frozen=True):
    """By what a day's budget is divided, and the rhythm of the week as it is known then."""

    day: int
    """Start of the day, seconds since the epoch."""
    keys: float
    """That were in the negative news lately; those hardly ever in it count less than one."""
    heard: float
    """That had news enough to raise an alarm, on a day."""
    stories_a_day: float
    """Of keys that lately had, together."""
    season: Season = FLAT
    limit: float | None = None
    """For questions of share: false alarms that each key may raise while one window passes; None
    where too little is known to find it."""


def usual_share(rule: AnyRule, day: int = 0) -> Share:
    """Where no news is known yet: a rule is taken to watch the usual number of keys."""
    keys = len(rule.keys) or USUAL_KEYS[rule.dimension]
    return Share(day, keys, keys, USUAL_STORIES_A_DAY)


class Surroundings:
    """What a fold may know beyond its own key."""

    def __init__(
        self,
        rule: AnyRule,
        shares: Sequence[Share] = (),
        totals: Iterable[Bucket] = (),
        errors: Mapping[Kind, ErrorCounts] = MappingProxyType({}),
    ) -> None:
        """`totals` are the buckets of all keys together, in order of time; `errors` how the models
        did on labelled texts."""
        self.errors = errors
        self._shares = {share.day: share for share in shares}
        self._young = usual_share(rule)
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
        return self._shares.get(day_of(start), self._young)

    def shares(self, first: int, last: int) -> tuple[Share, ...]:
        """Those of the days from that of the bucket that starts at `first` to that at `last`."""
        days = range(day_of(first), day_of(last) + 1, DAY_SECONDS)
        return tuple(self._shares[day] for day in days if day in self._shares)

    def season(self, start: int) -> Season:
        """The week's rhythm as it is known on the day of that bucket."""
        return self.share(start).season

    def run_length(self, rule: BudgetRule, start: int) -> float:
        """Usual stories between two false alarms of a key: the same for all, so that the alarms
        fall on the keys as their stories do."""
        assert rule.false_alarms is not None
        return self.share(start).stories_a_day / rule.false_alarms

    def alarms_a_window(self, rule: BudgetRule, start: int) -> float:
        """False alarms that a key may raise while one window passes: the same for all keys."""
        return alarms_a_window(rule, self.share(start).keys)

    def common_limit(self, rule: BudgetRule, start: int) -> tuple[float, float]:
        """False alarms that a key may raise while one window passes, by questions of share and by
        those of number."""
        limit = self.share(start).limit
        if limit is None:
            return self.alarms_a_heard_window(rule, start), self.alarms_a_window(rule, start)
        return limit, limit

    def alarms_a_heard_window(self, rule: BudgetRule, start: int) -> float:
        """The same, where keys without news enough are not asked: what is asked of a window's
        stories, however many they are."""
        return alarms_a_window(rule, self.share(start).heard)


def alarms_a_window(rule: BudgetRule, keys: float) -> float:
    """False alarms while one window passes of each of so many keys, if all use up their part."""
    assert rule.false_alarms is not None
    return rule.false_alarms * rule.window / DAY_SECONDS / keys


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


def day_of(start: int) -> int:
    return start - start % DAY_SECONDS
