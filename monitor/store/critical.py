"""Stories on companies that are negative beyond a probability, as buckets to detect on."""

from collections.abc import Callable, Collection
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Row, and_, or_, select

from alerts.series import BUCKET_SECONDS, Bucket
from monitor.store.counted import company_sentiments
from monitor.store.engine import reading
from monitor.store.sight import Sight
from monitor.stories import STORY_HORIZON, bucket_of, label_of, moment_of

_NAMES = (
    "id",
    "story_key",
    "published",
    "negative",
    "neutral",
    "positive",
    "topics",
    "entities",
    "companies",
)


def critical_series(
    engine: Engine,
    after: int,
    through: int,
    probability: float,
    topics: Collection[str],
    watches: Callable[[str], bool],
    sight: Sight,
) -> dict[str, list[Bucket]]:
    """By company, the buckets with `after` < start <= `through` that hold such a story.

    An article counts where it reads as negative for the company, surer than `probability`, and has
    one of the topics (none given: any). Copies of a story that was told of the company within 72
    hours before do not count, whatever the first one read like. Articles that are not seen neither
    count nor tell.
    """
    rows = sight.rows()
    query = (
        select(*(rows.c[name] for name in _NAMES))
        .where(
            rows.c.published >= moment_of(after + BUCKET_SECONDS),
            rows.c.published < moment_of(through + BUCKET_SECONDS),
            rows.c.entities != "[]",
            sight.in_time(rows),
        )
        .order_by(rows.c.published, rows.c.id)
    )
    counted: dict[str, dict[int, int]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query).all():
            if topics and not set(topics) & msgspec.json.decode(row.topics, type=dict).keys():
                continue
            for company in msgspec.json.decode(row.entities, type=list[str]):
                if not watches(company) or not _is_critical(row, company, probability):
                    continue
                if _was_told(connection, row, company, sight):
                    continue
                by_start = counted.setdefault(company, {})
                start = bucket_of(row.published)
                by_start[start] = by_start.get(start, 0) + 1
    return {
        company: [Bucket(start, count, count, count) for start, count in sorted(found.items())]
        for company, found in counted.items()
    }


def _is_critical(row: Row[Any], company: str, probability: float) -> bool:
    said = company_sentiments(row.companies).get(company)
    told = said or (row.negative, row.neutral, row.positive)
    return label_of(told) == "negative" and told[0] >= probability * 10_000


def _was_told(connection: Connection, row: Row[Any], company: str, sight: Sight) -> bool:
    """Whether an earlier article of the story named the company, at most the horizon before."""
    rows = sight.rows()
    earlier = or_(
        rows.c.published < row.published,
        and_(rows.c.published == row.published, rows.c.id < row.id),
    )
    query = select(rows.c.entities).where(
        rows.c.story_key == row.story_key,
        rows.c.published >= row.published - STORY_HORIZON,
        earlier,
        sight.in_time(rows),
    )
    return any(
        company in msgspec.json.decode(entities, type=list[str])
        for (entities,) in connection.execute(query)
    )
