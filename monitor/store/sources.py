"""What the sources have told, as a fold sees it: when each spoke, and what it said of a key."""

from datetime import datetime

from sqlalchemy import Engine, func, select

from monitor.store.counted import company_sentiments
from monitor.store.engine import reading
from monitor.store.reach import HOUR_SECONDS, wider_start
from monitor.store.readers import series, under
from monitor.store.schema import tallies
from monitor.store.seen_tallies import unseen_counts, without
from monitor.store.sight import Sight
from monitor.stories import STORY_HORIZON, label_of, moment_of


def articles_by_hour(
    engine: Engine, begin: int, end: int, sight: Sight
) -> dict[str, dict[int, int]]:
    """Articles that are seen, by source and hour, with `begin` <= hour < `end`; starts of hours,
    seconds since the epoch."""
    hour = wider_start(HOUR_SECONDS).label("hour")
    query = (
        select(tallies.c.key, hour, func.sum(tallies.c.articles))
        .where(tallies.c.dimension == "source", tallies.c.bucket >= begin, tallies.c.bucket < end)
        .group_by(tallies.c.key, hour)
    )
    found: dict[str, dict[int, int]] = {}
    with reading(engine) as connection:
        for source, start, count in connection.execute(query):
            found.setdefault(source, {})[start] = int(count)
    for (dimension, source, start), counts in unseen_counts(engine, sight, begin, end - 1).items():
        if dimension == "source":
            own = found.setdefault(source, {})
            at = start - start % HOUR_SECONDS
            own[at] = own.get(at, 0) - counts.articles
    return {
        source: told
        for source, own in found.items()
        if (told := {start: count for start, count in own.items() if count > 0})
    }


def last_buckets(engine: Engine, begin: int, end: int, sight: Sight) -> dict[str, int]:
    """By source, the start of the last bucket with `begin` <= start < `end` that holds articles
    which are seen."""
    found = series(engine, "source", begin - 1, end - 1, fine=True)
    unseen = unseen_counts(engine, sight, begin, end - 1)
    seen = without("source", found, unseen) if unseen else found
    return {source: buckets[-1].start for source, buckets in seen.items()}


def stories_by_source(
    engine: Engine, dimension: str, key: str, begin: int, middle: int, end: int, sight: Sight
) -> tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]]:
    """Stories of a key and negative ones among them, by the source of each story's first article:
    those from `begin` to `middle`, and from there to `end`, seconds since the epoch.

    The second are exact; of the first those are stories, too, that had begun before `begin`.
    """
    since = min(begin, middle - int(STORY_HORIZON.total_seconds()) - 1)
    rows = sight.rows()
    query = (
        select(
            rows.c.published,
            rows.c.source,
            rows.c.story_key,
            rows.c.label,
            rows.c.companies,
        )
        .where(
            rows.c.published >= moment_of(since),
            rows.c.published < moment_of(end),
            *under(dimension, key, rows),
            sight.in_time(rows),
        )
        .order_by(rows.c.published, rows.c.id)
    )
    edges = moment_of(begin), moment_of(middle)
    latest: dict[str, datetime] = {}
    told: tuple[dict[str, tuple[int, int]], dict[str, tuple[int, int]]] = ({}, {})
    with reading(engine) as connection:
        for published, source, story, label, companies in connection.execute(query):
            before = latest.get(story)
            latest[story] = published
            if published < edges[0] or (before and published - before <= STORY_HORIZON):
                continue
            own = company_sentiments(companies).get(key) if dimension == "entity" else None
            bad = (label if own is None else label_of(own)) == "negative"
            side = told[published >= edges[1]]
            stories, negative = side.get(source, (0, 0))
            side[source] = stories + 1, negative + bad
    return told
