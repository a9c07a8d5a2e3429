from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingest.feeds.document import FeedEntry, ParsedFeed
from ingest.feeds.outcomes import Failure
from ingest.feeds.parser import parse_feed

URL = "https://ex.com/feeds/all.xml"
MOMENT = datetime(2026, 2, 5, 16, 18, 54, tzinfo=UTC)


def parsed(body: str | bytes, **options: str) -> ParsedFeed:
    headers = {name.replace("_", "-"): value for name, value in options.items()}
    raw = body if isinstance(body, bytes) else body.encode()
    outcome = parse_feed(raw, url=URL, headers=headers)
    assert isinstance(outcome, ParsedFeed), outcome
    return outcome


def refused(body: bytes) -> str:
    outcome = parse_feed(body, url=URL)
    assert isinstance(outcome, Failure)
    assert outcome.kind == "invalid"
    return outcome.reason


RSS2 = """<?xml version="1.0"?><rss version="2.0"><channel><title>Ex &amp;amp; Co</title>
<language>en-US</language><item><title>P/E &lt; 5 &amp; rising</title><link>/a?utm_source=rss</link>
<guid isPermaLink="false">a-1</guid><pubDate>Thu, 05 Feb 2026 16:18:54 GMT</pubDate>
<description>&lt;p&gt;Down&lt;/p&gt;&lt;script&gt;x&lt;/script&gt;now</description>
</item></channel></rss>"""

ATOM1 = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Ex &amp; Co</title>
<entry><id>a-1</id><title type="text">P/E &lt; 5 &amp; rising</title>
<link rel="enclosure" href="http://ex.com/x.mp3"/><link href="https://ex.com/a?utm_source=rss"/>
<updated>2026-02-05T17:18:54+01:00</updated>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Down</p>now</div></content>
</entry></feed>"""

ATOM03 = """<feed version="0.3" xmlns="http://purl.org/atom/ns#" xml:lang="en">
<title>Ex &amp; Co</title>
<entry><id>a-1</id><title>P/E &lt; 5 &amp; rising</title>
<link rel="alternate" type="text/html" href="https://ex.com/a?utm_source=rss"/>
<issued>2026-02-05T16:18:54Z</issued><modified>2026-02-05T16:18:54Z</modified>
<content type="text/html" mode="escaped">&lt;p&gt;Down&lt;/p&gt;now</content></entry></feed>"""

RSS1 = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="x"><title>Ex &amp;amp; Co</title><dc:language>en</dc:language></channel>
<item rdf:about="a-1"><title>P/E &lt; 5 &amp; rising</title>
<link>https://ex.com/a?utm_source=rss</link><description>Down now</description>
<dc:date>2026-02-05T16:18:54Z</dc:date></item></rdf:RDF>"""

RSS091 = """<rss version="0.91"><channel><title>Ex &amp;amp; Co</title><language>en</language><item>
<title>P/E &lt; 5 &amp; rising</title><link>https://ex.com/a?utm_source=rss</link>
<description>Down now</description></item></channel></rss>"""

CDF = """<CHANNEL HREF="http://ex.com/"><TITLE>Ex &amp; Co</TITLE>
<ITEM HREF="https://ex.com/a?utm_source=rss" LASTMOD="2026-02-05T16:18:54Z">
<TITLE>P/E &lt; 5 &amp; rising</TITLE><ABSTRACT>Down now</ABSTRACT></ITEM></CHANNEL>"""

JSON_FEED = json.dumps(
    {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Ex & Co",
        "language": "en-GB",
        "items": [
            {
                "id": "a-1",
                "url": "/a?utm_source=rss",
                "title": "P/E < 5 & rising",
                "content_html": "<p>Down</p>now",
                "date_published": "2026-02-05T16:18:54Z",
            }
        ],
    }
)


@pytest.mark.parametrize(
    "body", [RSS2, ATOM1, ATOM03, RSS1, RSS091, CDF, JSON_FEED],
    ids=["rss2", "atom1", "atom03", "rss1", "rss091", "cdf", "json"],
)  # fmt: skip
def test_every_format_gives_the_same_entry(body: str) -> None:
    feed = parsed(body)
    assert feed.title == "Ex & Co"
    (entry,) = feed.entries
    assert entry.title == "P/E < 5 & rising"
    assert entry.text == "Down now"
    assert entry.url == "https://ex.com/a?utm_source=rss"
    assert entry.guid in ("a-1", "")
    assert (entry.published or entry.updated or MOMENT) == MOMENT
    assert entry.language == ("" if body is CDF else "en")


