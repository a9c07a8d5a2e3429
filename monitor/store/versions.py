"""What articles were before they were replaced: kept whenever a row is about to change.

A version was so from `revised` (or from when it was scored, where it is the first) until
`superseded`; what is in `articles` is so since its own `revised`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, case, func, literal, select

from monitor.store.counted import COUNTED, chunks, counted_row
from monitor.store.many import among
from monitor.store.schema import alerts, article_versions, articles
from monitor.stories import CountedArticle

Reason = Literal["corrected", "retracted", "rescored"]

_KEPT = [column.name for column in articles.c if column.name != "text"]
_TICK = timedelta(microseconds=1)


def keep_versions(
    connection: Connection, ids: Sequence[str], reason: Reason, now: datetime
) -> datetime:
    """Keep what the articles are, before they are changed in the same transaction; since when what
    follows is so.

    That is after every alert that has fired, whatever the clocks of two machines say: those were
    written of what is kept here. A rescore changes no text, so its versions hold none.
    """
    latest = [now]
    fired: datetime | None = connection.execute(select(func.max(alerts.c.fired))).scalar()
    if fired is not None:
        latest.append(fired + _TICK)
    for chunk in chunks(list(ids)):
        revised = select(func.max(articles.c.revised)).where(
            among(connection, articles.c.id, chunk)
        )
        if (last := connection.execute(revised).scalar()) is not None:
            latest.append(last)
    superseded = max(latest)
    text = case((literal(reason) == "rescored", None), else_=articles.c.text)
    names = [*_KEPT, "text", "superseded", "reason"]
    for chunk in chunks(list(ids)):
        kept = select(
            *(articles.c[name] for name in _KEPT),
            text,
            literal(superseded, article_versions.c.superseded.type),
            literal(reason),
        ).where(among(connection, articles.c.id, chunk))
        connection.execute(article_versions.insert().from_select(names, kept))
    return superseded


def retracted(
    connection: Connection, ids: Sequence[str]
) -> dict[str, tuple[CountedArticle, datetime]]:
    """Of those of the articles that were retracted, what they last were and until when: by id."""
    found: dict[str, tuple[CountedArticle, datetime]] = {}
    for chunk in chunks(list(ids)):
        rows = connection.execute(
            select(*(article_versions.c[name] for name in (*COUNTED, "superseded")))
            .where(
                among(connection, article_versions.c.id, chunk),
                article_versions.c.reason == "retracted",
            )
            .order_by(article_versions.c.number)
        )
        found.update({row.id: (counted_row(row), row.superseded) for row in rows})
    return found


def reasons_since(connection: Connection, ids: Sequence[str], since: datetime) -> dict[str, str]:
    """Of those of the articles that were replaced since then, why: by id; of several reasons that
    of the publisher."""
    columns = article_versions.c
    found: dict[str, str] = {}
    for chunk in chunks(list(ids)):
        rows = connection.execute(
            select(columns.id, columns.reason)
            .where(among(connection, columns.id, chunk), columns.superseded > since)
            .order_by(columns.number)
        )
        for name, reason in rows:
            if found.get(name, "rescored") == "rescored" or reason == "retracted":
                found[name] = reason
    return found
