"""Surge: a window's negative stories are far beyond what is usual for the key.

Two questions, each at half of the rule's probability. Tone: given the window's stories, are so
many negative ones likely under the key's usual share? The share is Beta distributed around the
pooled prior and the key's history, so the count is beta-binomial. Volume: are so many negative
stories in one window likely at the key's usual rate? The rate is Gamma distributed, so the count
is negative binomial. History is divided by the rule's dispersion, since stories of one event come
together and are no independent observations. A rise in volume at the usual tone is no alarm: the
share must be above the usual one too.
"""

import math

import msgspec

from alerts.intervals import beta_binomial_tail, negative_binomial_tail, wilson
from alerts.rules import SurgeRule
from alerts.series import Bucket, Finding, Window


class SurgeDetector(msgspec.Struct, tag="surge"):
    """The window, and an exponentially forgetting memory of what lay before it."""

    window: Window
    stories: float = 0.0
    negative: float = 0.0
    exposure_seconds: float = 0.0
    """Forgetting time span that the memory covers."""
    remembered_until: int | None = None
    """End of the span that went into the memory, seconds since the epoch."""

    @classmethod
    def new(cls, rule: SurgeRule) -> "SurgeDetector":
        return cls(Window(rule.window))

    def step(self, rule: SurgeRule, bucket: Bucket, learning: bool) -> Finding:
        """Take the next bucket in; what leaves the window while an alert is open is forgotten."""
        if self.remembered_until is None:
            # A key is young until it has been known for a window: its rate is the prior's.
            self.remembered_until = bucket.start
        left = self.window.push(bucket)
        edge = bucket.end - rule.window
        if learning:
            for start, stories, negative in left:
                self._age(start, rule.baseline)
                self.stories += stories
                self.negative += negative
            self._age(edge, rule.baseline)
        elif edge > self.remembered_until:
            self.remembered_until = edge
        return self._judge(rule)

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

    def _judge(self, rule: SurgeRule) -> Finding:
        stories, negative = self.window.stories, self.window.negative
        alpha = rule.prior_share * rule.prior_stories + self.negative / rule.dispersion
        beta = (1 - rule.prior_share) * rule.prior_stories + (
            self.stories - self.negative
        ) / rule.dispersion
        usual = alpha / (alpha + beta)
        # The prior is worth one window, so that a week of history outweighs it.
        shape = (rule.prior_negative + self.negative) / rule.dispersion
        rate = (1 + self.exposure_seconds / rule.window) / rule.dispersion
        expected = shape / rate
        share = negative / stories if stories else 0.0
        lower, upper = wilson(negative, stories)
        probability = 1.0
        if negative > expected or share > usual:
            tone = beta_binomial_tail(negative, stories, alpha, beta)
            volume = negative_binomial_tail(negative, shape, rate) if share > usual else 1.0
            probability = min(1.0, 2 * min(tone, volume))
        enough = stories >= rule.min_stories and negative >= rule.min_negative
        return Finding(
            entered=enough and probability < rule.probability,
            left=not enough or probability > min(0.05, 100 * rule.probability),
            value=share,
            lower=lower,
            upper=upper,
            baseline=usual,
            expected_negative=expected,
            stories=stories,
            negative=negative,
            score=-math.log10(max(probability, 1e-300)),
        )
