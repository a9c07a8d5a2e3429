"""Questions to the store: tallies over time, articles behind a number."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Engine, FromClause, Row, ScalarSelect, func, select

from alerts.series import Bucket
from monitor.store.counted import company_sentiments
from monitor.store.engine import reading
from monitor.store.reach import read_reach, wider_start
from monitor.store.schema import articles, housekeeping, tallies
from monitor.store.sight import Sight
from monitor.stories import label_of

DIMENSIONS = ("all", "topic", "entity", "theme", "source", "language")
BUCKET_WIDTHS_SECONDS = {"5m": 300, "1h": 3_600, "1d": 86_400}


@dataclass(frozen=True, slots=True)
class TallyRow:
    """A tally over one bucket."""

    dimension: str
    key: str
    bucket: datetime
    stories: int
    articles: int
    negative: int
    neutral: int
    positive: int
    width_seconds: int
    """What was asked for, or more: old tallies are of hours, then of days."""


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article with its scores; probabilities in [0, 1].

    `label` and `negative` say how it reads as a whole, or for the company that was asked for.
    """

    id: str
    source: str
    url: str
    title: str
    language: str
    published: datetime
    first_seen: datetime
    scored: datetime
    label: str
    negative: float
    topics: dict[str, float]
    entities: tuple[str, ...]
    themes: tuple[str, ...]
    story_key: str
    model: str
    content_hash: str
    behind_seconds: int
    revised: datetime | None
    """When it became as it is; None: it is as it came."""


def tally_rows(
    engine: Engine,
    dimension: str | None = None,
    key: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    width_seconds: int = 300,
) -> Iterator[TallyRow]:
    """Tallies by dimension, key and bucket, in that order; days and hours are UTC."""
    start = wider_start(width_seconds).label("start")
    names = ("stories", "articles", "negative", "neutral", "positive")
    query = (
        select(
            tallies.c.dimension,
            tallies.c.key,
            start,
            *(func.sum(tallies.c[name]).label(name) for name in names),
        )
        .group_by(tallies.c.dimension, tallies.c.key, start)
        .order_by(tallies.c.dimension, tallies.c.key, start)
        .having(func.sum(tallies.c.articles) > 0)
    )
    if dimension is not None:
        query = query.where(tallies.c.dimension == dimension)
    if key is not None:
        query = query.where(tallies.c.key == key)
    if since is not None:
        query = query.where(tallies.c.bucket >= int(since.timestamp()))
    if until is not None:
        query = query.where(tallies.c.bucket < int(until.timestamp()))
    with reading(engine) as connection:
        reach = read_reach(connection)
        for row in connection.execute(query):
            yield TallyRow(
                row.dimension,
                row.key,
                datetime.fromtimestamp(row.start, UTC),
                **{name: int(getattr(row, name)) for name in names},
                width_seconds=max(width_seconds, reach.width_seconds(row.start)),
            )


_COUNTS = ("stories", "articles", "negative", "neutral", "positive")
"""Of a tally, as `Bucket` has them."""


def series(
    engine: Engine,
    dimension: str,
    after: int | None,
    through: int,
    keys: Sequence[str] | None = None,
    fine: bool = False,
) -> dict[str, list[Bucket]]:
    """The non-empty buckets with `after` < start <= `through` by key, in order of time.

    Old ones are of hours, then of days; with `fine` they are left out.
    """
    columns = tallies.c
    query = (
        select(columns.key, columns.bucket, *(columns[name] for name in _COUNTS))
        .where(columns.dimension == dimension, columns.bucket <= through, columns.articles > 0)
        .order_by(columns.key, columns.bucket)
    )
    if after is not None:
        query = query.where(columns.bucket > after)
    if keys is not None:
        query = query.where(columns.key.in_(keys))
    if fine:
        query = query.where(columns.bucket >= _fine_from())
    found: dict[str, list[Bucket]] = {}
    with reading(engine) as connection:
        for key, *values in connection.execute(query):
            found.setdefault(key, []).append(Bucket(*values))
    return found


def totals(
    engine: Engine,
    dimension: str,
    after: int,
    through: int,
    keys: Sequence[str] | None = None,
) -> list[Bucket]:
    """The five minutes with `after` < start <= `through`, summed over the keys, in order of time.

    A story on two of the keys counts twice, as it does in the tallies.
    """
    query = (
        select(tallies.c.bucket, *(func.sum(tallies.c[name]) for name in _COUNTS))
        .where(
            tallies.c.dimension == dimension,
            tallies.c.bucket > after,
            tallies.c.bucket >= _fine_from(),
            tallies.c.bucket <= through,
            tallies.c.articles > 0,
        )
        .group_by(tallies.c.bucket)
        .order_by(tallies.c.bucket)
    )
    if keys is not None:
        query = query.where(tallies.c.key.in_(keys))
    with reading(engine) as connection:
        return [_bucket(row) for row in connection.execute(query)]


