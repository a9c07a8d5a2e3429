"""What is remembered of a feed between polls, and where that is kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from ingest.feeds.decider import KnownEntry


class FeedState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Serialises with `msgspec.json`. All moments are in UTC."""

    url: str
    """As in the settings; may hold user name and password, so it is a key, not for display."""
    etag: str | None = None
    last_modified: str | None = None
    known: dict[str, KnownEntry] = {}
    title: str = ""
    last_attempt: datetime | None = None
    last_success: datetime | None = None
    next_fetch: datetime | None = None
    error: str = ""
    """Reason of the last failure; "" when the last attempt succeeded."""
    error_status: int | None = None
    failures: int = 0
    """In succession."""
    entries: int = 0
    """In the document last parsed."""
    articles_new: int = 0
    """Since the feed is known."""
    articles_changed: int = 0


class FeedStates(Protocol):
    """Keeps feed states. Called from several threads, for one feed never by two at once."""

    def load(self, feed_url: str) -> FeedState | None: ...

    def save(self, state: FeedState) -> None:
        """Returns when the state is durable; raises when it is not."""