def item(inner: str, channel: str = "") -> FeedEntry:
    document = f'<rss version="2.0"><channel>{channel}<item>{inner}</item></channel></rss>'
    (entry,) = parsed(document).entries
    return entry


def test_without_a_title_the_text_begins_it() -> None:
    entry = item("<description>Bank closes its doors today. More soon.</description>")
    assert entry.title == "Bank closes its doors today. More soon."


def test_an_entry_of_nothing_is_left_out_and_counted() -> None:
    feed = parsed('<rss version="2.0"><channel><item><link>/x</link></item></channel></rss>')
    assert (feed.entries, feed.left_out) == ((), 1)


def test_content_is_preferred_to_summary_and_the_original_link_to_the_counter() -> None:
    entry = item(
        '<title>t</title><description>short</description><content:encoded xmlns:content="http://'
        'purl.org/rss/1.0/modules/content/">&lt;b&gt;The whole story&lt;/b&gt;</content:encoded>'
        '<link>http://feeds.example/~r/1</link><feedburner:origLink xmlns:feedburner="http://'
        'rssnamespace.org/feedburner/ext/1.0">https://ex.com/story</feedburner:origLink>'
    )
    assert (entry.text, entry.url) == ("The whole story", "https://ex.com/story")


@pytest.mark.parametrize("guid", ["12345", "tag"])
def test_a_guid_that_claims_to_be_a_link_is_none(guid: str) -> None:
    entry = item(f"<title>t</title><guid>{guid}</guid>")
    assert (entry.guid, entry.url) == (guid, "")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "file:///etc/passwd", "mailto:a@b.c"])
def test_links_that_are_no_pages_are_dropped(link: str) -> None:
    assert item(f"<title>t</title><link>{link}</link>").url == ""


def test_chinese_dates_without_a_zone_are_in_the_feeds_own() -> None:
    body = (
        '<rss version="2.0"><channel><language>zh-cn</language><item><title>央行降准</title>'
        "<pubDate>2026-02-05 16:18:54</pubDate></item></channel></rss>"
    ).encode()
    outcome = parse_feed(body, url=URL, zone=ZoneInfo("Asia/Shanghai"))
    assert isinstance(outcome, ParsedFeed)
    assert outcome.entries[0].published == datetime(2026, 2, 5, 8, 18, 54, tzinfo=UTC)
    assert parsed(body).entries[0].published == MOMENT
    assert parsed(body).entries[0].language == "zh"


def test_a_date_that_is_none_is_missing() -> None:
    assert item("<title>t</title><pubDate>soon</pubDate>").published is None
    assert item("<title>t</title><pubDate>0001-01-01T00:00:00Z</pubDate>").published is None


@pytest.mark.parametrize(
    ("encoding", "options"),
    [("gb18030", {}), ("utf-16", {}), ("big5", {}), ("utf-8", {"content_type": "text/xml"})],
)
def test_encodings(encoding: str, options: dict[str, str]) -> None:
    body = (
        f'<?xml version="1.0" encoding="{encoding}"?><rss version="2.0"><channel><item>'
        "<title>中國銀行</title></item></channel></rss>"
    )
    assert parsed(body.encode(encoding), **options).entries[0].title == "中國銀行"


