"""Scored events for tests of counting."""

from datetime import UTC, datetime, timedelta

from ingest.identity import content_hash
from monitor.events import ArticleEvent, Probabilities, ScoredEvent

START = datetime(2026, 3, 1, tzinfo=UTC)


def scored(
    name: str,
    title: str = "Bank fails",
    hours: float = 0.0,
    source: str = "wire",
    negative: float = 0.9,
    topics: tuple[str, ...] = ("credit",),
    entities: tuple[str, ...] = ("Bank",),
    seen_hours: float | None = None,
    companies: dict[str, Probabilities] | None = None,
) -> ScoredEvent:
    published = START + timedelta(hours=hours)
    first_seen = START + timedelta(hours=hours if seen_hours is None else seen_hours)
    return ScoredEvent(
        article=ArticleEvent(
            id=name,
            source=source,
            url=f"https://example.com/{name}",
            title=title,
            text="",
            language="en",
            published=published,
            first_seen=first_seen,
            published_is_estimate=False,
            content_hash=content_hash(title, ""),
        ),
        negative=negative,
        neutral=round(1 - negative, 4),
        positive=0.0,
        topics=dict.fromkeys(topics, 0.9),
        entities=entities,
        companies=companies or {},
        language="en",
        model="test@0",
        scored=first_seen,
    )
