"""What a rule folds: its keys' buckets, and those that it holds them against."""

from datetime import datetime

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule, CriticalRule, DivergenceRule, ThresholdRule
from alerts.series import BUCKET_SECONDS, Bucket
from monitor.store.article_kinds import with_kinds
from monitor.store.critical import critical_series
from monitor.store.readers import series, totals
from monitor.store.seen_tallies import totals_without, unseen_counts, without
from monitor.store.sight import Sight


def alert_window(
    engine: Engine, rule: AnyRule, alert: Alert, as_of: datetime | None = None
) -> list[Bucket]:
    """What a rule folds of an alert's key, over the alert's window."""
    last = int(alert.started.timestamp()) - BUCKET_SECONDS
    only = rule.model_copy(update={"keys": (alert.key,)})
    found, _ = history(engine, only, last - alert.window_seconds, last, as_of)
    return found.get(alert.key, [])


def history(
    engine: Engine, rule: AnyRule, after: int, through: int, as_of: datetime | None = None
) -> tuple[dict[str, list[Bucket]], list[Bucket]]:
    """By key that the rule watches, the non-empty buckets with `after` < start <= `through`; and
    the buckets of all keys that it holds them against, as far as its windows reach back.

    Tallies that were rolled up, to hours or days, are in neither. The second are none for rules
    that look at each key alone. Articles that came later than the rule's lateness are in neither,
    so that live and at any time after the same is folded. `as_of` leaves out what was scored later,
    too.
    """
    sight = Sight(rule.lateness, as_of)
    if isinstance(rule, CriticalRule):
        found = critical_series(
            engine, after, through, rule.probability, rule.topics, rule.watches, sight
        )
        return found, []
    keys = list(rule.keys) or None
    tallied = series(engine, rule.dimension, after, through, keys, fine=True)
    found = {key: buckets for key, buckets in tallied.items() if rule.watches(key)}
    against: list[Bucket] = []
    begin = after
    if isinstance(rule, DivergenceRule):
        begin = after - rule.window
        against = totals(engine, rule.dimension, begin, through, list(rule.against) or None)
    unseen = unseen_counts(engine, sight, begin + 1, through)
    if unseen:
        own = {name: counts for name, counts in unseen.items() if name[2] > after}
        seen = without(rule.dimension, found, own)
        found = {key: buckets for key, buckets in seen.items() if rule.watches(key)}
        against = totals_without(rule, against, unseen)
    if isinstance(rule, ThresholdRule) and rule.corrected_for is not None:
        found = with_kinds(engine, rule.dimension, found, sight)
    return found, against
