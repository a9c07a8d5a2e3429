"""The fold of one rule over one key: buckets in, transitions of its alert out.

Live, backtest and replay run this same fold. However the buckets are dealt out over calls, the
transitions are the same.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from alerts.alert import Alert, Event, alert_id, fingerprint
from alerts.detectors import AnyDetector, freeze_seconds, new_detector, step
from alerts.rules import AnyRule, rule_hash
from alerts.series import BUCKET_SECONDS, Bucket, Finding
from alerts.surroundings import Surroundings

Observer = Callable[[Bucket, Finding], None]
"""Is told each bucket that is folded, and what the detector saw in the window that it ends."""


class Life(msgspec.Struct):
    """Where a key's alert is in its life; hysteresis and flap control live here."""

    phase: Literal["quiet", "pending", "firing"] = "quiet"
    entered: int = 0
    """End of the bucket in which the condition was first met, seconds since the epoch."""
    held_buckets: int = 0
    quiet_until: int = 0
    """No new alert before this time, seconds since the epoch."""
    frozen_until: int = 0
    """While an alert is open the detector learns nothing until then, seconds since the epoch."""
    alert: Alert | None = None


class KeyState(msgspec.Struct):
    """All that the fold carries from bucket to bucket."""

    detector: AnyDetector
    life: Life
    bucket: int | None = None
    """Start of the last bucket folded."""


class Transition(msgspec.Struct, frozen=True):
    """An alert began to fire, or ended."""

    event: Event
    alert: Alert
    bucket: int


def fold(
    rule: AnyRule,
    state: KeyState | None,
    key: str,
    buckets: Iterable[Bucket],
    through: int,
    watched_since: int | None = None,
    around: Surroundings | None = None,
    observe: Observer | None = None,
) -> tuple[KeyState, list[Transition]]:
    """Fold a key's buckets up to and including the one that starts at `through`.

    `buckets` are the non-empty ones after `state.bucket`, in order. The state given is changed in
    place and returned. Empty buckets are folded only while an alert is pending or firing: a quiet
    key's alert begins with news, never with their absence, and its detector makes up for the gap
    at the next bucket.

    `watched_since` (seconds since the epoch) is used where `state` is None: from then on the key
    would have been seen. Without it a key is known from its first bucket on.

    `around` tells what other keys come to; without it the rule has just begun, and knows of none.

    Raises ValueError for buckets that are out of order or were folded before.
    """
    state = state or KeyState(new_detector(rule, watched_since), Life())
    around = around or Surroundings(rule)
    transitions: list[Transition] = []
    for bucket in buckets:
        if bucket.start > through:
            break
        if state.bucket is not None and bucket.start <= state.bucket:
            raise ValueError(f"bucket {bucket.start} comes after {state.bucket} was folded")
        _idle(rule, state, key, bucket.start, around, transitions, observe)
        _step(rule, state, key, bucket, around, transitions, observe)
    _idle(rule, state, key, through + BUCKET_SECONDS, around, transitions, observe)
    state.bucket = through if state.bucket is None else max(through, state.bucket)
    return state, transitions


def _idle(
    rule: AnyRule,
    state: KeyState,
    key: str,
    until: int,
    around: Surroundings,
    transitions: list[Transition],
    observe: Observer | None,
) -> None:
    """Fold the empty buckets before `until`, as long as an alert is open."""
    while (
        state.life.phase != "quiet"
        and state.bucket is not None
        and state.bucket + BUCKET_SECONDS < until
    ):
        bucket = Bucket(state.bucket + BUCKET_SECONDS)
        _step(rule, state, key, bucket, around, transitions, observe)


def _step(
    rule: AnyRule,
    state: KeyState,
    key: str,
    bucket: Bucket,
    around: Surroundings,
    transitions: list[Transition],
    observe: Observer | None,
) -> None:
    life = state.life
    learning = life.phase != "firing" or bucket.end > life.frozen_until
    finding = step(state.detector, rule, key, bucket, learning, around)
    if observe is not None:
        observe(bucket, finding)
    state.bucket = bucket.start
    if life.phase == "firing":
        if finding.left:
            _resolve(rule, life, bucket, transitions)
        return
    if not finding.entered or bucket.end < life.quiet_until:
        life.phase, life.held_buckets = "quiet", 0
        return
    if life.phase == "quiet":
        life.phase, life.entered = "pending", bucket.end
    life.held_buckets += 1
    if life.held_buckets >= rule.for_buckets:
        life.phase = "firing"
        life.frozen_until = life.entered + freeze_seconds(state.detector)
        life.alert = _alert(rule, key, life.entered, finding)
        transitions.append(Transition("firing", life.alert, bucket.start))


def _resolve(rule: AnyRule, life: Life, bucket: Bucket, transitions: list[Transition]) -> None:
    assert life.alert is not None
    ended = msgspec.structs.replace(life.alert, state="resolved", resolved=_moment(bucket.end))
    transitions.append(Transition("resolved", ended, bucket.start))
    life.phase, life.held_buckets, life.alert = "quiet", 0, None
    life.quiet_until = bucket.end + rule.cooldown


def _alert(rule: AnyRule, key: str, entered: int, finding: Finding) -> Alert:
    started = _moment(entered)
    return Alert(
        id=alert_id(rule.name, rule.dimension, key, started),
        fingerprint=fingerprint(rule.name, rule.dimension, key),
        rule=rule.name,
        rule_hash=rule_hash(rule),
        detector=rule.detector,
        severity=rule.severity,
        dimension=rule.dimension,
        key=key,
        state="firing",
        started=started,
        value=round(finding.value, 6),
        lower=round(finding.lower, 6),
        upper=round(finding.upper, 6),
        baseline=round(finding.baseline, 6),
        expected_negative=round(finding.expected_negative, 6),
        stories=finding.stories,
        negative=finding.negative,
        window_seconds=rule.window,
        score=round(finding.score, 6),
        correction=finding.correction,
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
