"""People's labels of articles: kept beside the scores, which they never touch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import ColumnElement, Engine, Row, and_, case, func, select

from alerts.alert import TopStory
from monitor.corrections import Correction, Label, in_force
from monitor.store.engine import reading, writing
from monitor.store.model_tables import labels
from monitor.store.schema import articles

QUEUE_SPAN = timedelta(days=7)
COPIES_PASSED_OVER = 4
"""How many articles are read for one that is listed: copies of a headline are listed once."""


@dataclass(frozen=True, slots=True)
class Uncertain:
    """An article that the model is unsure of; probabilities in [0, 1]."""

    id: str
    source: str
    url: str
    title: str
    text: str
    language: str
    published: datetime
    label: str
    confidence: float
    negative: float
    neutral: float
    positive: float
    model: str


@dataclass(frozen=True, slots=True)
class LabelledArticle:
    """A label in force with the article that it is of."""

    label: Label
    title: str
    text: str
    language: str
    source: str
    published: datetime
    content_hash: str


def add(engine: Engine, article_id: str, correction: Correction, now: datetime) -> Label | None:
    """Keep a label; None where no such article is stored."""
    with writing(engine) as connection:
        known = connection.execute(select(articles.c.id).where(articles.c.id == article_id)).first()
        if known is None:
            return None
        topics = correction.topics
        row = connection.execute(
            labels.insert()
            .values(
                article_id=article_id,
                company=correction.company,
                sentiment=correction.sentiment,
                topics=None if topics is None else msgspec.json.encode(topics).decode(),
                labelled_by=correction.by,
                labelled=now,
                note=correction.note,
            )
            .returning(*labels.c)
        ).one()
    return _label(row)


def article_of(engine: Engine, beginning: str) -> str | None:
    """The id of the one article whose id begins so; None where there is none, or more."""
    query = select(articles.c.id).where(articles.c.id.startswith(beginning, autoescape=True))
    with reading(engine) as connection:
        shortest = func.length(articles.c.id)
        found = connection.execute(query.order_by(shortest).limit(2)).scalars().all()
    if beginning in found:
        return beginning
    return found[0] if len(found) == 1 else None


def articles_of(engine: Engine, stories: Sequence[TopStory]) -> list[str | None]:
    """The id of the article behind each story of an alert; None where it has changed since."""
    columns = articles.c
    query = select(columns.id, columns.title, columns.source, columns.published, columns.url)
    query = query.where(columns.published.in_([story.published for story in stories]))
    with reading(engine) as connection:
        ids = {tuple(found): name for name, *found in connection.execute(query)}
    return [ids.get((story.title, story.source, story.published, story.url)) for story in stories]


def history(engine: Engine, article_id: str | None = None, limit: int | None = None) -> list[Label]:
    """Every label that was given, newest first."""
    query = select(labels).order_by(labels.c.id.desc()).limit(limit)
    if article_id is not None:
        query = query.where(labels.c.article_id == article_id)
    with reading(engine) as connection:
        return [_label(row) for row in connection.execute(query)]


def current(
    engine: Engine, article_ids: Sequence[str] | None = None, limit: int | None = None
) -> list[Label]:
    """The labels in force, newest first; of some articles or of all."""
    newest = select(labels.c.article_id, labels.c.company, func.max(labels.c.id).label("last"))
    if article_ids is not None:
        newest = newest.where(labels.c.article_id.in_(article_ids))
    chosen = (
        newest.group_by(labels.c.article_id, labels.c.company)
        .order_by(func.max(labels.c.id).desc())
        .limit(limit)
        .subquery()
    )
    same = and_(labels.c.article_id == chosen.c.article_id, labels.c.company == chosen.c.company)
    query = select(labels).join(chosen, same).order_by(labels.c.id)
    with reading(engine) as connection:
        return in_force(_label(row) for row in connection.execute(query))


def labelled_articles(engine: Engine) -> Iterator[LabelledArticle]:
    """All labels in force with their articles, in the order in which they were given."""
    found = sorted(current(engine), key=lambda label: label.id)
    with reading(engine) as connection:
        for label in found:
            row = connection.execute(
                select(articles).where(articles.c.id == label.article_id)
            ).one_or_none()
            if row is not None:
                yield LabelledArticle(
                    label,
                    row.title,
                    row.text,
                    row.language,
                    row.source,
                    row.published,
                    row.content_hash,
                )


def uncertain(
    engine: Engine, below: float, since: datetime | None, until: datetime | None, limit: int
) -> list[Uncertain]:
    """Articles whose likeliest sentiment is less likely than `below`, the least sure first.

    Those that have a sentiment from a person are left out, and copies of a headline. Without
    `since` it is the week before the newest article that is stored.
    """
    columns = articles.c
    confidence: ColumnElement[int] = case(
        (
            and_(columns.negative >= columns.neutral, columns.negative >= columns.positive),
            columns.negative,
        ),
        (columns.neutral >= columns.positive, columns.neutral),
        else_=columns.positive,
    )
    judged = select(labels.c.article_id).where(
        labels.c.article_id == columns.id, labels.c.company == "", labels.c.sentiment.is_not(None)
    )
    with reading(engine) as connection:
        if since is None:
            newest = connection.execute(select(func.max(columns.published))).scalar()
            if newest is None:
                return []
            since = min(newest, until or newest) - QUEUE_SPAN
        query = (
            select(articles, confidence.label("confidence"))
            .where(columns.published >= since, confidence < round(below * 10_000))
            .where(~judged.exists())
            .order_by(confidence, columns.published.desc(), columns.id)
            .limit(limit * COPIES_PASSED_OVER)
        )
        if until is not None:
            query = query.where(columns.published < until)
        rows = connection.execute(query).all()
    stories: dict[str, Uncertain] = {}
    for row in rows:
        stories.setdefault(
            row.story_key,
            Uncertain(
                id=row.id,
                source=row.source,
                url=row.url,
                title=row.title,
                text=row.text,
                language=row.language,
                published=row.published,
                label=row.label,
                confidence=row.confidence / 10_000,
                negative=row.negative / 10_000,
                neutral=row.neutral / 10_000,
                positive=row.positive / 10_000,
                model=row.model,
            ),
        )
    return list(stories.values())[:limit]


def _label(row: Row[tuple[object, ...]]) -> Label:
    return Label(
        id=row.id,
        article_id=row.article_id,
        company=row.company,
        sentiment=row.sentiment,
        topics=None
        if row.topics is None
        else msgspec.json.decode(row.topics, type=tuple[str, ...]),
        by=row.labelled_by,
        labelled=row.labelled,
        note=row.note,
    )
