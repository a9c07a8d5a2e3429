"""Whether an alert would still have fired, its articles being what they are now."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.correction import corrected, rates_of
from alerts.follow_up import FollowUp
from alerts.intervals import wilson
from alerts.rules import AnyRule, CriticalRule, rule_hash
from alerts.series import BUCKET_SECONDS, Bucket
from monitor.evidence import window_articles, with_evidence
from monitor.grounds import amended, decode_grounds
from monitor.store.alerts import grounds_of
from monitor.store.article_kinds import with_kinds
from monitor.store.critical import critical_series
from monitor.store.engine import reading
from monitor.store.model_errors import known_errors
from monitor.store.seen_tallies import window_from_articles
from monitor.store.sight import Sight
from monitor.store.versions import reasons_since
from monitor.stories import bucket_of


def follow_up(
    engine: Engine, rule: AnyRule, alert: Alert, fired: datetime
) -> tuple[str, FollowUp] | None:
    """What there is to say of an alert, with a digest of its articles as they are now; None where
    it would have fired all the same.

    The last step of its fold is taken again with what the articles that it rests on have come to.
    What came in later is left out, and what the rule had learned before is as it was. An alert of
    another rule than the present one, or without the state that it was folded from, is let be.
    """
    body = grounds_of(engine, alert.id)
    if body is None or rule_hash(rule) != alert.rule_hash:
        return None
    kept = decode_grounds(body)
    was, now = Sight(rule.lateness, fired), Sight(rule.lateness, fired, as_now=True)
    first = bucket_of(alert.started) - rule.window
    before = _counts(engine, rule, alert, first, kept.through, was)
    after = _counts(engine, rule, alert, first, kept.through, now)
    changes = {
        start: (new.stories - old.stories, new.negative - old.negative)
        for start in before.keys() | after.keys()
        for old, new in [(before.get(start, Bucket(start)), after.get(start, Bucket(start)))]
        if (new.stories, new.negative) != (old.stories, old.negative)
    }
    mixes = {start: item.mix for start, item in after.items()}
    if not changes and mixes == {start: item.mix for start, item in before.items()}:
        return None
    # Of kinds that were not known when it fired, like those of a newer model, what is known now.
    errors = known_errors(engine) | dict(kept.errors) if alert.correction else {}
    again, seen = amended(rule, alert.key, kept, changes, mixes, errors)
    if again is not None:
        return None
    window = [item for start, item in after.items() if start > kept.through - rule.window]
    stories = sum(item.stories for item in window)
    negative = sum(item.negative for item in window)
    value, (lower, upper) = negative / stories if stories else 0.0, wilson(negative, stories)
    rates, _ = rates_of((kind for item in window for kind in item.mix), errors)
    if rates is not None:
        value, lower, upper = corrected(negative, stories, rates)
    return with_evidence(engine, alert, now).evidence, FollowUp(
        changed=_changed(engine, alert, was, fired),
        value=round(value, 6),
        lower=round(lower, 6),
        upper=round(upper, 6),
        stories=stories,
        negative=negative,
        would_be_over=seen is None or seen.left,
    )


def _counts(
    engine: Engine, rule: AnyRule, alert: Alert, first: int, last: int, sight: Sight
) -> Mapping[int, Bucket]:
    """What the rule folds of the alert's key, by bucket start."""
    if not isinstance(rule, CriticalRule):
        found = window_from_articles(engine, alert.dimension, alert.key, first, last, sight)
        if alert.correction is None:
            return found
        told = with_kinds(engine, alert.dimension, {alert.key: list(found.values())}, sight)
        return {item.start: item for item in told[alert.key]}
    stories = critical_series(
        engine,
        first - BUCKET_SECONDS,
        last,
        rule.probability,
        rule.topics,
        lambda company: company == alert.key,
        sight,
    )
    return {item.start: item for item in stories.get(alert.key, [])}


def _changed(engine: Engine, alert: Alert, was: Sight, fired: datetime) -> dict[str, int]:
    """Stories of the alert by what happened to them."""
    stories = {item.id: item.story_key for item in window_articles(engine, alert, was)}
    with reading(engine) as connection:
        reasons = reasons_since(connection, sorted(stories), fired)
    by_reason: dict[str, set[str]] = {}
    for name, reason in reasons.items():
        by_reason.setdefault(reason, set()).add(stories[name])
    return {reason: len(keys) for reason, keys in sorted(by_reason.items())}