def _bucket(sums: Row[Any]) -> Bucket:
    """Sums come as decimal numbers from PostgreSQL."""
    start, stories, articles, negative, neutral, positive = (int(value) for value in sums)
    return Bucket(start, stories, articles, negative, neutral, positive)


def _fine_from() -> ScalarSelect[int]:
    return select(housekeeping.c.five_minutes_from).scalar_subquery()


def time_span(engine: Engine) -> tuple[datetime, datetime] | None:
    """Publication times of the first and the last article; None in an empty store."""
    with reading(engine) as connection:
        first, last = connection.execute(
            select(func.min(articles.c.published), func.max(articles.c.published))
        ).one()
    return None if first is None else (first, last)


def scoring_models(engine: Engine, since: datetime, until: datetime) -> list[str]:
    """The models that scored what was published in that time, by name."""
    query = (
        select(articles.c.model)
        .where(articles.c.published >= since, articles.c.published < until)
        .distinct()
        .order_by(articles.c.model)
    )
    with reading(engine) as connection:
        return list(connection.execute(query).scalars())


def article_count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(articles)).scalar_one())


def under(dimension: str, key: str, rows: FromClause = articles) -> list[ColumnElement[bool]]:
    """The articles that count under a key; `rows` are of articles, or of versions of them."""
    if dimension == "source":
        return [rows.c.source == key]
    if dimension == "language":
        return [rows.c.language == key]
    if dimension == "topic":
        return [rows.c.topics.contains(f'"{key}":', autoescape=True)]
    if dimension in ("entity", "theme"):
        column = rows.c.entities if dimension == "entity" else rows.c.themes
        return [column.contains(msgspec.json.encode(key).decode(), autoescape=True)]
    return []


def articles_between(
    engine: Engine,
    since: datetime,
    until: datetime,
    dimension: str = "all",
    key: str = "all",
    sight: Sight = Sight(),  # noqa: B008 - it is frozen
) -> Iterator[StoredArticle]:
    """Articles with `since` <= published < `until` that count under a key and are seen, oldest
    first.

    Of dimension entity they come with the sentiment for that company.
    """
    rows = sight.rows()
    query = (
        select(rows)
        .where(
            rows.c.published >= since,
            rows.c.published < until,
            *under(dimension, key, rows),
            sight.in_time(rows),
        )
        .order_by(rows.c.published, rows.c.id)
    )
    with reading(engine) as connection:
        for row in connection.execute(query):
            article = _article(row)
            yield _for_company(article, key, row.companies) if dimension == "entity" else article


def worst_stories(found: Iterable[StoredArticle]) -> list[StoredArticle]:
    """The negative stories, one article each (the first), the most negative ahead."""
    first: dict[str, StoredArticle] = {}
    for article in found:
        if article.label == "negative":
            first.setdefault(article.story_key, article)
    return sorted(first.values(), key=lambda item: (-item.negative, item.published, item.id))


def latest_articles(engine: Engine, limit: int) -> list[StoredArticle]:
    """The newest articles by publication."""
    query = select(articles).order_by(articles.c.published.desc(), articles.c.id).limit(limit)
    with reading(engine) as connection:
        return [_article(row) for row in connection.execute(query)]


def scored_since(engine: Engine, moment: datetime) -> int:
    """How many articles came in scored since then, of those published in the two days before."""
    recent = articles.c.published > moment - timedelta(days=2)
    came = articles.c.revised.is_(None)
    query = select(func.count()).where(recent, came, articles.c.scored > moment)
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one())


def _for_company(article: StoredArticle, company: str, column: str | None) -> StoredArticle:
    said = company_sentiments(column).get(company)
    if said is None:
        return article
    return replace(article, label=label_of(said), negative=said[0] / 10_000)


def _article(row: Row[tuple[object, ...]]) -> StoredArticle:
    return StoredArticle(
        id=row.id,
        source=row.source,
        url=row.url,
        title=row.title,
        language=row.language,
        published=row.published,
        first_seen=row.first_seen,
        scored=row.scored,
        label=row.label,
        negative=row.negative / 10_000,
        topics=msgspec.json.decode(row.topics, type=dict[str, float]),
        entities=msgspec.json.decode(row.entities, type=tuple[str, ...]),
        themes=msgspec.json.decode(row.themes, type=tuple[str, ...]),
        story_key=row.story_key,
        model=row.model,
        content_hash=row.content_hash,
        behind_seconds=row.behind_seconds,
        revised=row.revised,
    )
