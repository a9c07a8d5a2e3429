"""The articles behind an alert."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from sqlalchemy import Engine

from alerts.alert import Alert, TopStory
from monitor.store.readers import StoredArticle, articles_between, worst_stories
from monitor.store.sight import Sight

TOP_STORIES = 5


def with_evidence(engine: Engine, alert: Alert, sight: Sight) -> Alert:
    """The alert with its most negative stories, the models that scored them, and a digest of all
    that was seen."""
    found = window_articles(engine, alert, sight)
    return msgspec.structs.replace(
        alert,
        top=tuple(
            TopStory(item.title, item.source, item.published, item.url, item.negative)
            for item in worst_stories(found)[:TOP_STORIES]
        ),
        models=tuple(sorted({article.model for article in found})),
        evidence=_digest(found),
    )


def window_articles(engine: Engine, alert: Alert, sight: Sight) -> list[StoredArticle]:
    """The articles of an alert's key in its window that are seen, oldest first."""
    since = alert.started - timedelta(seconds=alert.window_seconds)
    return list(articles_between(engine, since, alert.started, alert.dimension, alert.key, sight))


def _digest(found: Sequence[StoredArticle]) -> str:
    """16 hex digits of what the articles say and how they read."""
    digest = hashlib.sha256()
    for article in found:
        digest.update(
            msgspec.json.encode(
                (
                    article.id,
                    article.title,
                    article.source,
                    article.published,
                    article.content_hash,
                    article.label,
                    round(article.negative * 10_000),
                    article.model,
                )
            )
        )
    return digest.hexdigest()[:16]
