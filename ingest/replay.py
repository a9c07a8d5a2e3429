"""Playing past articles as if they came in now. Pure: no clock, no waiting."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from ingest.article import Article


def rebase(articles: Iterable[Article], end: datetime) -> list[Article]:
    """The articles in order of publication, shifted in time together so that the last one is
    published at `end`. Ids stay: the same articles, told at another time."""
    ordered = sorted(articles, key=lambda article: (article.published, article.id))
    if not ordered:
        return []
    shift = end.astimezone(UTC) - ordered[-1].published
    return [
        replace(article, published=article.published + shift, first_seen=article.first_seen + shift)
        for article in ordered
    ]


def due_at(
    published: datetime, *, first_published: datetime, started: datetime, speed: float
) -> datetime:
    """When to hand on an article of a replay that began at `started` with the article of
    `first_published`, at `speed` seconds of news a second. Raises ValueError unless speed > 0."""
    if not speed > 0:
        raise ValueError(f"speed must be above 0, not {speed}")
    return started + timedelta(seconds=(published - first_published).total_seconds() / speed)
