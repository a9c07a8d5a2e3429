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
from alerts.season import FLAT, PooledWeek, Season, hour_of_week
from alerts.series import Bucket

DAY_SECONDS = 86_400
REMEMBERED_DAYS = 28
YOUNG_DAYS = 7
"""Until so many days are known, a rule is taken to watch no less than is usual."""
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
    """Of such keys together."""
    season: Season = FLAT


class Crowd(msgspec.Struct):
    """The news of a rule's keys over the last days; carried from fold to fold."""

    first_day: int | None = None
    days: list[tuple[int, int, int]] = []
    """(start of the day, keys that could raise an alarm, their stories), oldest first."""
    recent: dict[str, list[tuple[int, int, int]]] = {}
    """(start of the day, stories, negative) of each key in the news lately, oldest first."""
    day: int | None = None
    """Start of the day that is being counted."""
    hours: dict[int, tuple[int, int]] = {}
    """(stories, negative) of its hours of the week."""
    week: PooledWeek = msgspec.field(default_factory=PooledWeek)
    today: Share | None = None

    def advance(
        self, rule: AnyRule, found: Mapping[str, Iterable[Bucket]], through: int
    ) -> list[Share]:
        """Take in the keys' buckets up to the one that starts at `through`: those after what was
        taken in before. The shares of the days that this touched, one a day."""
        by_day: dict[int, dict[str, list[Bucket]]] = {}
        for key, buckets in found.items():
            for bucket in buckets:
                if bucket.stories and bucket.start <= through:
                    by_day.setdefault(_day_of(bucket.start), {}).setdefault(key, []).append(bucket)
        begin = min(by_day, default=_day_of(through)) if self.today is None else self.today.day
        shares = []
        for start in range(begin, _day_of(through) + 1, DAY_SECONDS):
            if self.today is None or self.today.day < start:
                self._close(rule)
                self.today = self._share(rule, start)
            shares.append(self.today)
            if start in by_day:
                self._count(start, by_day[start])
        return shares

    def _count(self, day: int, found: Mapping[str, Iterable[Bucket]]) -> None:
        """Count news of the present day."""
        if self.first_day is None:
            self.first_day = day
        self.day = day
        for key, buckets in found.items():
            told = self.recent.setdefault(key, [])
            for bucket in buckets:
                hour = hour_of_week(bucket.start)
                stories, negative = self.hours.get(hour, (0, 0))
                self.hours[hour] = stories + bucket.stories, negative + bucket.negative
                _, before, bad = told.pop() if told and told[-1][0] == day else (day, 0, 0)
                told.append((day, before + bucket.stories, bad + bucket.negative))

    def _close(self, rule: AnyRule) -> None:
        """The day that was counted is over."""
        if self.day is None:
            return
        day, reach = self.day, max(DAY_SECONDS, rule.window)
        oldest = day - (REMEMBERED_DAYS - 1) * DAY_SECONDS
        heard = stories = 0
        kept = {}
        for key, told in self.recent.items():
            within = [item for item in told if item[0] >= oldest]
            if within:
                kept[key] = within
            if sum(count for start, count, _ in within if start > day - reach) >= rule.min_stories:
                heard += 1
                stories += within[-1][1] if within[-1][0] == day else 0
        self.recent = kept
        self.days = [item for item in self.days if item[0] >= oldest] + [(day, heard, stories)]
        self.week.absorb(day, self.hours)
        self.day, self.hours = None, {}

    def _share(self, rule: AnyRule, day: int) -> Share:
        first = day if self.first_day is None else self.first_day
        known_days = min(REMEMBERED_DAYS, (day - first) // DAY_SECONDS)
        oldest = day - REMEMBERED_DAYS * DAY_SECONDS
        within = [item for item in self.days if item[0] >= oldest]
        # With fewer in four weeks it could hardly come to an alarm in one window.
        least = 3 * getattr(rule, "min_negative", 1)
        keys = sum(
            min(1.0, sum(bad for start, _, bad in told if start >= oldest) / least)
            for told in self.recent.values()
        )
        heard = sum(item[1] for item in within) / max(1, known_days)
        stories = sum(item[2] for item in within) / max(1, known_days)
        if known_days < YOUNG_DAYS:
            keys = max(keys, len(rule.keys) or USUAL_KEYS[rule.dimension])
            heard = max(heard, keys)
            stories = (USUAL_STORIES_A_DAY + known_days * stories) / (1 + known_days)
        season = self.week.season()
        return Share(day, max(1.0, keys), max(1.0, heard), max(1.0, stories), season)


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

    def shares(self, first: int, last: int) -> tuple[Share, ...]:
        """Those of the days from that of the bucket that starts at `first` to that at `last`."""
        days = range(_day_of(first), _day_of(last) + 1, DAY_SECONDS)
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
        assert rule.false_alarms is not None
        return rule.false_alarms * rule.window / DAY_SECONDS / self.share(start).keys

    def alarms_a_heard_window(self, rule: BudgetRule, start: int) -> float:
        """The same, where keys without news enough are not asked: what is asked of a window's
        stories, however many they are."""
        share = self.share(start)
        return self.alarms_a_window(rule, start) * share.keys / share.heard


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
