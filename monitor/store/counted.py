"""Stored articles as they count, and the lock under which stories are counted."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, select, text

from monitor.store.many import among
from monitor.store.schema import articles
from monitor.store.sight import Sight
from monitor.stories import STORY_HORIZON, CountedArticle

MAX_PARAMETERS = 500


def lock_stories(connection: Connection, keys: Iterable[str]) -> None:
    """Two writers that meet in a story take turns; sorted, so that they never wait in a ring."""
    numbers = sorted(int(key[:15], 16) for key in keys)
    connection.execute(
        text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key"),
        {"keys": numbers},
    )


COUNTED = (
    "id",
    "story_key",
    "source",
    "language",
    "published",
    "first_seen",
    "content_hash",
    "label",
    "negative",
    "topics",
    "entities",
    "companies",
    "themes",
)
COUNTED_COLUMNS = tuple(articles.c[name] for name in COUNTED)


def counted_row(row: Any) -> CountedArticle:
    """From a row that has the columns of `COUNTED`."""
    fields = {name: getattr(row, name) for name in COUNTED}
    fields["topics"] = tuple(sorted(msgspec.json.decode(fields["topics"], type=dict[str, float])))
    fields["entities"] = msgspec.json.decode(fields["entities"], type=tuple[str, ...])
    fields["themes"] = msgspec.json.decode(fields["themes"], type=tuple[str, ...])
    fields["companies"] = tuple(
        (name, *said) for name, said in sorted(company_sentiments(fields["companies"]).items())
    )
    return CountedArticle(**fields)


def company_sentiments(column: str | None) -> dict[str, tuple[int, int, int]]:
    """How an article reads for companies, as its row holds it; probabilities in 1/10,000."""
    if column is None:
        return {}
    return msgspec.json.decode(column, type=dict[str, tuple[int, int, int]])


def stored_with_ids(connection: Connection, ids: Iterable[str]) -> dict[str, CountedArticle]:
    """By id, those that are stored."""
    found: dict[str, CountedArticle] = {}
    for chunk in chunks(list(ids)):
        for row in connection.execute(
            select(*COUNTED_COLUMNS).where(among(connection, articles.c.id, chunk))
        ):
            found[row.id] = counted_row(row)
    return found


def counted_with_story_keys(
    connection: Connection, keys: Iterable[str], sight: Sight
) -> list[CountedArticle]:
    """The stored articles of these stories that are seen, as they count."""
    rows = sight.rows()
    return [
        counted_row(row)
        for chunk in chunks(sorted(keys))
        for row in connection.execute(
            select(*(rows.c[name] for name in COUNTED)).where(
                among(connection, rows.c.story_key, chunk), sight.in_time(rows)
            )
        )
    ]


def neighbours_of(
    connection: Connection, keys: Iterable[str], times: Sequence[datetime]
) -> list[CountedArticle]:
    """The stored articles of these stories, as far as stories reach around the times."""
    if not times:
        return []
    reach = STORY_HORIZON + timedelta(seconds=1)
    near = and_(
        articles.c.published >= min(times) - reach, articles.c.published <= max(times) + reach
    )
    return [
        counted_row(row)
        for chunk in chunks(sorted(keys))
        for row in connection.execute(
            select(*COUNTED_COLUMNS).where(among(connection, articles.c.story_key, chunk), near)
        )
    ]


def chunks(values: list[str]) -> Iterable[list[str]]:
    """As many at a time as one statement takes."""
    for start in range(0, len(values), MAX_PARAMETERS):
        yield values[start : start + MAX_PARAMETERS]
