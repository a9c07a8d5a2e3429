"""Bytes of a feed to entries: RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0, CDF, JSON Feed.

The parser is given bytes and nothing else, so no document can make it open a file or a
connection; document types and their entities are left aside.
"""

from __future__ import annotations

import calendar
import io
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

from feedparser.api import parse as _library_parse

from ingest.dates import EARLIEST_YEAR, parse_date
from ingest.feeds.document import FeedEntry, ParsedFeed
from ingest.feeds.json_feed import looks_like_json, parse_json_feed
from ingest.feeds.outcomes import Failure
from ingest.feeds.xml_bounds import xml_bounds
from ingest.links import absolute_url
from ingest.text import MAX_TITLE_CHARS, first_words, language_code, plain_text

MAX_ENTRIES: Final = 1_000
MAX_DOCUMENT_BYTES: Final = 20_000_000
_MAX_GUID_CHARS: Final = 2_000
_ROOTS: Final = frozenset({"rss", "feed", "rdf", "channel", "entry", ""})

_PARSE: Callable[..., Any] = _library_parse
# The library fills a table shared by all its parsers when the first one is made.
_PARSING = threading.Lock()


def parse_feed(
    body: bytes,
    *,
    url: str,
    headers: Mapping[str, str] | None = None,
    zone: tzinfo = UTC,
    max_entries: int = MAX_ENTRIES,
) -> ParsedFeed | Failure:
    """The feed in `body`, or an "invalid" Failure whose reason says what was found instead.

    `url` resolves relative links; of `headers` (names in lower case) only the content type counts,
    for its charset. Dates without a zone are in `zone`. Entries past `max_entries`, and those
    with neither title nor text, are left out and counted.
    """
    if len(body) > MAX_DOCUMENT_BYTES:
        return Failure("invalid", f"the document is larger than {MAX_DOCUMENT_BYTES:,} bytes")
    if not body.strip():
        return Failure("invalid", "the document is empty")
    if looks_like_json(body):
        return parse_json_feed(body, url=url, zone=zone, max_entries=max_entries)
    bounds = xml_bounds(body, max_entries)
    if bounds.refusal:
        return Failure("invalid", bounds.refusal)
    content_type = (headers or {}).get("content-type", "")
    try:
        with _PARSING:
            parsed = _PARSE(
                io.BytesIO(bounds.body),
                response_headers={"content-type": content_type} if content_type else {},
                resolve_relative_uris=False,
                sanitize_html=False,
            )
    except Exception as error:  # whatever a hostile document makes of the library
        return Failure("invalid", f"the document cannot be parsed ({type(error).__name__})")
    # A version alone proves little: naming a feed namespace anywhere is enough for one.
    is_feed = parsed.get("version") and (parsed["entries"] or bounds.root in _ROOTS)
    if not is_feed and (not parsed["entries"] or _is_page(body)):
        return Failure("invalid", f"the document is {_what_it_is(body, bounds.root)}, not a feed")
    feed = parsed["feed"]
    is_atom = parsed.get("version", "").startswith("atom")
    language = language_code(_string(feed, "language"))
    found = parsed["entries"][:max_entries]
    entries = [
        entry
        for raw in found
        if (entry := _entry(raw, is_atom=is_atom, url=url, zone=zone, language=language))
    ]
    return ParsedFeed(
        title=_plain(feed, "title", is_atom=is_atom, max_chars=MAX_TITLE_CHARS),
        language=language,
        entries=tuple(entries),
        left_out=len(parsed["entries"]) - len(entries) + bounds.left_out,
    )


def _entry(raw: Any, *, is_atom: bool, url: str, zone: tzinfo, language: str) -> FeedEntry | None:
    text = _content(raw, is_atom=is_atom) or _plain(raw, "summary", is_atom=is_atom)
    title = _plain(raw, "title", is_atom=is_atom, max_chars=MAX_TITLE_CHARS) or first_words(text)
    if not title:
        return None
    guid = _string(raw, "id").strip()[:_MAX_GUID_CHARS]
    link = _string(raw, "feedburner_origlink") or _string(raw, "link")
    if link == guid and not re.search(r"[:/]", link):
        link = ""  # a GUID that says it is a link without being one
    said = _string(raw, "language") or str(dict.get(_detail(raw, "title"), "language") or "")
    return FeedEntry(
        guid=guid,
        url=absolute_url(url, link),
        title=title,
        text=text,
        published=_moment(raw, "published", zone) or _moment(raw, "created", zone),
        updated=_moment(raw, "updated", zone),
        language=language_code(said) or language,
    )


def _content(raw: Any, *, is_atom: bool) -> str:
    """The longest of the entry's contents that is text at all."""
    texts = [
        plain_text(str(part.get("value") or ""), markup=_is_markup(part, is_atom=is_atom))
        for part in dict.get(raw, "content") or ()
        if _is_text(str(part.get("type") or "text/plain"))
    ]
    return max(texts, key=len, default="")


def _plain(raw: Any, name: str, *, is_atom: bool, max_chars: int | None = None) -> str:
    markup = _is_markup(_detail(raw, name), is_atom=is_atom)
    if max_chars is None:
        return plain_text(_string(raw, name), markup=markup)
    return plain_text(_string(raw, name), markup=markup, max_chars=max_chars)


def _is_markup(detail: Any, *, is_atom: bool) -> bool:
    """Atom says whether a value is markup. RSS never does, and what it carries is mostly HTML;
    a "<" that opens no tag survives the reading as markup anyway."""
    return not is_atom or dict.get(detail, "type") != "text/plain"


def _is_text(content_type: str) -> bool:
    return content_type.startswith("text/") or content_type.endswith(("xml", "html"))


def _detail(raw: Any, name: str) -> Any:
    detail = dict.get(raw, f"{name}_detail")
    return detail if isinstance(detail, dict) else {}


def _string(raw: Any, name: str) -> str:
    # dict.get, since the library's own answers for keys that the document does not have.
    value = dict.get(raw, name)
    return value if isinstance(value, str) else ""


def _moment(raw: Any, name: str, zone: tzinfo) -> datetime | None:
    moment = parse_date(_string(raw, name), zone)
    if moment is not None:
        return moment
    parsed = dict.get(raw, f"{name}_parsed")  # the library knows rarer forms, as UTC
    if parsed is None or not EARLIEST_YEAR <= parsed[0] <= 9998:
        return None
    try:
        return datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError):
        return None


def _is_page(body: bytes) -> bool:
    return re.match(rb"\s*(?:<!doctype\s+html|<html)", body[:1_000], re.IGNORECASE) is not None


def _what_it_is(body: bytes, root: str) -> str:
    start = body[:1_000].removeprefix(b"\xef\xbb\xbf").lstrip()
    for magic, name in ((b"%PDF", "a PDF"), (b"PK\x03\x04", "a ZIP archive")):
        if start.startswith(magic):
            return name
    if root == "html" or _is_page(start):
        return "an HTML page"
    if root == "opml":
        return "an OPML list of feeds"
    if root in ("urlset", "sitemapindex"):
        return "a sitemap"
    if root in _ROOTS and root:
        return f"an XML document <{root}> of no known feed version"
    if root:
        return f"an XML document <{root[:40]}>"
    return "binary data" if b"\0" in start else "plain text"
