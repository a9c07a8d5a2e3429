"""The article: the one record that leaves this package, whatever it came from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ingest.identity import article_id, canonical_url, content_hash, normalise_title

__all__ = [
    "Article",
    "article_id",
    "canonical_url",
    "content_hash",
    "normalise_title",
]


@dataclass(frozen=True, slots=True)
class Article:
    """One news item or post, as plain text.

    Raises ValueError on construction when a datetime has no zone or the id is empty:
    such a record is a bug of whoever built it, never a property of the outside world.
    """

    id: str
    """Deterministic; see `ingest.identity.article_id`."""
    source: str
    url: str
    title: str
    """Plain text on one line."""
    text: str
    """Plain text without markup; may be empty."""
    language: str
    """ISO 639-1 code in lower case, or "" when the document does not say."""
    published: datetime
    """UTC."""
    first_seen: datetime
    """UTC; when this wording was first seen."""
    published_is_estimate: bool
    """The document had no date, or one in the future: `published` is the time of fetching."""
    content_hash: str

    def __post_init__(self) -> None:
        if not self.id:
            raise ValueError("an article needs an id")
        for name, moment in (("published", self.published), ("first_seen", self.first_seen)):
            if moment.tzinfo is not UTC:
                raise ValueError(f"{name} must be a datetime in UTC, not {moment!r}")
