"""What a key is usually like: its past before the window, forgetting exponentially."""

import math
from typing import Self

import msgspec

from alerts.detectors.variation import MEMORIES, Variation
from alerts.rule_fields import WatchRule
from alerts.season import HOUR_SECONDS, OwnWeek, Season, hour_of_week, moved, odds
from alerts.series import Bucket, Window

RHYTHM_STEPS = 12
"""How often in a window its hours are looked at anew: it moves little in so short a while."""


class Memory(msgspec.Struct):
    """The window, and a memory of what lay before it: t seconds back weighs exp(-t / baseline)."""

    window: Window
    stories: float = 0.0
    negative: float = 0.0
    buckets: float = 0.0
    """That these stories came in."""
    exposure_seconds: float = 0.0
    """Forgetting time span that the memory covers."""
    remembered_until: int | None = None
    """End of the span that went into the memory, seconds since the epoch."""

    @classmethod
    def new(cls, rule: WatchRule, watched_since: int | None = None) -> Self:
        """Has seen nothing; silence since `watched_since` (seconds since the epoch) counts."""
        return cls(Window(rule.window), remembered_until=watched_since)

    def take(
        self, baseline_seconds: int, bucket: Bucket, learning: bool
    ) -> list[tuple[int, int, int]]:
        """Take the next bucket in; what left the window for it: (start, stories, negative).

        What leaves while an alert is open is forgotten.
        """
        if self.remembered_until is None:
            # A key is young until it has been known for a window: its rate is the prior's.
            self.remembered_until = bucket.start
        left = self.window.push(bucket)
        edge = bucket.end - self.window.seconds
        if learning:
            for start, stories, negative in left:
                self._age(start, baseline_seconds)
                self.stories += stories
                self.negative += negative
                self.buckets += 1
            self._age(edge, baseline_seconds)
        elif edge > self.remembered_until:
            self.remembered_until = edge
        return left

    def usual_negative(self, prior_negative: float) -> float:
        """Negative stories that a window usually holds.

        The prior is worth one window, so that a week of history outweighs it.
        """
        windows = 1 + self.exposure_seconds / self.window.seconds
        return (prior_negative + self.negative) / windows

    def freeze_seconds(self) -> int:
        """How long an alert may keep the memory from learning: not longer than it reaches back.

        For ever would never take a new normal in, and a young key's usual is a guess at first.
        """
        return max(self.window.seconds, int(self.exposure_seconds))

    def _age(self, until: int, baseline_seconds: int) -> None:
        """Forget, and count the time, up to a moment."""
        assert self.remembered_until is not None
        elapsed = until - self.remembered_until
        if elapsed <= 0:
            return
        factor = math.exp(-elapsed / baseline_seconds)
        self.stories *= factor
        self.negative *= factor
        self.buckets *= factor
        self.exposure_seconds = self.exposure_seconds * factor + baseline_seconds * (1 - factor)
        self.remembered_until = until


class SeasonalMemory(Memory):
    """That knows the week's rhythm, too, and how far the key's news moves from span to span."""

    week: OwnWeek = msgspec.field(default_factory=OwnWeek)
    variation: Variation = msgspec.field(default_factory=Variation)
    rhythm: tuple[int, float, float] = (-1, 1.0, 1.0)
    """Of the windows that end within a while: its number, how much negative news is usual, and how
    negative."""

    frozen_since: int | None = None
    """When the alert that is open began, seconds since the epoch."""

    silent_since: int | None = None
    """Until the first news: since when there was none, seconds since the epoch."""

    @classmethod
    def new(cls, rule: WatchRule, watched_since: int | None = None) -> Self:
        made = super().new(rule, watched_since)
        made.silent_since = watched_since
        return made

    def in_season(
        self, end: int, share: float, expected: float, season: Season
    ) -> tuple[float, float]:
        """The usual share and the usual negative stories of the window that ends then."""
        while_seconds = max(HOUR_SECONDS, self.window.seconds // RHYTHM_STEPS)
        number = (end - 1) // while_seconds
        if self.rhythm[0] != number:
            much, usual = self.week.window(end, self.window.seconds, share, season)
            self.rhythm = number, much, odds(usual) / odds(share)
        return moved(share, self.rhythm[2]), expected * self.rhythm[1]

    def learn_rhythm(
        self,
        left: list[tuple[int, int, int]],
        bucket: Bucket,
        learning: bool,
        season: Season,
        share: float,
        expected: float,
        span_seconds: int,
        baseline_seconds: int,
    ) -> None:
        """Take in what left the window for this bucket: (start, stories, negative).

        `share` is the usual one and `expected` the usual number of negative stories in a span.
        Of an alert only its own time is left out: without what led to it news would seem to move
        less than it does.
        """
        if learning:
            self.frozen_since = None
        elif self.frozen_since is None:
            self.frozen_since = bucket.start
        if self.frozen_since is not None and bucket.end > self.frozen_since + self.window.seconds:
            self.variation.leave_out()
            return

        def expected_in(place: int) -> float:
            end = (place + 1) * span_seconds
            return expected * self.week.window(end, span_seconds, share, season)[0]

        fade = math.exp(-span_seconds / (MEMORIES * baseline_seconds))
        if self.silent_since is not None:
            self.variation.place = self.silent_since // span_seconds
            self.silent_since = None
        for start, stories, negative in left:
            self.variation.advance(start // span_seconds, expected_in, fade)
            likely = self.week.share(hour_of_week(start), share, season)
            self.variation.add(stories, negative, stories * likely)
            self.week.absorb(start, stories, negative, season)
        if self.variation.place is not None:
            over = (bucket.end - self.window.seconds) // span_seconds
            self.variation.advance(max(over, self.variation.place), expected_in, fade)
