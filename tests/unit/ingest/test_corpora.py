"""Real and tricky documents, where they are present, against what is stated of them."""

from __future__ import annotations

import ast
import csv
import io
import re
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime

from ingest.feeds.articles import articles_of
from ingest.feeds.decider import KnownEntry, decide
from ingest.feeds.document import FeedEntry, ParsedFeed
from ingest.feeds.outcomes import Failure
from ingest.feeds.parser import parse_feed
from ingest.text import MAX_TITLE_CHARS, plain_text
from tests.paths import needs_shared, shared

pytestmark = needs_shared

URL = "https://ex.com/feed"
FORMATS_READ = {"rss", "feed", "rdf", "entry"}


def documents(name: str) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(shared("feeds", f"{name}.tar.gz")) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                yield member.name.partition("/")[2], file.read()


def test_every_financial_feed_yields_its_entries() -> None:
    found = dict(documents("financial-feeds"))
    manifest = list(csv.DictReader(io.StringIO(found.pop("manifest.csv").decode())))
    assert len(manifest) > 90
    total = 0
    for row in manifest:
        outcome = parse_feed(found[row["file"]], url=URL)
        if row["format"] in ("json", "sitemap", "html/other"):
            assert isinstance(outcome, Failure), row["file"]
            continue
        assert isinstance(outcome, ParsedFeed), (row["file"], outcome)
        assert len(outcome.entries) + outcome.left_out == int(row["items"]), row["file"]
        # One document carries two items with neither title nor text.
        assert outcome.left_out == (2 if "techweb" in row["file"] else 0), row["file"]
        for entry in outcome.entries:
            assert not re.search(r"</?(?:p|div|br|img|span|a)\b[^>]*>", entry.title + entry.text)
            assert entry.url.startswith("http") or entry.url == ""
        dated = sum(entry.published is not None or entry.updated is not None
                    for entry in outcome.entries)  # fmt: skip
        if not re.search("caixin-podcast|finanzen-net", row["file"]):  # these state no dates
            assert dated == len(outcome.entries), row["file"]
        total += len(outcome.entries)
    assert total > 3_500


def test_sequences_announce_each_article_once() -> None:
    sequences: dict[str, list[bytes]] = {}
    for name, body in sorted(documents("feed-sequences")):
        if name.endswith(".xml"):
            sequences.setdefault(name.partition("/")[0], []).append(body)
    assert len(sequences) == 4
    for name, bodies in sequences.items():
        known: dict[str, KnownEntry] = {}
        announced: list[str] = []
        sizes = []
        changes = 0
        for replayed in (False, True):
            for body in bodies:
                feed = parse_feed(body, url=URL)
                assert isinstance(feed, ParsedFeed)
                articles = articles_of(feed, source=name, now=datetime(2026, 9, 1, tzinfo=UTC))
                decision = decide(known, articles)
                known = decision.known
                announced += [article.id for article in decision.new]
                if replayed:
                    assert decision.new == (), name
                else:
                    sizes.append(len(articles))
                    changes += len(decision.changed)
        assert len(announced) == len(set(announced))
        assert max(sizes) < len(announced) <= sum(sizes)
        assert changes < 20, name


def test_documents_that_the_validator_accepts_are_read() -> None:
    read = 0
    for name, body in documents("feedvalidator"):
        root = re.search(rb"<(?:\w+:)?(\w+)[\s>]", re.sub(rb"<!--.*?-->", b"", body, flags=re.S))
        if re.search(rb"Expect:\s*!Error", body) and root and name.endswith(".xml"):
            if root[1].decode().lower() not in FORMATS_READ:
                continue
            outcome = parse_feed(body, url=URL)
            assert isinstance(outcome, ParsedFeed), (name, outcome)
            read += 1
    assert read > 200


def test_no_document_breaks_the_parser() -> None:
    for corpus in ("feedparser", "feedvalidator", "gofeed"):
        for _, body in documents(corpus):
            assert isinstance(parse_feed(body, url=URL), ParsedFeed | Failure)


EXPECTATION = re.compile(
    r"entries\[0\]\[['\"](title|link|published_parsed|updated_parsed|summary|description)['\"]\]"
    r"\s*==\s*(.+)$",
    re.DOTALL,
)


def test_fields_are_what_the_feedparser_corpus_expects() -> None:
    checked = 0
    differing: list[tuple[str, object, object]] = []
    for name, body in documents("feedparser"):
        stated = re.search(rb"Expect:\s*(.*?)\s*-->", body, re.DOTALL)
        found = EXPECTATION.search(stated[1].decode("utf-8", "replace")) if stated else None
        if found is None:
            continue
        try:
            expected = ast.literal_eval(found[2].strip())
        except (ValueError, SyntaxError):
            continue
        if found[1] not in ("title", "summary", "description"):
            # An entry of a link or a date alone is left out, so it gets a title to be seen by.
            body = re.sub(rb"(?i)(<(?:item|entry)\b[^>]*>)", rb"\1<title>t</title>", body, count=1)
        outcome = parse_feed(body, url=STATED_BASES.get(name, ""))
        if not isinstance(outcome, ParsedFeed) or not outcome.entries:
            if "" not in _as_ours(found[1], expected):
                differing.append((name, expected, outcome))
            continue
        checked += 1
        if _field(outcome.entries[0], found[1]) not in _as_ours(found[1], expected):
            differing.append((name, expected, _field(outcome.entries[0], found[1])))
    assert checked > 250
    assert [one for one in differing if one[0] not in DIFFERENT_ON_PURPOSE] == []


# Two documents leave their own address to the response.
STATED_BASES = {
    "tests/wellformed/base/http_item_link_base_content_location.xml": "http://example.com/",
    "tests/wellformed/base/http_item_link_base_docuri.xml": "http://127.0.0.1:8097/",
}
DIFFERENT_ON_PURPOSE = {
    "tests/wellformed/atom10/entry_content_and_summary.xml",  # content is preferred to summary
    "tests/wellformed/sanitize/entry_summary_iframe.xml",  # a frame's fallback is not shown
}


def _field(entry: FeedEntry, name: str) -> object:
    return {
        "title": entry.title,
        "link": entry.url,
        "published_parsed": entry.published,
        "updated_parsed": entry.updated,
        "summary": entry.text,
        "description": entry.text,
    }[name]


def _as_ours(name: str, expected: object) -> list[object]:
    if isinstance(expected, tuple):
        year, month, day, hour, minute, second = expected[:6]
        return [datetime(year, month, day, hour, minute, second, tzinfo=UTC)]
    assert isinstance(expected, str)
    if name == "title":
        return [
            plain_text(expected, markup=markup, max_chars=MAX_TITLE_CHARS)
            for markup in (True, False)
        ]
    if name == "link":
        return [expected]
    return [plain_text(expected, markup=markup) for markup in (True, False)]
