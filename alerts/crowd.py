"""The news of a rule's keys over the last days, and how a day's budget is shared by it."""

import math
from collections.abc import Iterable, Mapping
from typing import TypeGuard

import msgspec

from alerts.detectors.sizes import LIMITS, common_limit, count_sizes
from alerts.detectors.surge import SurgeDetector
from alerts.rules import AnyRule, SurgeRule
from alerts.season import OwnWeek, PooledWeek, hour_of_week
from alerts.series import Bucket
from alerts.surroundings import DAY_SECONDS, Share, alarms_a_window, day_of, usual_share

REMEMBERED_DAYS = 28
HEARD_DAYS = 14
"""For so long after it had news enough all stories of a key count: its sum waits for them."""
YOUNG_DAYS = 7
"""Until so many days are known, a rule is taken to watch no less than is usual."""


class Crowd(msgspec.Struct):
    """The news of a rule's keys over the last days; carried from fold to fold."""

    first_day: int | None = None
    days: list[tuple[int, int, int]] = []
    """(start of the day, keys that could raise an alarm, stories of those that lately could),
    oldest first."""
    recent: dict[str, list[tuple[int, int, int]]] = {}
    """(start of the day, stories, negative) of each key in the news lately, oldest first."""
    heard_on: dict[str, int] = {}
    """Start of the last day on which a key had news enough to raise an alarm."""
    day: int | None = None
    """Start of the day that is being counted."""
    hours: dict[int, tuple[int, int]] = {}
    """(stories, negative) of its hours of the week."""
    week: PooledWeek = msgspec.field(default_factory=PooledWeek)
    usual: dict[str, SurgeDetector] = {}
    """Where a budget is shared by what the keys can reach: what is usual for them."""
    sizes: list[float] = msgspec.field(default_factory=lambda: [0.0] * len(LIMITS))
    """Chances of reaching the limits, of all days; older ones weigh less."""
    sized_days: float = 0.0
    """That they are of."""
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
                    by_day.setdefault(day_of(bucket.start), {}).setdefault(key, []).append(bucket)
        begin = min(by_day, default=day_of(through)) if self.today is None else self.today.day
        shares = []
        for start in range(begin, day_of(through) + 1, DAY_SECONDS):
            if self.today is None or self.today.day < start:
                self._close(rule)
                if self.today is not None and _is_sized(rule):
                    self._fade()
                self.today = self._share(rule, start)
            shares.append(self.today)
            if start in by_day:
                self._count(rule, start, by_day[start])
        return shares

    def _count(self, rule: AnyRule, day: int, found: Mapping[str, Iterable[Bucket]]) -> None:
        """Count news of the present day."""
        if self.first_day is None:
            self.first_day = day
        self.day = day
        for key, buckets in found.items():
            if _is_sized(rule):
                self._size(rule, key, buckets)
            told = self.recent.setdefault(key, [])
            for bucket in buckets:
                hour = hour_of_week(bucket.start)
                stories, negative = self.hours.get(hour, (0, 0))
                self.hours[hour] = stories + bucket.stories, negative + bucket.negative
                _, before, bad = told.pop() if told and told[-1][0] == day else (day, 0, 0)
                told.append((day, before + bucket.stories, bad + bucket.negative))

    def _size(self, rule: SurgeRule, key: str, buckets: Iterable[Bucket]) -> None:
        assert self.today is not None
        if key not in self.usual:
            since = None if rule.dimension == "source" else self.first_day
            self.usual[key] = SurgeDetector.new(rule, since)
        own = self.usual[key]
        guess = self.today.limit or alarms_a_window(rule, self.today.heard)
        for bucket in buckets:
            usual = own.learn(rule, bucket, True, self.today.season)
            # The rhythm of all will do: its own would take most of the room.
            own.week = OwnWeek()
            count_sizes(self.sizes, own, rule, usual, bucket, guess)

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
                self.heard_on[key] = day
            if within and within[-1][0] == day and key in self.heard_on:
                stories += within[-1][1]
        lately = day - (HEARD_DAYS - 1) * DAY_SECONDS
        self.heard_on = {key: last for key, last in self.heard_on.items() if last >= lately}
        self.recent = kept
        self.days = [item for item in self.days if item[0] >= oldest] + [(day, heard, stories)]
        self.week.absorb(day, self.hours)
        self.day, self.hours = None, {}

    def _fade(self) -> None:
        """A day is over, with news or without."""
        factor = math.exp(-1 / REMEMBERED_DAYS)
        self.sized_days = (self.sized_days + 1) * factor
        self.sizes = [size * factor for size in self.sizes]
        self.usual = {key: own for key, own in self.usual.items() if key in self.recent}

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
            usual = usual_share(rule)
            keys = max(keys, usual.keys)
            heard = max(heard, keys)
            stories = (usual.stories_a_day + known_days * stories) / (1 + known_days)
        season = self.week.season()
        shared = Share(day, max(1.0, keys), max(1.0, heard), max(1.0, stories), season)
        if known_days < YOUNG_DAYS or not _is_sized(rule):
            return shared
        assert rule.false_alarms is not None
        # After an alarm a key raises none for a while: it takes more to come to as many.
        quiet = rule.false_alarms * (rule.cooldown + rule.window / 2) / DAY_SECONDS / shared.heard
        budget = rule.false_alarms * self.sized_days / max(0.1, 1 - quiet)
        return msgspec.structs.replace(shared, limit=common_limit(self.sizes, budget))


def _is_sized(rule: AnyRule) -> TypeGuard[SurgeRule]:
    """Whether a day's limit is found from what the keys can reach."""
    return isinstance(rule, SurgeRule) and rule.false_alarms is not None
