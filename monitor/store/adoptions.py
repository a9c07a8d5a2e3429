"""Making scores that were kept beside the ones that count, some at a time, and the record of it.

What counted before is kept as a version. Each batch is one transaction with what it does to the
tallies, so that an adoption that was broken off goes on where it was.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

import msgspec
from sqlalchemy import Connection, Engine, bindparam, or_, select, update

from monitor.score_changes import ScoreChanges
from monitor.store.counted import lock_stories, neighbours_of, stored_with_ids
from monitor.store.engine import reading, writing
from monitor.store.ingestion import add_to_tallies
from monitor.store.reach import held_reach
from monitor.store.rescores import (
    Exchange,
    Place,
    Selection,
    discard,
    kept_beside,
    kept_beside_of,
)
from monitor.store.schema import adoptions, articles
from monitor.store.versions import keep_versions
from monitor.stories import CountedArticle, difference


@dataclass(frozen=True, slots=True)
class Adoption:
    """One that was, or is under way."""

    number: int
    selection: Selection
    began: datetime
    ended: datetime | None
    changes: ScoreChanges


def begin(engine: Engine, selection: Selection, now: datetime) -> Adoption:
    """Note that an adoption begins, or goes on; another that was broken off is over by that."""
    told, table = selection.as_json(), adoptions.c
    with writing(engine) as connection:
        row = connection.execute(
            select(adoptions).where(table.ended.is_(None), table.selection == told)
        ).first()
        connection.execute(
            update(adoptions)
            .where(table.ended.is_(None), table.selection != told)
            .values(ended=now)
        )
        if row is None:
            empty = msgspec.json.encode(ScoreChanges()).decode()
            row = connection.execute(
                adoptions.insert()
                .values(selection=told, began=now, changes=empty)
                .returning(*adoptions.c)
            ).one()
        return _adoption(row)


def is_unended(engine: Engine, selection: Selection) -> bool:
    """Whether an adoption of that was begun and is not over."""
    query = select(adoptions.c.number).where(
        adoptions.c.ended.is_(None), adoptions.c.selection == selection.as_json()
    )
    with reading(engine) as connection:
        return connection.execute(query.limit(1)).first() is not None


def adopt_some(
    engine: Engine,
    adoption: Adoption,
    after: Place | None,
    limit: int,
    now: Callable[[], datetime],
) -> tuple[Place, int] | None:
    """Adopt the scores of the next articles; how far it came and how many it were, None where none
    are left. Raises Unavailable."""
    with writing(engine) as connection:
        reach = held_reach(connection)
        found = kept_beside(connection, adoption.selection, after, limit)
        if not found:
            return None
        ids = [item.place[1] for item in found]
        stored = stored_with_ids(connection, ids)
        if connection.dialect.name == "postgresql":
            lock_stories(connection, {article.story_key for article in stored.values()})
            stored = stored_with_ids(connection, ids)
        # What was corrected meanwhile is no longer what was scored.
        exchanges = kept_beside_of(connection, adoption.selection, ids)
        new = {item.place[1]: _exchanged(stored[item.place[1]], item) for item in exchanges}
        if new:
            keys = {article.story_key for article in stored.values()}
            times = [article.published for article in stored.values()]
            neighbours = neighbours_of(connection, keys, times)
            own = {name: stored[name] for name in new}
            changes = difference(new, own, neighbours)
            _write(connection, exchanges, now())
            add_to_tallies(connection, reach.in_their_width(changes))
        discard(connection, ids, sorted(set(adoption.selection.models.values())))
        _note(connection, adoption.number, exchanges)
    return found[-1].place, len(exchanges)


def end(engine: Engine, adoption: Adoption, now: datetime) -> Adoption:
    """Note that it is done; what came of it."""
    with writing(engine) as connection:
        return _adoption(
            connection.execute(
                update(adoptions)
                .where(adoptions.c.number == adoption.number)
                .values(ended=now)
                .returning(*adoptions.c)
            ).one()
        )


def past_adoptions(engine: Engine) -> list[Adoption]:
    """Newest first."""
    with reading(engine) as connection:
        rows = connection.execute(select(adoptions).order_by(adoptions.c.number.desc()))
        return [_adoption(row) for row in rows]


def rescored_since(engine: Engine, moment: datetime) -> bool:
    """Whether scores were exchanged at that time or later."""
    query = select(adoptions.c.number).where(
        or_(adoptions.c.ended.is_(None), adoptions.c.ended >= moment)
    )
    with reading(engine) as connection:
        return connection.execute(query.limit(1)).first() is not None


def _write(connection: Connection, exchanges: list[Exchange], now: datetime) -> None:
    ids = [item.place[1] for item in exchanges]
    revised = keep_versions(connection, ids, "rescored", now)
    connection.execute(
        update(articles)
        .where(articles.c.id == bindparam("rescored_id"))
        .values({name: bindparam(name) for name in [*exchanges[0].new, "revised"]}),
        [
            {**item.new, "revised": revised, "rescored_id": name}
            for item, name in zip(exchanges, ids, strict=True)
        ],
    )


def _exchanged(article: CountedArticle, item: Exchange) -> CountedArticle:
    new = item.new
    companies = msgspec.json.decode(new["companies"], type=dict[str, tuple[int, int, int]])
    return replace(
        article,
        label=new["label"],
        negative=new["negative"],
        topics=tuple(sorted(msgspec.json.decode(new["topics"], type=dict[str, float]))),
        entities=msgspec.json.decode(new["entities"], type=tuple[str, ...]),
        companies=tuple((name, *said) for name, said in sorted(companies.items())),
        themes=msgspec.json.decode(new["themes"], type=tuple[str, ...]),
    )


def _note(connection: Connection, number: int, exchanges: list[Exchange]) -> None:
    mine = adoptions.c.number == number
    told = connection.execute(select(adoptions.c.changes).where(mine)).scalar_one()
    changes = msgspec.json.decode(told, type=ScoreChanges)
    changes.add(exchanges)
    connection.execute(
        update(adoptions).where(mine).values(changes=msgspec.json.encode(changes).decode())
    )


def _adoption(row: object) -> Adoption:
    fields = row._mapping  # type: ignore[attr-defined]
    return Adoption(
        fields["number"],
        msgspec.json.decode(fields["selection"], type=Selection),
        fields["began"],
        fields["ended"],
        msgspec.json.decode(fields["changes"], type=ScoreChanges),
    )
