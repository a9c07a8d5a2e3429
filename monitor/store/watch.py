"""When the news was watched: only then does silence about a key mean that there was no news."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import BigInteger, ColumnElement, Engine, FromClause, func, select, type_coerce

from monitor.store.engine import reading
from monitor.store.schema import articles, offsets, watched_days
from monitor.store.sight import Sight
from monitor.stories import bucket_of

GAP = timedelta(days=14)
"""After so long without news the watch is taken to have been interrupted."""
TIMELY = timedelta(hours=1)
"""An article that is seen later than that, or comes further behind the watermark, does not tell
that one was watching when it came out: the first fetch of a feed brings old items, not all."""
_MICROSECONDS = 1_000_000
_DAY = 86_400 * _MICROSECONDS


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of watched time; bucket starts, seconds since the epoch."""

    first: int
    last: int


def seen_in_time(rows: FromClause = articles) -> list[ColumnElement[bool]]:
    """The articles that tell of a watch."""
    published = type_coerce(rows.c.published, BigInteger)
    lag = type_coerce(rows.c.first_seen, BigInteger) - published
    timely = int(TIMELY.total_seconds())
    return [lag <= timely * _MICROSECONDS, rows.c.behind_seconds <= timely]


def watched_stretches(engine: Engine, as_of: datetime | None = None) -> list[Stretch]:
    """The spans of time over which news came in, live or from archives, in order.

    They are made of the days on which an article was seen in time, also where it was removed since,
    and of the time at which the stream began; a backfilled article counts as seen when it was
    published.
    `as_of` takes the articles as they were then.
    """
    rows = Sight(as_of=as_of).rows()
    published = type_coerce(rows.c.published, BigInteger)
    day = (published - published % _DAY).label("day")
    by_day = (
        select(func.min(rows.c.published), func.max(rows.c.published))
        .where(*seen_in_time(rows))
        .group_by(day)
    )
    removed = select(watched_days.c.first, watched_days.c.last)
    if as_of is not None:
        removed = removed.where(watched_days.c.scored <= as_of)
    spans: list[tuple[datetime, datetime]] = []
    with reading(engine) as connection:
        spans += [(first, last) for first, last in connection.execute(by_day)]
        spans += [(first, last) for first, last in connection.execute(removed)]
        began, latest = connection.execute(
            select(func.min(offsets.c.first_watermark), func.max(offsets.c.watermark))
        ).one()
    if began is not None:
        spans.append((began, latest))
    stretches: list[tuple[datetime, datetime]] = []
    for first, last in sorted(spans):
        if stretches and first - stretches[-1][1] <= GAP:
            stretches[-1] = (stretches[-1][0], max(last, stretches[-1][1]))
        else:
            stretches.append((first, last))
    return [Stretch(bucket_of(first), bucket_of(last)) for first, last in stretches]


def watched_since(engine: Engine) -> int:
    """The first bucket of the last of `watched_stretches`, seconds since the epoch.

    It is found in leaps of `GAP` back from the newest news, each a look at an index: whatever
    starts anew asks for it, and must not read all that was ever stored. Raises ValueError where
    nothing was watched yet.
    """
    timely = select(articles.c.published).where(*seen_in_time())
    with reading(engine) as connection:
        newest = connection.execute(timely.order_by(articles.c.published.desc()).limit(1)).scalar()
        spans = [
            (row.first, row.last)
            for row in connection.execute(select(watched_days.c.first, watched_days.c.last))
        ]
        began, latest = connection.execute(
            select(func.min(offsets.c.first_watermark), func.max(offsets.c.watermark))
        ).one()
        if began is not None:
            spans.append((began, latest))
        if newest is not None:
            spans.append((newest, newest))
        first: datetime = max(end for _, end in spans)
        while True:
            edge = first - GAP
            leap = timely.where(articles.c.published >= edge, articles.c.published < first)
            oldest = connection.execute(leap.order_by(articles.c.published).limit(1)).scalar()
            reached = [begin for begin, end in spans if begin < first and end >= edge]
            if oldest is not None:
                reached.append(oldest)
            if not reached:
                return bucket_of(first)
            first = min(reached)
