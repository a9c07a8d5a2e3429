"""The alert: what fired, where, how bad against what, since when, and on which evidence."""

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal, get_args

import msgspec

from alerts.correction import Correction
from alerts.coverage import Coverage
from alerts.rule_fields import Severity
from alerts.source_mix import Move

State = Literal["pending", "firing", "acknowledged", "resolved"]
Event = Literal["firing", "resolved"]


class TopStory(msgspec.Struct, frozen=True):
    """A story behind an alert; `probability` that it is negative."""

    title: str
    source: str
    published: datetime
    url: str
    probability: float


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert with the evidence of the bucket in which it fired. Shares are in [0, 1]."""

    id: str
    fingerprint: str
    rule: str
    rule_hash: str
    detector: str
    severity: str
    dimension: str
    key: str
    state: State
    started: datetime
    """End of the bucket in which the rule's condition was first met."""
    resolved: datetime | None = None
    value: float
    lower: float
    upper: float
    baseline: float
    expected_negative: float
    stories: int
    negative: int
    window_seconds: int
    score: float
    top: tuple[TopStory, ...] = ()
    models: tuple[str, ...] = ()
    evidence: str = ""
    """Digest of every article of the window with what it was scored; empty in alerts from before
    there were digests."""
    correction: Correction | None = None
    """What value, lower and upper were corrected by; None where the rule does not ask for it."""
    coverage: Coverage | None = None
    """Which usual sources could be heard; None in alerts of earlier versions."""
    move: Move | None = None
    """The share against the weeks before, as change of tone and of mix; None where it is of one
    source alone, or of single stories."""

    def as_json(self) -> dict[str, Any]:
        """As plain values, the names that programs rely on first."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        first = (
            "id",
            "rule",
            "dimension",
            "key",
            "state",
            "started",
            "value",
            "lower",
            "upper",
            "baseline",
            "stories",
            "negative",
            "top",
        )
        return {name: plain[name] for name in first} | plain


def gravity(alert: Alert) -> int:
    """Severities by rank: the higher, the graver."""
    return get_args(Severity).index(alert.severity)


def fingerprint(rule: str, dimension: str, key: str) -> str:
    """What an alert is about, whenever it fires: 16 hex digits."""
    return _digest(rule, dimension, key)


def alert_id(rule: str, dimension: str, key: str, started: datetime) -> str:
    """The same 16 hex digits for the same alert in every run."""
    return _digest(rule, dimension, key, started.astimezone(UTC).isoformat())


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