def test_a_malformed_document_is_read_as_far_as_it_goes() -> None:
    feed = parsed(RSS2.replace("</item></channel></rss>", "<p>never & closed").encode())
    assert feed.entries[0].title == "P/E < 5 & rising"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the document is empty"),
        (b"  \n", "the document is empty"),
        (b"<!DOCTYPE html><html><p>x</html>", "the document is an HTML page, not a feed"),
        (
            b"<html xmlns:a='http://www.w3.org/2005/Atom'/>",
            "the document is an HTML page, not a feed",
        ),
        (b"<urlset><url/></urlset>", "the document is a sitemap, not a feed"),
        (b"<opml version='1.0'/>", "the document is an OPML list of feeds, not a feed"),
        (b"<note>x</note>", "the document is an XML document <note>, not a feed"),
        (b"hello", "the document is plain text, not a feed"),
        (b"%PDF-1.7", "the document is a PDF, not a feed"),
        (b"PK\x03\x04\0", "the document is a ZIP archive, not a feed"),
        (b"\x00\x01\x02", "the document is binary data, not a feed"),
        (gzip.compress(b"x", mtime=0), "the document is binary data, not a feed"),
        (b'{"a": 1}', "the document is JSON, but not a JSON Feed"),
        (b"[1]", "the document is JSON, but not a JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1"}', "the JSON Feed has no list of items"),
        (b"[" * 100_000, "the document is JSON nested too deep"),
    ],
)
def test_what_is_not_a_feed_is_named(body: bytes, reason: str) -> None:
    assert refused(body) == reason


def test_broken_json_says_where() -> None:
    assert refused(b'{"version": ').startswith("the document looks like JSON but is not: ")


@pytest.mark.parametrize("wellformed", [True, False])
@pytest.mark.parametrize("name", ["rss", "atom"])
def test_entries_past_the_limit_are_left_out_before_parsing(name: str, wellformed: bool) -> None:
    one = "<item><title>t</title></item>" if name == "rss" else "<entry><title>t</title></entry>"
    head, tail = (
        ('<rss version="2.0"><channel>', "</channel></rss>")
        if name == "rss"
        else ('<feed xmlns="http://www.w3.org/2005/Atom">', "</feed>")
    )
    feed = parsed(head + one * 300_000 + (tail if wellformed else "<p>&"))
    assert len(feed.entries) == 1_000
    assert feed.left_out == 299_000


def test_the_limit_holds_for_wide_characters() -> None:
    head = '<?xml version="1.0" encoding="utf-16"?><rss version="2.0"><channel>'
    body = head + "<item><title>升</title></item>" * 5_000 + "</channel></rss>"
    feed = parsed(body.encode("utf-16"))
    assert (len(feed.entries), feed.entries[-1].title) == (1_000, "升")
    assert feed.left_out > 0


def test_the_limit_holds_for_json() -> None:
    items = [{"id": str(n), "title": "t"} for n in range(1_500)]
    feed = parsed(json.dumps({"version": "https://jsonfeed.org/version/1", "items": items}))
    assert (len(feed.entries), feed.left_out) == (1_000, 500)


def test_json_items_that_break_the_format_do_not_cost_the_others() -> None:
    items = [1, None, {"id": 7, "title": ["x"]}, {"id": 7, "title": "kept", "tags": {}}]
    feed = parsed(json.dumps({"version": "https://jsonfeed.org/version/1", "items": items}))
    assert [(entry.guid, entry.title) for entry in feed.entries] == [("7", "kept")]


@pytest.mark.parametrize("tail", ["", "</a>"])
def test_depth_is_limited(tail: str) -> None:
    body = '<rss version="2.0">' + "<a>" * 200_000 + tail
    assert refused(body.encode()) == "elements are nested deeper than 200 levels"


@pytest.mark.parametrize("tail", ["</item></channel></rss>", "<p>& never closed"])
def test_the_number_of_elements_is_limited(tail: str) -> None:
    body = '<rss version="2.0"><channel><item>' + "<p></p>" * 210_000 + tail
    assert refused(body.encode()) == "the document has more than 200,000 elements"


def test_entities_neither_grow_nor_open_files(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    lol = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))
    body = (
        f'<!DOCTYPE rss [<!ENTITY x SYSTEM "file://{secret}"><!ENTITY l0 "lol">{lol}]>'
        f'<rss version="2.0"><channel><item><title>a &x; &l9; b</title></item></channel></rss>'
    )
    outcome = parse_feed(body.encode(), url=URL)
    assert isinstance(outcome, ParsedFeed)
    assert "s3cret" not in repr(outcome)
    assert len(repr(outcome)) < 5_000


def test_bytes_that_name_a_file_or_an_address_are_not_opened(tmp_path: Path) -> None:
    document = tmp_path / "feed.xml"
    document.write_text(RSS2)
    assert refused(str(document).encode()) == "the document is plain text, not a feed"
    assert refused(document.as_uri().encode()) == "the document is plain text, not a feed"
