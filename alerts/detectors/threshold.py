"""Threshold: the negative share of a window is, beyond doubt, above a limit."""

from collections.abc import Mapping

import msgspec

from alerts.correction import Correction, Kind, Mix, corrected, rates_of
from alerts.rules import ThresholdRule
from alerts.series import Bucket, Finding, Window
from alerts.surroundings import Surroundings


class ThresholdDetector(msgspec.Struct, tag="threshold"):
    """Fires when the lower bound of the share is above the rule's; ends, with hysteresis, when the
    share itself falls below `leave` or too few stories are left to tell.

    The bound is Wilson's, or that of the share corrected for the models' errors.
    """

    window: Window
    kinds: list[tuple[int, Kind, int]] = []
    """(start, kind, articles) of the window's buckets, for a corrected share; oldest first."""

    @classmethod
    def new(cls, rule: ThresholdRule) -> "ThresholdDetector":
        return cls(Window(rule.window))

    def step(self, rule: ThresholdRule, bucket: Bucket, around: Surroundings) -> Finding:
        """Take the next bucket in."""
        self.window.push(bucket)
        found = self.window.finding(
            entered=False,
            left=False,
            baseline=rule.share,
            expected_negative=rule.share * self.window.stories,
            score=0.0,
        )
        if rule.corrected_for is not None:
            found = self._corrected(found, bucket, around)
        leave = rule.leave if rule.leave is not None else 0.8 * rule.share
        stories = self.window.stories
        return msgspec.structs.replace(
            found,
            entered=stories >= rule.min_stories and found.lower > rule.share,
            left=found.value < leave or 2 * stories < rule.min_stories,
            score=found.lower - rule.share,
        )

    def remix(self, mixes: Mapping[int, Mix]) -> None:
        """Take what kinds the window's articles are of as that is now, by bucket."""
        self.kinds = [
            (start, kind, articles) for start in sorted(mixes) for kind, articles in mixes[start]
        ]

    def _corrected(self, found: Finding, bucket: Bucket, around: Surroundings) -> Finding:
        """The share behind the one that was seen, with its interval; as it was seen where too
        little is known of the models' errors."""
        self.kinds += [(bucket.start, kind, articles) for kind, articles in bucket.mix]
        oldest = bucket.end - self.window.seconds
        self.kinds = [item for item in self.kinds if item[0] >= oldest]
        mix = [(kind, articles) for _, kind, articles in self.kinds]
        rates, known = rates_of(mix, around.errors)
        told = Correction(round(found.value, 6), round(known, 4))
        if rates is None:
            return msgspec.structs.replace(found, correction=told)
        value, lower, upper = corrected(found.negative, found.stories, rates)
        told = Correction(
            told.apparent, told.known, round(rates.sensitivity, 4), round(rates.specificity, 4)
        )
        return msgspec.structs.replace(
            found, value=value, lower=lower, upper=upper, correction=told
        )
