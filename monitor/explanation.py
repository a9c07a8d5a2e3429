"""An alert, recomputed from the store as it was when it fired, and what differs.

The fold that runs live runs again over the tallies less what came later; the evidence is read
again from the articles as they were, and the window is counted again from them. An article that
was altered, another model's scores, a changed rule: each shows as a difference. A correction or a
rescore since is none: what it replaced is kept. Where older news was removed, rolled up or
rescored, the fold's last step is taken again from the state that was kept with the alert, and the
tallies that were kept with it are held against the articles. So are alerts on shares that were
corrected for the models' errors: what was known of these at each moment is kept with the alert.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule, CriticalRule, rule_hash
from alerts.series import BUCKET_SECONDS, Bucket
from monitor.background import Background, read_background, with_background
from monitor.detection import began_with_the_watch
from monitor.evidence import window_articles, with_evidence
from monitor.grounds import Grounds, again, decode_grounds
from monitor.replays import replay
from monitor.rule_history import alert_window
from monitor.store.adoptions import rescored_since
from monitor.store.alerts import fired_at, grounds_of
from monitor.store.engine import reading
from monitor.store.reach import reach_of_store
from monitor.store.readers import StoredArticle
from monitor.store.seen_tallies import window_from_articles
from monitor.store.sight import Sight
from monitor.store.versions import reasons_since
from monitor.store.watch import watched_stretches
from monitor.stories import bucket_of

_LIFE = ("state", "resolved")
"""What becomes of an alert after it fired; people and later news move it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A field whose stored value is not what comes of the store."""

    field: str
    stored: Any
    recomputed: Any


@dataclass(frozen=True, slots=True)
class Explanation:
    """An alert, what it follows from, and whether it does."""

    alert: Alert
    fired: datetime
    rule: AnyRule | None
    from_last_step: bool
    """Older news is not all there, or was rescored, or the share was corrected by what was known of
    the models: it was folded from the state that was kept with the alert."""
    articles: tuple[StoredArticle, ...]
    """Of the window, those that it was folded from, oldest first."""
    late: tuple[StoredArticle, ...]
    """Of the window, scored after it fired or later than the rule's lateness: left out."""
    changed: dict[str, str]
    """By id of those that were replaced since it fired, why: corrected, retracted or rescored."""
    differences: tuple[Difference, ...]

    @property
    def equal(self) -> bool:
        return not self.differences

    def stories(self) -> list[StoredArticle]:
        """One article (the first) for each story of the window, the most negative ahead."""
        first = {item.story_key: item for item in reversed(self.articles)}
        return sorted(first.values(), key=lambda item: (-item.negative, item.published, item.id))

    def run_length(self) -> str:
        """What the rule's false alarms are limited by, in words."""
        asked = getattr(self.rule, "false_alarms", None)
        if asked is not None:
            return f"{asked:g} false alarms a day, shared over the rule's keys"
        stories = getattr(self.rule, "run_length", None)
        return "the rule names none" if stories is None else f"{stories:g} stories"

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "id": self.alert.id,
            "equal": self.equal,
            "differences": [
                {"field": item.field, "stored": item.stored, "recomputed": item.recomputed}
                for item in self.differences
            ],
            "fired": self.fired,
            "from_last_step": self.from_last_step,
            "late_articles": [item.id for item in self.late],
            "changed_since": self.changed,
            "rule": None if self.rule is None else self.rule.model_dump(mode="json"),
            "alert": self.alert.as_json(),
            "articles": [
                {
                    "id": item.id,
                    "published": item.published,
                    "source": item.source,
                    "title": item.title,
                    "label": item.label,
                    "negative": item.negative,
                    "story": item.story_key,
                    "model": item.model,
                }
                for item in self.articles
            ],
        }


