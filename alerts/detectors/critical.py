"""Critical: one story on a watched company that is negative beyond a probability, of some topics.

The buckets that this detector folds hold such stories alone, each counted once, in the bucket of
its first article. The alert ends when the window holds none any more.
"""

import msgspec

from alerts.rules import CriticalRule
from alerts.series import Bucket, Finding, Window


class CriticalDetector(msgspec.Struct, tag="critical"):
    """The window's critical stories."""

    window: Window

    @classmethod
    def new(cls, rule: CriticalRule) -> "CriticalDetector":
        return cls(Window(rule.window))

    def step(self, rule: CriticalRule, bucket: Bucket) -> Finding:
        """Take the next bucket in."""
        self.window.push(bucket)
        stories = self.window.stories
        return self.window.finding(
            entered=stories >= rule.min_stories,
            left=not stories,
            baseline=rule.probability,
            expected_negative=0.0,
            score=float(stories),
        )
