"""JSON Feed 1 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from __future__ import annotations

import json
from datetime import tzinfo
from typing import Any

from ingest.dates import parse_date
from ingest.feeds.document import FeedEntry, ParsedFeed
from ingest.feeds.outcomes import Failure
from ingest.links import absolute_url
from ingest.text import MAX_TITLE_CHARS, first_words, language_code, plain_text

_VERSION = "jsonfeed.org/version/1"


def looks_like_json(body: bytes) -> bool:
    return body[:200].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def parse_json_feed(
    body: bytes, *, url: str, zone: tzinfo, max_entries: int
) -> ParsedFeed | Failure:
    """The feed in `body`. An item may break the format in a field without losing the others."""
    try:
        document = json.loads(body.decode("utf-8-sig", "replace"))
    except RecursionError:
        return Failure("invalid", "the document is JSON nested too deep")
    except ValueError as error:
        return Failure("invalid", f"the document looks like JSON but is not: {error}"[:200])
    if not isinstance(document, dict) or _VERSION not in _text(document.get("version")):
        return Failure("invalid", "the document is JSON, but not a JSON Feed")
    items = document.get("items")
    if not isinstance(items, list):
        return Failure("invalid", "the JSON Feed has no list of items")
    language = language_code(_text(document.get("language")))
    entries = [
        entry
        for item in items[:max_entries]
        if isinstance(item, dict)
        and (entry := _entry(item, url=url, zone=zone, language=language)) is not None
    ]
    return ParsedFeed(
        title=plain_text(_text(document.get("title")), markup=False, max_chars=MAX_TITLE_CHARS),
        language=language,
        entries=tuple(entries),
        left_out=len(items) - len(entries),
    )


def _entry(item: dict[str, Any], *, url: str, zone: tzinfo, language: str) -> FeedEntry | None:
    text = (
        plain_text(_text(item.get("content_html")))
        or plain_text(_text(item.get("content_text")), markup=False)
        or plain_text(_text(item.get("summary")), markup=False)
    )
    title = plain_text(_text(item.get("title")), max_chars=MAX_TITLE_CHARS) or first_words(text)
    if not title:
        return None
    return FeedEntry(
        guid=_text(item.get("id")).strip(),
        url=absolute_url(url, _text(item.get("url")) or _text(item.get("external_url"))),
        title=title,
        text=text,
        published=parse_date(_text(item.get("date_published")), zone),
        updated=parse_date(_text(item.get("date_modified")), zone),
        language=language_code(_text(item.get("language"))) or language,
    )


def _text(value: object) -> str:
    """Strings as they are, numbers as digits (the format asks readers to), all else as none."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""
