"""What retrieving or parsing a feed can end in: values, so that no failure goes unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

FailureKind = Literal["retryable", "invalid"]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document, decompressed, and what the next conditional request needs."""

    body: bytes
    headers: dict[str, str]
    """Names in lower case; the last of repeated ones."""
    etag: str | None
    last_modified: str | None
    url: str
    """Where the document came from after redirects, without user name and password."""


@dataclass(frozen=True, slots=True)
class NotModified:
    """The server has nothing newer than what the request named."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Nothing usable. "retryable" may pass by itself; "invalid" needs a change at either end."""

    kind: FailureKind
    reason: str
    """For people; holds no query, user name or password."""
    retry_after_seconds: float | None = None
    status: int | None = None
    """HTTP status where there was a response."""
