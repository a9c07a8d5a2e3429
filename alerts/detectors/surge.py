"""Surge: a window's negative stories are far beyond what is usual for the key.

Two questions, each at half of the rule's probability (Bonferroni):

- *Tone.* Given the window's n stories, are so many negative ones likely under the key's usual
  share? The share is Beta(alpha, beta) from the pooled prior and the key's history, so the count
  is beta-binomial: P(X >= negative | n, alpha, beta).
- *Volume.* Are so many negative stories in one window likely at the key's usual rate? The mean is
  Gamma(k, k / m) from the prior and the history, so the count is negative binomial. This catches a
  key that is hardly ever in the news, and then all day, where the share alone says little. It is
  only asked once the key was watched for a whole window before the present one: no prior knows
  how much news a new key has.

News is not made of independent draws, which both laws take into account in two ways. Stories of
one event come together: the history counts as 1 / dispersion of itself, so less is known of the
usual than its size suggests. And the usual itself moves from window to window, which no amount of
history averages out: relative variances add up, 1 / k + volume_variation^2 for the mean, and
1 / (alpha + beta + 1) + (2 share_variation)^2 for the share.

With `false_alarms` instead of a probability, the limit is what the budget leaves for a window of
one key, over the looks that a sliding window amounts to (`alerts/surroundings.py`).

A rise in volume at the usual tone is no alarm: the share must be above the usual one too.

The memory forgets: a bucket t seconds back weighs exp(-t / baseline). The window itself is no
part of it, nor is what leaves the window while an alert is open and the memory frozen.
"""

from alerts.detectors.memory import Memory
from alerts.detectors.tail import leaving, score
from alerts.intervals import beta_binomial_tail, negative_binomial_tail
from alerts.rules import SurgeRule
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings, looks


class SurgeDetector(Memory, tag="surge"):
    """The window, and what lay before it."""

    def step(
        self, rule: SurgeRule, bucket: Bucket, learning: bool, around: Surroundings
    ) -> Finding:
        """Take the next bucket in."""
        self.take(rule.baseline, bucket, learning)
        limit = rule.probability
        if rule.false_alarms is not None:
            limit = around.alarms_a_window(rule, bucket.start) / self._looks(rule)
        return self._judge(rule, limit)

    def _judge(self, rule: SurgeRule, limit: float) -> Finding:
        stories, negative = self.window.stories, self.window.negative
        usual, expected = self._usual(rule)
        leave = leaving(limit)
        enough = stories >= rule.min_stories and negative >= rule.min_negative
        few = 2 * stories < rule.min_stories or 2 * negative < rule.min_negative
        # At most the usual share is no alarm, whatever the count.
        unusual = self.window.share > usual and not few
        probability = self._probability(rule, limit=leave) if unusual else 1.0
        return self.window.finding(
            entered=enough and probability < limit,
            left=probability > leave,
            baseline=usual,
            expected_negative=expected,
            score=score(probability),
        )

    def _looks(self, rule: SurgeRule) -> float:
        """Of the question that needs more of them."""
        share, expected = self._usual(rule)
        return looks(self.window.negative, min(expected, share * self.window.stories))

    def _usual(self, rule: SurgeRule) -> tuple[float, float]:
        """The key's usual share, and its usual negative stories a window."""
        trust = rule.prior_stories * rule.dispersion
        share = (rule.prior_share * trust + self.negative) / (trust + self.stories)
        return share, self.usual_negative(rule.prior_negative)

    def _probability(self, rule: SurgeRule, limit: float) -> float:
        """Chance that a usual window is as bad in tone or in volume; only exact below `limit`."""
        stories, negative = self.window.stories, self.window.negative
        share, expected = self._usual(rule)
        known = rule.prior_stories + self.stories / rule.dispersion
        spread = min(0.95, 1 / (known + 1) + 4 * rule.share_variation**2)
        weight = 1 / spread - 1
        tone = beta_binomial_tail(negative, stories, share * weight, (1 - share) * weight, limit)
        counted = (rule.prior_negative + self.negative) / rule.dispersion
        shape = 1 / (1 / counted + rule.volume_variation**2)
        volume = 1.0
        if self.exposure_seconds >= rule.window:
            volume = negative_binomial_tail(negative, shape, shape / expected, limit)
        return min(1.0, 2 * min(tone, volume))
