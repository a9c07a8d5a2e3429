"""Scores by another model, kept beside those that count until they are adopted."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    Case,
    ColumnElement,
    Connection,
    Engine,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    or_,
    select,
)

from monitor.events import ArticleEvent, ScoredEvent
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for, score_columns
from monitor.store.reach import read_reach
from monitor.store.schema import articles, rescores
from monitor.stories import counted

Place = tuple[datetime, str]
"""Publication and id of an article: the order in which all go through them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Articles to be scored again: published from `since` to before `until`."""

    models: Mapping[str, str]
    """By the language of an article, the model that is to score it; others are left alone."""
    since: datetime | None = None
    until: datetime | None = None
    source: str | None = None

    def as_json(self) -> str:
        """Equal for equal selections."""
        return msgspec.json.encode(self, order="sorted").decode()

    def target(self) -> Case[str]:
        """The model that is to score an article."""
        return case(dict(self.models), value=articles.c.language)

    def chosen(self) -> list[ColumnElement[bool]]:
        """The articles whose scores are not by that model."""
        where = [articles.c.language.in_(list(self.models)), articles.c.model != self.target()]
        if self.since is not None:
            where.append(articles.c.published >= self.since)
        if self.until is not None:
            where.append(articles.c.published < self.until)
        if self.source is not None:
            where.append(articles.c.source == self.source)
        return where


@dataclass(frozen=True, slots=True)
class Exchange:
    """How an article counts, and how it would by the scores kept beside; JSON as in the store."""

    place: Place
    label: str
    topics: str
    entities: str
    companies: str | None
    new: Mapping[str, Any]
    """The columns of articles that change."""


_SCORES = (
    "label",
    "negative",
    "neutral",
    "positive",
    "topics",
    "entities",
    "companies",
    "themes",
    "model",
    "scored",
)
_TEXT = (
    "id",
    "source",
    "url",
    "title",
    "text",
    "language",
    "published",
    "first_seen",
    "published_is_estimate",
    "content_hash",
)


def stored_languages(engine: Engine) -> list[str]:
    """The languages of the stored articles."""
    query = select(articles.c.language).distinct().order_by(articles.c.language)
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def unscored_count(engine: Engine, selection: Selection) -> int:
    """How many articles there are yet to score."""
    with reading(engine) as connection:
        query = select(func.count()).select_from(articles)
        return int(connection.execute(_unscored(connection, query, selection)).scalar_one())


def unscored(engine: Engine, selection: Selection, limit: int) -> Iterator[list[ArticleEvent]]:
    """The articles yet to score, oldest first, so many at a time; no transaction stays open."""
    after: Place | None = None
    while True:
        with reading(engine) as connection:
            query = _unscored(connection, select(*(articles.c[name] for name in _TEXT)), selection)
            rows = connection.execute(_page(query, after, limit)).all()
        if not rows:
            return
        after = rows[-1].published, rows[-1].id
        yield [ArticleEvent(**row._mapping) for row in rows]


def keep_beside(engine: Engine, events: Sequence[ScoredEvent]) -> None:
    """Keep scores beside those that count; of an article and a model the last ones."""
    with writing(engine) as connection:
        statement = insert_for(connection)(rescores)
        key = [rescores.c.article_id, rescores.c.model]
        names = {column.name for column in rescores.c} - {"article_id", "model"}
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=key, set_={name: statement.excluded[name] for name in names}
            ),
            [_row(event) for event in events],
        )


def kept_beside(
    connection: Connection, selection: Selection, after: Place | None, limit: int
) -> list[Exchange]:
    """Articles for which there are scores beside, in their order."""
    query = _page(_beside(connection, selection), after, limit)
    return [_exchange(row) for row in connection.execute(query)]


def beside_count(engine: Engine, selection: Selection) -> int:
    """For how many articles there are scores beside."""
    with reading(engine) as connection:
        beside = _beside(connection, selection).subquery()
        return int(connection.execute(select(func.count()).select_from(beside)).scalar_one())


def kept_beside_of(
    connection: Connection, selection: Selection, ids: Sequence[str]
) -> list[Exchange]:
    """The same of these articles."""
    query = _beside(connection, selection).where(articles.c.id.in_(ids))
    return [_exchange(row) for row in connection.execute(query.order_by(articles.c.id))]


def discard(connection: Connection, ids: Sequence[str], models: Sequence[str]) -> None:
    """Forget scores that were kept beside."""
    connection.execute(
        delete(rescores).where(rescores.c.article_id.in_(ids), rescores.c.model.in_(models))
    )


def _unscored(connection: Connection, query: Select[Any], selection: Selection) -> Select[Any]:
    known = exists().where(*_of_this_text(selection))
    return query.where(*selection.chosen(), *_countable(connection), ~known)


def _beside(connection: Connection, selection: Selection) -> Select[Any]:
    names = ("label", "topics", "entities", "companies")
    return (
        select(
            articles.c.id,
            articles.c.published,
            *(articles.c[name].label(f"old_{name}") for name in names),
            *(rescores.c[name] for name in _SCORES),
        )
        .join(rescores, and_(*_of_this_text(selection)))
        .where(*selection.chosen(), *_countable(connection))
    )


def _of_this_text(selection: Selection) -> list[ColumnElement[bool]]:
    """Scores of an article as it is now, by the model that is to score it."""
    return [
        rescores.c.article_id == articles.c.id,
        rescores.c.content_hash == articles.c.content_hash,
        rescores.c.model == selection.target(),
    ]


def _countable(connection: Connection) -> list[ColumnElement[bool]]:
    """Of older articles not all are there that they are counted with."""
    edge = read_reach(connection).takes_from
    return [] if edge is None else [articles.c.published >= edge]


def _page(query: Select[Any], after: Place | None, limit: int) -> Select[Any]:
    columns = articles.c
    if after is not None:
        published, name = after
        query = query.where(
            columns.published >= published,
            or_(columns.published > published, columns.id > name),
        )
    return query.order_by(columns.published, columns.id).limit(limit)


def _exchange(row: Any) -> Exchange:
    return Exchange(
        (row.published, row.id),
        row.old_label,
        row.old_topics,
        row.old_entities,
        row.old_companies,
        {name: getattr(row, name) for name in _SCORES},
    )


def _row(event: ScoredEvent) -> dict[str, Any]:
    article = counted(event)
    return {
        "article_id": article.id,
        "content_hash": article.content_hash,
        **score_columns(article, event),
    }
