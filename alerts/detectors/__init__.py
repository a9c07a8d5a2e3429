"""Detectors: folds over a key's buckets that say what each window looks like."""

from alerts.detectors.surge import SurgeDetector
from alerts.detectors.threshold import ThresholdDetector
from alerts.rules import SurgeRule, ThresholdRule
from alerts.series import Bucket, Finding

AnyDetector = ThresholdDetector | SurgeDetector


def new_detector(rule: ThresholdRule | SurgeRule, watched_since: int | None = None) -> AnyDetector:
    """A detector that has seen nothing yet; `watched_since` in seconds since the epoch."""
    if isinstance(rule, ThresholdRule):
        return ThresholdDetector.new(rule)
    return SurgeDetector.new(rule, watched_since)


def step(
    detector: AnyDetector, rule: ThresholdRule | SurgeRule, bucket: Bucket, learning: bool
) -> Finding:
    """Take the next bucket in. Raises TypeError where detector and rule are of two kinds."""
    if isinstance(detector, SurgeDetector) and isinstance(rule, SurgeRule):
        return detector.step(rule, bucket, learning)
    if isinstance(detector, ThresholdDetector) and isinstance(rule, ThresholdRule):
        return detector.step(rule, bucket)
    raise TypeError(f"rule {rule.name} is a {rule.detector} rule, the state is another detector's")


def freeze_seconds(detector: AnyDetector, rule: ThresholdRule | SurgeRule) -> int:
    """How long an open alert may keep the detector from learning."""
    if isinstance(detector, SurgeDetector) and isinstance(rule, SurgeRule):
        return detector.freeze_seconds(rule)
    return 0
