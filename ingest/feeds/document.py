"""A feed document as plain data, whatever format it came in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """One entry. Every string is plain text within its limit; a moment is in UTC."""

    guid: str
    """The publisher's own identifier; "" where the document gives none."""
    url: str
    """Absolute http(s) address; "" where there is none."""
    title: str
    """One line; the first words of the text where the document gives no title."""
    text: str
    published: datetime | None
    updated: datetime | None
    language: str
    """ISO 639-1 code, or "" where neither entry nor feed says."""


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    title: str
    language: str
    entries: tuple[FeedEntry, ...]
    """In document order."""
    left_out: int = 0
    """Entries without any title, text and address, and those past the limit, as far as counted."""
