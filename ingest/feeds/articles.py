"""Entries of a feed to articles: what identifies each, when it was published."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime

from ingest.article import Article, article_id, canonical_url, content_hash, normalise_title
from ingest.feeds.document import FeedEntry, ParsedFeed


def articles_of(
    feed: ParsedFeed, *, source: str, language: str = "", now: datetime
) -> list[Article]:
    """One article an entry, in document order, each id once.

    `language` (ISO 639-1) is what the owner of the feed's settings says and overrides the document.
    A date that is missing or after `now` becomes `now` and is marked as an estimate.
    """
    guids = _telling(feed.entries, lambda entry: entry.guid)
    urls = _telling(feed.entries, lambda entry: entry.url)
    articles: dict[str, Article] = {}
    versions: dict[str, datetime] = {}
    for entry in feed.entries:
        if canonical_url(entry.guid) in guids:
            key = entry.guid
        else:
            key = entry.url if canonical_url(entry.url) in urls else ""
        stated = entry.published or entry.updated
        entry_id = article_id(source, key, entry.title, entry.text, stated)
        version = entry.updated or stated or now
        if entry_id in articles and version <= versions[entry_id]:
            continue
        is_estimate = stated is None or stated > now
        versions[entry_id] = version
        articles[entry_id] = Article(
            id=entry_id,
            source=source,
            url=entry.url,
            title=entry.title,
            text=entry.text,
            language=language or entry.language,
            published=now if stated is None or is_estimate else stated,
            first_seen=now,
            published_is_estimate=is_estimate,
            content_hash=content_hash(entry.title, entry.text),
        )
    return list(articles.values())


def _telling(entries: Iterable[FeedEntry], key: Callable[[FeedEntry], str]) -> frozenset[str]:
    """The keys that tell entries apart. One that stands at entries with different headlines (a
    home page as every link, a constant GUID) identifies nothing."""
    titles: defaultdict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if value := canonical_url(key(entry)):
            titles[value].add(normalise_title(entry.title) or entry.title)
    return frozenset(value for value, seen in titles.items() if len(seen) == 1)
