"""Detectors: folds over a key's buckets that say what each window looks like."""

from alerts.detectors.surge import SurgeDetector
from alerts.detectors.threshold import ThresholdDetector
from alerts.rules import SurgeRule, ThresholdRule

AnyDetector = ThresholdDetector | SurgeDetector


def new_detector(rule: ThresholdRule | SurgeRule, watched_since: int | None = None) -> AnyDetector:
    """A detector that has seen nothing yet."""
    if isinstance(rule, ThresholdRule):
        return ThresholdDetector.new(rule)
    return SurgeDetector.new(rule, watched_since)
