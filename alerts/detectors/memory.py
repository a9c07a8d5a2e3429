"""What a key is usually like: its past before the window, forgetting exponentially."""

import math
from typing import Self

import msgspec

from alerts.rule_fields import WatchRule
from alerts.series import Bucket, Window


class Memory(msgspec.Struct):
    """The window, and a memory of what lay before it: t seconds back weighs exp(-t / baseline)."""

    window: Window
    stories: float = 0.0
    negative: float = 0.0
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
        self.exposure_seconds = self.exposure_seconds * factor + baseline_seconds * (1 - factor)
        self.remembered_until = until
