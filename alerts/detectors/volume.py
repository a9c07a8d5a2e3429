"""Volume: far more negative stories in a window than the key usually has, whatever their share.

The count is negative binomial: its mean is Gamma, known from the history and the prior, and moves
from window to window by `variation` of itself. The variation is fitted by key, by moments
(Anscombe, Biometrika 36, 1949): over past windows of counts c with mean m, (c - m)^2 - c is m^2 x
variation^2 on average. It is shrunk towards the prior, which weighs as much as `prior_windows`
windows, so that a key without history has the prior's.

Past windows lie side by side on the clock, not sliding. The memory forgets, and learns nothing
while an alert is open; windows that an alert touches are left out.
"""

import math

from alerts.detectors.memory import Memory
from alerts.detectors.tail import leaving, score
from alerts.intervals import negative_binomial_tail
from alerts.rules import VolumeRule
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings, looks


class VolumeDetector(Memory, tag="volume"):
    """The window, what lay before it, and the moments of past windows' counts."""

    place: int | None = None
    """Number on the clock of the past window that is being counted."""
    count: int = 0
    windows: float = 0.0
    total: float = 0.0
    squares: float = 0.0

    def step(
        self, rule: VolumeRule, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        left = self.take(rule.baseline, bucket, learning)
        if learning:
            for start, _, negative in left:
                self._count(rule, start // rule.window, negative)
        else:
            self.place, self.count = None, 0
        stories, negative = self.window.stories, self.window.negative
        expected = self.usual_negative(rule.prior_negative)
        variance = self._variation_squared(rule)
        limit = rule.probability
        if rule.false_alarms is not None:
            # Stories in bursts: so many of them are one step of the window's count.
            alike = 1 + expected * variance
            passes = looks(negative / alike, expected / alike)
            limit = around.alarms_a_window(rule, bucket.start) / passes
        leave = leaving(limit)
        probability = 1.0
        # No prior knows how much news a new key has: the first window only teaches.
        if self.exposure_seconds >= rule.window and negative > expected:
            shape = 1 / (1 / (rule.prior_negative + self.negative) + variance)
            probability = negative_binomial_tail(negative, shape, shape / expected, leave)
        usual = (rule.prior_negative + self.negative) / (2 * rule.prior_negative + self.stories)
        return self.window.finding(
            entered=stories >= rule.min_stories
            and negative >= rule.min_negative
            and probability < limit,
            left=probability > leave or negative == 0,
            baseline=min(1.0, usual),
            expected_negative=expected,
            score=score(probability),
        )

    def _count(self, rule: VolumeRule, place: int, negative: int) -> None:
        """Count what left the window; windows that are over go into the moments."""
        if self.place is not None and place > self.place:
            fade = math.exp(-rule.window / rule.baseline)
            self.windows = self.windows * fade + 1
            self.total = self.total * fade + self.count
            self.squares = self.squares * fade + self.count**2
            silent = fade ** (place - self.place - 1)
            self.windows = self.windows * silent + (1 - silent) / (1 - fade)
            self.total *= silent
            self.squares *= silent
            self.count = 0
        self.place = place
        self.count += negative

    def _variation_squared(self, rule: VolumeRule) -> float:
        """How far the usual count moves from window to window: relative variance beyond chance."""
        prior = rule.prior_windows * rule.prior_variation**2
        if not self.total:
            return rule.prior_variation**2
        mean = self.total / self.windows
        excess = (self.squares - self.total * mean - self.total) / mean**2
        return max(0.0, (prior + excess) / (rule.prior_windows + self.windows))
