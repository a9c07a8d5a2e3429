"""What the poller remembers of each feed, as it wants it: `ingest.feeds.poller.FeedStates`."""

import msgspec
from sqlalchemy import Engine, select

from ingest.feeds.state import FeedState
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.schema import feeds


class StoredFeedStates:
    """Feed states in the store, one row a feed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def load(self, feed_url: str) -> FeedState | None:
        """The state of a feed; None before its first fetch."""
        with reading(self._engine) as connection:
            body = connection.execute(select(feeds.c.state).where(feeds.c.url == feed_url)).scalar()
        return None if body is None else msgspec.json.decode(body, type=FeedState)

    def save(self, state: FeedState) -> None:
        with writing(self._engine) as connection:
            insert = insert_for(connection)(feeds).values(
                url=state.url, state=msgspec.json.encode(state)
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[feeds.c.url], set_={"state": insert.excluded.state}
                )
            )
