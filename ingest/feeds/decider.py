"""What of a fetched feed is new, and what has changed. Pure: no clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from ingest.article import Article

MAX_KNOWN: Final = 5_000


class KnownEntry(msgspec.Struct, frozen=True, array_like=True):
    """What is remembered of an article that was handed on."""

    content_hash: str
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    new: tuple[Article, ...]
    """In document order."""
    changed: tuple[Article, ...]
    """Known articles whose wording changed; `first_seen` is that of the new wording, so that it
    goes before the old one wherever the two meet."""
    known: dict[str, KnownEntry]
    """To be given to the next decision: by article id, longest unseen first."""


def decide(
    known: Mapping[str, KnownEntry], articles: Iterable[Article], *, max_known: int = MAX_KNOWN
) -> Decision:
    """Compares what the feed holds now with what is known of it.

    Only wording counts: white space, markup and tracking parameters are not in the content hash.
    Of the known at most `max_known` are kept, those in the feed now before any other, so that a
    feed never announces its present entries again.
    """
    new: list[Article] = []
    changed: list[Article] = []
    present: dict[str, KnownEntry] = {}
    for article in articles:
        if article.id in present:
            continue
        before = known.get(article.id)
        first_seen = article.first_seen if before is None else before.first_seen
        present[article.id] = KnownEntry(article.content_hash, first_seen)
        if before is None:
            new.append(article)
        elif before.content_hash != article.content_hash:
            # An estimate is the time of the first fetch, and stays that.
            published = first_seen if article.published_is_estimate else article.published
            changed.append(replace(article, published=published))
    absent = [(entry_id, entry) for entry_id, entry in known.items() if entry_id not in present]
    kept = max(0, max_known - len(present))
    return Decision(
        new=tuple(new),
        changed=tuple(changed),
        known=dict(absent[len(absent) - kept :] if kept < len(absent) else absent) | present,
    )
