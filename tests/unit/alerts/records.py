"""Buckets, rules and alerts to test with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from alerts.alert import Alert, TopStory, alert_id, fingerprint
from alerts.messages import Message
from alerts.rules import (
    CriticalRule,
    CusumRule,
    DivergenceRule,
    SurgeRule,
    ThresholdRule,
    VolumeRule,
)
from alerts.series import BUCKET_SECONDS, Bucket

START = 1_767_225_600  # 2026-01-01
DAY = 86_400
HOUR = 3_600
MOMENT = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)


def bucket(start: int, negative: int, other: int = 0) -> Bucket:
    stories = negative + other
    return Bucket(start, stories, stories, negative, other, 0)


def threshold(**fields: Any) -> ThresholdRule:
    plain = {"name": "share", "detector": "threshold", "dimension": "entity", "share": 0.5}
    return ThresholdRule.model_validate(plain | fields)


def surge(**fields: Any) -> SurgeRule:
    plain = {"name": "burst", "detector": "surge", "dimension": "entity"}
    return SurgeRule.model_validate(plain | fields)


def cusum(**fields: Any) -> CusumRule:
    plain = {"name": "turn", "detector": "cusum", "dimension": "entity"}
    return CusumRule.model_validate(plain | fields)


def volume(**fields: Any) -> VolumeRule:
    plain = {"name": "many", "detector": "volume", "dimension": "entity"}
    return VolumeRule.model_validate(plain | fields)


def critical(**fields: Any) -> CriticalRule:
    return CriticalRule.model_validate({"name": "grave", "detector": "critical"} | fields)


def divergence(**fields: Any) -> DivergenceRule:
    plain = {"name": "apart", "detector": "divergence", "dimension": "entity"}
    return DivergenceRule.model_validate(plain | fields)


def every(step: int, count: int, negative: int, other: int, start: int = START) -> Iterator[Bucket]:
    """`count` like buckets, `step` seconds apart."""
    assert step % BUCKET_SECONDS == 0
    for number in range(count):
        yield bucket(start + number * step, negative, other)


def story(title: str = "Bank fails", **fields: Any) -> TopStory:
    plain: dict[str, Any] = {
        "title": title,
        "source": "Sample Wire (sample)",
        "published": MOMENT,
        "url": "https://news.example/1",
        "probability": 0.97,
    }
    return TopStory(**(plain | fields))


def alert(**fields: Any) -> Alert:
    plain: dict[str, Any] = {
        "id": alert_id("burst", "entity", "Acme Bank", MOMENT),
        "fingerprint": fingerprint("burst", "entity", "Acme Bank"),
        "rule": "burst",
        "rule_hash": "0123456789ab",
        "detector": "surge",
        "severity": "critical",
        "dimension": "entity",
        "key": "Acme Bank",
        "state": "firing",
        "started": MOMENT,
        "value": 0.85,
        "lower": 0.64,
        "upper": 0.95,
        "baseline": 0.2,
        "expected_negative": 0.4,
        "stories": 20,
        "negative": 17,
        "window_seconds": DAY,
        "score": 12.5,
        "top": (story(),),
        "models": ("undertone-en-1@aaaaaaaa",),
    }
    return Alert(**(plain | fields))


def message(**fields: Any) -> Message:
    return Message("firing", alert(**fields), "https://console.example/alerts/1")
