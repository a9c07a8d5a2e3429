"""Detectors: folds over a key's buckets that say what each window looks like."""

from collections.abc import Mapping

from alerts.detectors.critical import CriticalDetector
from alerts.detectors.cusum import CusumDetector
from alerts.detectors.divergence import DivergenceDetector
from alerts.detectors.memory import Memory
from alerts.detectors.surge import SurgeDetector
from alerts.detectors.threshold import ThresholdDetector
from alerts.detectors.volume import VolumeDetector
from alerts.rules import (
    AnyRule,
    CriticalRule,
    CusumRule,
    DivergenceRule,
    SurgeRule,
    ThresholdRule,
    VolumeRule,
)
from alerts.series import Bucket, Finding
from alerts.surroundings import Surroundings

AnyDetector = (
    ThresholdDetector
    | SurgeDetector
    | CusumDetector
    | VolumeDetector
    | CriticalDetector
    | DivergenceDetector
)


def new_detector(rule: AnyRule, watched_since: int | None = None) -> AnyDetector:
    """A detector that has seen nothing yet; `watched_since` in seconds since the epoch."""
    match rule:
        case ThresholdRule():
            return ThresholdDetector.new(rule)
        case SurgeRule():
            return SurgeDetector.new(rule, watched_since)
        case CusumRule():
            return CusumDetector.new(rule, watched_since)
        case VolumeRule():
            return VolumeDetector.new(rule, watched_since)
        case CriticalRule():
            return CriticalDetector.new(rule)
        case DivergenceRule():
            return DivergenceDetector.new(rule, watched_since)


def step(
    detector: AnyDetector,
    rule: AnyRule,
    key: str,
    bucket: Bucket,
    learning: bool,
    around: Surroundings,
) -> Finding:
    """Take the next bucket in. Raises TypeError where detector and rule are of two kinds."""
    match detector, rule:
        case ThresholdDetector(), ThresholdRule():
            return detector.step(rule, bucket, around)
        case SurgeDetector(), SurgeRule():
            return detector.step(rule, bucket, learning, around)
        case CusumDetector(), CusumRule():
            return detector.step(rule, bucket, learning, around)
        case VolumeDetector(), VolumeRule():
            return detector.step(rule, bucket, learning, around)
        case CriticalDetector(), CriticalRule():
            return detector.step(rule, bucket)
        case DivergenceDetector(), DivergenceRule():
            return detector.step(rule, key, bucket, learning, around)
    raise TypeError(f"rule {rule.name} is a {rule.detector} rule, the state is another detector's")


def amend(
    detector: AnyDetector,
    rule: AnyRule,
    changes: Mapping[int, tuple[int, int]],
    at: int,
    around: Surroundings,
) -> None:
    """Put a window right whose articles have changed since it was counted: (stories, negative) to
    add, by bucket. `at` is the start of the bucket that it ends with. What the detector has learned
    from before stays as it is."""
    detector.window.amend(changes)
    if isinstance(detector, CusumDetector) and isinstance(rule, CusumRule):
        stories = sum(item[0] for item in changes.values())
        negative = sum(item[1] for item in changes.values())
        detector.retell(rule, stories, negative, at, around)


def freeze_seconds(detector: AnyDetector) -> int:
    """How long an open alert may keep the detector from learning."""
    return detector.freeze_seconds() if isinstance(detector, Memory) else 0
