"""The last step to an alert, kept with it: it can be taken again when older news is gone.

The whole fold begins where the news was first watched; what it had come to a moment before the
alert fits into some kilobytes.
"""

import zlib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from alerts.alert import Alert
from alerts.correction import ErrorCounts, Kind, Mix
from alerts.detectors import amend
from alerts.detectors.threshold import ThresholdDetector
from alerts.fold import KeyState, Transition, fold
from alerts.rules import AnyRule
from alerts.series import BUCKET_SECONDS, Bucket, Finding
from alerts.surroundings import Share, Surroundings
from monitor.background import Background


class Grounds(msgspec.Struct, frozen=True):
    """A key's state before its alert's condition was met, and what was folded on it."""

    state: KeyState
    buckets: tuple[Bucket, ...]
    through: int
    """Start of the bucket in which the alert fired, seconds since the epoch."""
    shares: tuple[Share, ...]
    against: tuple[Bucket, ...]
    """All keys together, as far as the rule's window reaches back."""
    window: tuple[Bucket, ...] = ()
    """The key's tallies over the alert's window; none for rules that look at single stories."""
    errors: tuple[tuple[Kind, ErrorCounts], ...] = ()
    """What was known of the models' errors, for rules that correct for them."""
    background: Background = Background()


def grounds(
    rule: AnyRule,
    state: KeyState | None,
    key: str,
    buckets: Sequence[Bucket],
    watched_since: int | None,
    around: Surroundings,
    against: Sequence[Bucket],
    fired: Transition,
) -> Grounds:
    """Of an alert that `buckets`, folded on a copy of `state`, have come to."""
    before = int(fired.alert.started.timestamp()) - 2 * BUCKET_SECONDS
    begun = None if state is None else state.bucket
    stands = before if begun is None else max(begun, before)
    early = [
        item for item in buckets if item.start <= before and (begun is None or item.start > begun)
    ]
    copy = None if state is None else _copied(state)
    base, _ = fold(rule, copy, key, early, stands, watched_since, around)
    first = stands + BUCKET_SECONDS
    return Grounds(
        state=base,
        buckets=tuple(item for item in buckets if stands < item.start <= fired.bucket),
        through=fired.bucket,
        shares=around.shares(first, fired.bucket),
        against=tuple(
            item for item in against if first - rule.window <= item.start <= fired.bucket
        ),
        errors=tuple(sorted(around.errors.items())) if fired.alert.correction else (),
    )


def again(rule: AnyRule, key: str, kept: Grounds) -> Alert | None:
    """The alert that comes of the last step; None where none does."""
    around = Surroundings(rule, kept.shares, kept.against, dict(kept.errors))
    _, transitions = fold(rule, _copied(kept.state), key, kept.buckets, kept.through, around=around)
    fired = [item.alert for item in transitions if item.event == "firing"]
    return fired[-1] if fired else None


def amended(
    rule: AnyRule,
    key: str,
    kept: Grounds,
    changes: Mapping[int, tuple[int, int]],
    mixes: Mapping[int, Mix] = MappingProxyType({}),
    errors: Mapping[Kind, ErrorCounts] = MappingProxyType({}),
) -> tuple[Alert | None, Finding | None]:
    """The alert that comes of the last step with other counts in its window, None where none does;
    and what the detector saw at last, None where no news was left to look at.

    `changes` are (stories, negative) to add, by bucket start. What was learned before is as it was.
    For a rule that corrects for the models' errors, `mixes` are the kinds of the window's articles
    as they are now, by bucket start, and `errors` what is known of these kinds.
    """
    state = _copied(kept.state)
    around = Surroundings(rule, kept.shares, kept.against, errors)
    stands = state.bucket
    if stands is not None:
        first = stands + BUCKET_SECONDS - rule.window
        inside = {start: item for start, item in changes.items() if first <= start <= stands}
        amend(state.detector, rule, inside, stands, around)
        if isinstance(state.detector, ThresholdDetector):
            state.detector.remix({at: mix for at, mix in mixes.items() if first <= at <= stands})
    buckets = {item.start: item for item in kept.buckets}
    for start, (stories, negative) in changes.items():
        if (stands is None or start > stands) and start <= kept.through:
            old = buckets.get(start, Bucket(start))
            buckets[start] = msgspec.structs.replace(
                old, stories=old.stories + stories, negative=old.negative + negative
            )
    ahead = [
        msgspec.structs.replace(buckets[start], mix=mixes.get(start, ()))
        for start in sorted(buckets)
    ]
    seen: list[Finding] = []
    _, transitions = fold(
        rule,
        state,
        key,
        ahead,
        kept.through,
        around=around,
        observe=lambda bucket, finding: seen.append(finding),
    )
    fired = [item.alert for item in transitions if item.event == "firing"]
    return (fired[-1] if fired else None), (seen[-1] if seen else None)


def encode_grounds(kept: Grounds) -> bytes:
    return zlib.compress(msgspec.json.encode(kept))


def decode_grounds(body: bytes) -> Grounds:
    return msgspec.json.decode(zlib.decompress(body), type=Grounds)


def _copied(state: KeyState) -> KeyState:
    """A state that can be changed while this one stays."""
    return msgspec.json.decode(msgspec.json.encode(state), type=KeyState)
