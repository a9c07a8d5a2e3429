"""Surge: a window's negative stories are far beyond what is usual for the key.

Two questions, each at half of the rule's probability (Bonferroni), or with `ask: tone` the first
alone at all of it:

- *Tone.* Given the window's n stories, are so many negative ones likely under the key's usual
  share? The share is Beta(alpha, beta) from the pooled prior and the key's history, so the count
  is beta-binomial: P(X >= negative | n, alpha, beta).
- *Volume.* Are so many negative stories in one window likely at the key's usual rate? The mean is
  Gamma(k, k / m) from the prior and the history, so the count is negative binomial. This catches a
  key that is hardly ever in the news, and then all day, where the share alone says little. It is
  only asked once the key was watched for a whole window before the present one: no prior knows
  how much news a new key has.

Both follow the week: the usual share and the usual number are those of the window's hours
(`alerts/season.py`). The pooled prior is what the keys of the rule have together.

News is not made of independent draws, which both laws take into account in two ways. Stories of
one event come together: the history counts as 1 / dispersion of itself, or less where its stories
are more alike, so less is known of the usual than its size suggests. And the usual itself moves
from window to window, which no amount of history averages out: relative variances add up,
1 / k + variation^2 for the mean, and 1 / (alpha + beta + 1) + correlation for the share. How far it
moves is fitted by key, from `volume_variation` and `share_variation` on
(`alerts/detectors/variation.py`).

With `false_alarms` instead of a probability, the limit is what the budget leaves for a window of
one key, over the looks that a sliding window amounts to (`alerts/surroundings.py`); and of the
chance of the very count only half is counted (the mid-p value, Lancaster 1961): counts are few and
whole, and a limit that is never passed by chance as often as it allows would be too quiet.

A rise in volume at the usual tone is no alarm: the share must be above the usual one too.

The memory forgets: a bucket t seconds back weighs exp(-t / baseline). The window itself is no
part of it, nor is what leaves the window while an alert is open and the memory frozen.
"""

from typing import NamedTuple

from alerts.detectors.memory import SeasonalMemory
from alerts.detectors.tail import (
    MOST_ENTERING,
    beta_binomial,
    leaving,
    negative_binomial,
    score,
)
from alerts.detectors.variation import HEAVY
from alerts.rules import SurgeRule
from alerts.season import Season
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings, looks


class Usual(NamedTuple):
    """What a window of these hours is like when nothing happens."""

    share: float
    expected: float
    """Negative stories."""
    correlation: float
    """Of the tone of two of its stories."""
    variation_squared: float
    """Relative variance of the number of negative stories, beyond chance."""


class SurgeDetector(SeasonalMemory, tag="surge"):
    """The window, and what lay before it."""

    def step(
        self, rule: SurgeRule, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        usual = self.learn(rule, bucket, learning, around.season(bucket.start))
        limits = rule.probability, rule.probability
        if rule.false_alarms is not None:
            tone, volume = self._looks(usual)
            of_share, of_number = around.common_limit(rule, bucket.start)
            limits = min(MOST_ENTERING, of_share / tone), min(MOST_ENTERING, of_number / volume)
        return self._judge(rule, usual, *limits)

    def learn(self, rule: SurgeRule, bucket: Bucket, learning: bool, season: Season) -> Usual:
        """Take the next bucket in, and judge nothing."""
        left = self.take(rule.baseline, bucket, learning)
        share, expected = self._plain(rule, season.prior_share(rule.prior_share))
        self.learn_rhythm(
            left, bucket, learning, season, share, expected, rule.window, rule.baseline
        )
        return Usual(
            *self.in_season(bucket.end, share, expected, season),
            self.variation.correlation(4 * rule.share_variation**2),
            self.variation.variation_squared(rule.volume_variation, expected),
        )

    def _judge(
        self, rule: SurgeRule, usual: Usual, tone_limit: float, volume_limit: float
    ) -> Finding:
        """The limits are those of both questions together, each at its own number of looks."""
        stories, negative = self.window.stories, self.window.negative
        leave = leaving(tone_limit)
        enough = stories >= rule.min_stories and negative >= rule.min_negative
        few = 2 * stories < rule.min_stories or 2 * negative < rule.min_negative
        probability = 1.0
        # At most the usual share is no alarm, whatever the count.
        if self.window.share > usual.share and not few:
            probability = self._tone(rule, usual, tone_limit, leave)
            if rule.ask == "both":
                stricter = tone_limit / volume_limit
                volume = self._volume(rule, usual, volume_limit, leave / stricter) * stricter
                probability = min(1.0, 2 * min(probability, volume))
        return self.window.finding(
            entered=enough and probability < tone_limit,
            left=probability > leave,
            baseline=usual.share,
            expected_negative=usual.expected,
            score=score(probability),
        )

    def _looks(self, usual: Usual) -> tuple[float, float]:
        """That the window's passage amounts to, for both questions; no more than its buckets."""
        stories, negative = self.window.stories, self.window.negative
        # So many stories are one step of the window's count.
        tone = 1 + max(0, stories - 1) * usual.correlation
        volume = 1 + usual.expected * usual.variation_squared
        most = max(1, len(self.window.buckets))
        return (
            min(most, looks(negative / tone, usual.share * stories / tone)),
            min(most, looks(negative / volume, usual.expected / volume)),
        )

    def _plain(self, rule: SurgeRule, prior_share: float) -> tuple[float, float]:
        """The key's usual share, and its usual negative stories a window, in any season."""
        trust = rule.prior_stories * rule.dispersion
        share = (prior_share * trust + self.negative) / (trust + self.stories)
        return share, self.usual_negative(rule.prior_negative)

    def _tone(self, rule: SurgeRule, usual: Usual, limit: float, exact_below: float) -> float:
        """Chance that so many stories of usual news are so negative."""
        return beta_binomial(
            self.window.negative,
            self.window.stories,
            usual.share,
            self.tone_spread(rule, usual, limit),
            exact_below,
            is_mid=rule.false_alarms is not None,
        )

    def tone_spread(self, rule: SurgeRule, usual: Usual, limit: float) -> float:
        """How alike the tone of two stories of a window is by all that is not known of it."""
        windows = 1 + self.exposure_seconds / rule.window
        alike = max(rule.dispersion, 1 + self.stories / windows * usual.correlation)
        known = rule.prior_stories + self.stories / alike
        return min(0.95, 1 / (known + 1) + self._moves(usual.correlation, limit))

    def _volume(self, rule: SurgeRule, usual: Usual, limit: float, exact_below: float) -> float:
        """Chance that a usual window has so many negative stories."""
        if self.exposure_seconds < rule.window:
            return 1.0
        return negative_binomial(
            self.window.negative,
            usual.expected,
            self.volume_variance(rule, usual, limit),
            exact_below,
            is_mid=rule.false_alarms is not None,
        )

    def volume_variance(self, rule: SurgeRule, usual: Usual, limit: float) -> float:
        """Of the usual number of negative stories, relative."""
        counted = (rule.prior_negative + self.negative) / rule.dispersion
        return 1 / counted + self._moves(usual.variation_squared, limit)

    def _moves(self, fitted: float, limit: float) -> float:
        return fitted * self.variation.doubt(limit, HEAVY)
