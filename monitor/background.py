"""What stands behind an alert beside its articles: who could be heard, and who speaks otherwise."""

import msgspec
from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.coverage import REFERENCE_SECONDS, Heard, coverage, listen
from alerts.series import BUCKET_SECONDS
from alerts.source_mix import Told, compared_seconds, split
from monitor.store.reach import HOUR_SECONDS, reach_of_store
from monitor.store.sight import Sight
from monitor.store.sources import articles_by_hour, last_buckets, stories_by_source
from monitor.stories import bucket_of


class Background(msgspec.Struct, frozen=True):
    """What is read of older news for an alert; kept with it for the time when that is gone."""

    heard: tuple[Heard, ...] = ()
    before: tuple[tuple[str, int, int], ...] = ()
    """Source, stories and negative ones of the key before the window."""


def with_sources(engine: Engine, alert: Alert, sight: Sight) -> Alert:
    """The alert as it is written, from a store that holds the older news."""
    return with_background(engine, alert, read_background(engine, alert, sight), sight)


HeardBy = dict[tuple[int, int, Sight], tuple[Heard, ...]]
"""By window and sight, what was heard: the same for all alerts of a window."""


def read_background(
    engine: Engine, alert: Alert, sight: Sight, known: HeardBy | None = None
) -> Background:
    """Of an alert, from the store as it is seen; `known` is what was heard in other windows, and
    this one is noted there."""
    known = {} if known is None else known
    begin, end = _window(alert)
    if (begin, end, sight) not in known:
        known[begin, end, sight] = tuple(_heard(engine, begin, end, sight))
    heard = known[begin, end, sight]
    before: Told = {}
    compared = compared_seconds(alert.dimension, alert.detector)
    if compared:
        before, _ = stories_by_source(
            engine, alert.dimension, alert.key, begin - compared, begin, begin, sight
        )
    return Background(heard, tuple((source, *counts) for source, counts in sorted(before.items())))


def _heard(engine: Engine, begin: int, end: int, sight: Sight) -> list[Heard]:
    until = begin - begin % HOUR_SECONDS
    # Tallies of days tell no hours.
    first = max(until - REFERENCE_SECONDS, reach_of_store(engine).hours_from)
    hours = articles_by_hour(engine, first, until, sight)
    return listen(hours, last_buckets(engine, begin, end, sight), begin, end)


def with_background(engine: Engine, alert: Alert, told: Background, sight: Sight) -> Alert:
    """The alert with the verdict on its coverage and its move split into tone and mix."""
    begin, end = _window(alert)
    move = None
    compared = compared_seconds(alert.dimension, alert.detector)
    if compared:
        _, window = stories_by_source(engine, alert.dimension, alert.key, begin, begin, end, sight)
        before = {source: (stories, negative) for source, stories, negative in told.before}
        move = split(before, window, compared)
    return msgspec.structs.replace(alert, coverage=coverage(told.heard, BUCKET_SECONDS), move=move)


def _window(alert: Alert) -> tuple[int, int]:
    """Begin and end, seconds since the epoch."""
    end = bucket_of(alert.started)
    return end - alert.window_seconds, end