def explain(engine: Engine, rules: Sequence[AnyRule], alert: Alert) -> Explanation:
    """Recompute a stored alert under the rules as they are now."""
    fired = fired_at(engine, alert.id)
    assert fired is not None, f"alert {alert.id} is not in the store"
    rule = next((item for item in rules if item.name == alert.rule), None)
    # What is known of the models' errors hangs on the clock: each round folds with what it finds.
    whole = (
        alert.correction is None
        and reach_of_store(engine).whole
        and not rescored_since(engine, fired)
        and (rule is None or began_with_the_watch(engine, rule))
    )
    body = None if whole else grounds_of(engine, alert.id)
    kept = None if body is None else decode_grounds(body)
    sight = Sight(None if rule is None else rule.lateness, fired)
    differences: list[Difference] = []
    if rule is None:
        differences.append(Difference("rule", alert.rule, None))
    else:
        differences += (
            _refolded(engine, rule, alert, fired) if kept is None else _last_step(rule, alert, kept)
        )
        if not isinstance(rule, CriticalRule):
            window = alert_window(engine, rule, alert, fired) if kept is None else kept.window
            differences += _recounted(engine, alert, window, sight)
    differences += _reread(engine, alert, sight, None if kept is None else kept.background)
    told = window_articles(engine, alert, sight)
    ids = {item.id for item in told}
    with reading(engine) as connection:
        changed = reasons_since(connection, sorted(ids), fired)
    return Explanation(
        alert,
        fired,
        rule,
        kept is not None,
        tuple(told),
        tuple(item for item in window_articles(engine, alert, Sight()) if item.id not in ids),
        changed,
        tuple(differences),
    )


def _refolded(engine: Engine, rule: AnyRule, alert: Alert, fired: datetime) -> list[Difference]:
    """Where the rule's fold over the tallies ends in another alert, or in none."""
    changed = rule_hash(rule) != alert.rule_hash
    until = alert.started + timedelta(seconds=BUCKET_SECONDS * (rule.for_buckets - 1))
    watched = watched_stretches(engine, fired)
    folded = replay(engine, rule, watched, alert.started, until, as_of=fired, only=alert.key)
    found = next((item for item in folded.alerts if item.id == alert.id), None)
    if found is None:
        hashes = [Difference("rule_hash", alert.rule_hash, rule_hash(rule))] if changed else []
        return [*hashes, Difference("id", alert.id, None)]
    return _refound(alert, found)


def _last_step(rule: AnyRule, alert: Alert, kept: Grounds) -> list[Difference]:
    """Where the last step of the rule's fold ends in another alert, or in none."""
    if rule_hash(rule) != alert.rule_hash:
        return [Difference("rule_hash", alert.rule_hash, rule_hash(rule))]
    found = again(rule, alert.key, kept)
    return [Difference("id", alert.id, None)] if found is None else _refound(alert, found)


def _refound(alert: Alert, found: Alert) -> list[Difference]:
    # Severity is how loudly it is told, not why: as in the rule's hash, it may change.
    names = ("severity", "top", "models", "evidence", "coverage", "move")
    read = {name: getattr(alert, name) for name in names}
    return _differences(alert, msgspec.structs.replace(found, **read))


def _recounted(
    engine: Engine, alert: Alert, tallies: Sequence[Bucket], sight: Sight
) -> list[Difference]:
    """Where the tallies of the window are not what its articles come to."""
    last = bucket_of(alert.started) - BUCKET_SECONDS
    first = last + BUCKET_SECONDS - alert.window_seconds
    counted = window_from_articles(engine, alert.dimension, alert.key, first, last, sight)
    # The kinds of articles are no part of a tally.
    tallied = {item.start: msgspec.structs.replace(item, mix=()) for item in tallies}
    return [
        Difference(
            f"tally {datetime.fromtimestamp(start, UTC):%Y-%m-%d %H:%M}",
            _plain(tallied.get(start)),
            _plain(counted.get(start)),
        )
        for start in sorted({*tallied, *counted})
        if tallied.get(start) != counted.get(start)
    ]


def _reread(
    engine: Engine, alert: Alert, sight: Sight, kept: Background | None
) -> list[Difference]:
    """Where the articles of the window are not those that the alert was written with, or the
    sources told something else; `kept` stands for older news that is gone."""
    read = with_evidence(engine, alert, sight)
    if not alert.evidence:
        read = msgspec.structs.replace(read, evidence="")
    if alert.coverage is not None:
        told = read_background(engine, alert, sight) if kept is None else kept
        read = with_background(engine, read, told, sight)
    return _differences(alert, read)


def _differences(stored: Alert, anew: Alert) -> list[Difference]:
    before, after = msgspec.to_builtins(stored), msgspec.to_builtins(anew)
    return [
        Difference(name, before[name], after[name])
        for name in before
        if name not in _LIFE and before[name] != after[name]
    ]


def _plain(bucket: object) -> Any:
    return None if bucket is None else msgspec.to_builtins(bucket)
