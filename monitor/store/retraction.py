"""Taking an article back: it counts no more, and what it was is kept."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Engine, delete

from monitor.store.counted import lock_stories, neighbours_of, stored_with_ids
from monitor.store.engine import writing
from monitor.store.ingestion import add_to_tallies
from monitor.store.reach import held_reach
from monitor.store.schema import articles, rescores
from monitor.store.versions import keep_versions
from monitor.stories import difference


def retract(
    engine: Engine, article_id: str, now: datetime
) -> Literal["retracted", "unknown", "expired"]:
    """Take an article out of the tallies, in one transaction; it is not counted again unless its
    publisher changes it. One of which not all is there that it is counted with has expired.
    Raises Unavailable."""
    with writing(engine) as connection:
        reach = held_reach(connection)
        stored = stored_with_ids(connection, [article_id])
        if connection.dialect.name == "postgresql":
            lock_stories(connection, {article.story_key for article in stored.values()})
            stored = stored_with_ids(connection, [article_id])
        if article_id not in stored:
            return "unknown"
        article = stored[article_id]
        if not reach.takes(article.published):
            return "expired"
        neighbours = neighbours_of(connection, [article.story_key], [article.published])
        changes = difference({article_id: None}, stored, neighbours)
        keep_versions(connection, [article_id], "retracted", now)
        connection.execute(delete(rescores).where(rescores.c.article_id == article_id))
        connection.execute(delete(articles).where(articles.c.id == article_id))
        add_to_tallies(connection, reach.in_their_width(changes))
    return "retracted"
