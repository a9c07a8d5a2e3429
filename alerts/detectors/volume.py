"""Volume: far more negative stories in a window than the key usually has, whatever their share.

The count is negative binomial: its mean is Gamma, known from the history and the prior, follows the
week (`alerts/season.py`), and moves from window to window by so much of itself as is fitted by key,
from `prior_variation` on (`alerts/detectors/variation.py`).

Past windows lie side by side on the clock, not sliding. The memory forgets, and learns nothing
while an alert is open; windows that an alert touches are left out.
"""

from alerts.detectors.memory import SeasonalMemory
from alerts.detectors.tail import MOST_ENTERING, leaving, negative_binomial, score
from alerts.detectors.variation import HEAVY
from alerts.rules import VolumeRule
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings, looks


class VolumeDetector(SeasonalMemory, tag="volume"):
    """The window, what lay before it, and the moments of past windows' counts."""

    def step(
        self, rule: VolumeRule, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        left = self.take(rule.baseline, bucket, learning)
        season = around.season(bucket.start)
        usual = self.usual_negative(rule.prior_negative)
        share = (rule.prior_negative + self.negative) / (3 * rule.prior_negative + self.stories)
        self.learn_rhythm(left, bucket, learning, season, share, usual, rule.window, rule.baseline)
        share, expected = self.in_season(bucket.end, share, usual, season)
        variation = self.variation.variation_squared(
            rule.prior_variation, usual, rule.prior_windows
        )
        stories, negative = self.window.stories, self.window.negative
        limit = rule.probability
        if rule.false_alarms is not None:
            # Stories in bursts: so many of them are one step of the window's count.
            alike = 1 + expected * variation
            passes = min(looks(negative / alike, expected / alike), len(self.window.buckets))
            a_window = around.alarms_a_window(rule, bucket.start)
            limit = min(MOST_ENTERING, a_window / max(1.0, passes))
        leave = leaving(limit)
        probability = 1.0
        # No prior knows how much news a new key has: the first window only teaches.
        if self.exposure_seconds >= rule.window and negative > expected:
            variance = 1 / (rule.prior_negative + self.negative)
            variance += variation * self.variation.doubt(limit, HEAVY)
            is_mid = rule.false_alarms is not None
            probability = negative_binomial(negative, expected, variance, leave, is_mid)
        return self.window.finding(
            entered=stories >= rule.min_stories
            and negative >= rule.min_negative
            and probability < limit,
            left=probability > leave or negative == 0,
            baseline=share,
            expected_negative=expected,
            score=score(probability),
        )
