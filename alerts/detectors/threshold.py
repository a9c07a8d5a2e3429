"""Threshold: the negative share of a window is, beyond doubt, above a limit."""

import msgspec

from alerts.intervals import wilson
from alerts.rules import ThresholdRule
from alerts.series import Bucket, Finding, Window


class ThresholdDetector(msgspec.Struct, tag="threshold"):
    """Fires when the Wilson lower bound of the share is above the rule's; ends, with hysteresis,
    when the share itself falls below `leave` or too few stories are left to tell."""

    window: Window

    @classmethod
    def new(cls, rule: ThresholdRule) -> "ThresholdDetector":
        return cls(Window(rule.window))

    def step(self, rule: ThresholdRule, bucket: Bucket) -> Finding:
        """Take the next bucket in."""
        self.window.push(bucket)
        stories, negative = self.window.stories, self.window.negative
        lower, _ = wilson(negative, stories)
        leave = rule.leave if rule.leave is not None else 0.8 * rule.share
        return self.window.finding(
            entered=stories >= rule.min_stories and lower > rule.share,
            left=self.window.share < leave or 2 * stories < rule.min_stories,
            baseline=rule.share,
            expected_negative=rule.share * stories,
            score=lower - rule.share,
        )
