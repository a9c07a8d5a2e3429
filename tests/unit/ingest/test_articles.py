from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.feeds.articles import articles_of
from ingest.feeds.document import FeedEntry, ParsedFeed

NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(
    guid: str = "",
    url: str = "",
    title: str = "t",
    text: str = "",
    published: datetime | None = NOW - HOUR,
    updated: datetime | None = None,
    language: str = "en",
) -> FeedEntry:
    return FeedEntry(guid, url, title, text, published, updated, language)


def feed(*entries: FeedEntry) -> ParsedFeed:
    return ParsedFeed("Ex", "en", entries)


def test_an_article_is_what_its_entry_says() -> None:
    (article,) = articles_of(feed(entry("g", "https://ex.com/a")), source="Ex", now=NOW)
    assert (article.source, article.url, article.language) == ("Ex", "https://ex.com/a", "en")
    assert (article.published, article.first_seen) == (NOW - HOUR, NOW)
    assert not article.published_is_estimate


def test_the_settings_language_wins() -> None:
    (article,) = articles_of(feed(entry()), source="Ex", language="zh", now=NOW)
    assert article.language == "zh"


def test_missing_and_future_dates_are_estimates() -> None:
    entries = (
        entry("a", published=None),
        entry("b", published=NOW + HOUR),
        entry("c", published=None, updated=NOW - HOUR),
    )
    a, b, c = articles_of(feed(*entries), source="Ex", now=NOW)
    assert (a.published, a.published_is_estimate) == (NOW, True)
    assert (b.published, b.published_is_estimate) == (NOW, True)
    assert (c.published, c.published_is_estimate) == (NOW - HOUR, False)


def test_a_link_that_all_entries_share_identifies_none() -> None:
    home = "https://ex.com/"
    entries = [entry(url=home, title=title) for title in ("Halt: AAA", "Halt: BBB")]
    assert len({one.id for one in articles_of(feed(*entries), source="Ex", now=NOW)}) == 2


def test_a_constant_guid_gives_way_to_the_link() -> None:
    entries = [entry("x", f"https://ex.com/{n}", f"title {n}") for n in range(3)]
    articles = articles_of(feed(*entries), source="Ex", now=NOW)
    assert len({one.id for one in articles}) == 3
    without = articles_of(
        feed(*[entry("", f"https://ex.com/{n}", f"title {n}") for n in range(3)]),
        source="Ex",
        now=NOW,
    )
    assert [one.id for one in articles] == [one.id for one in without]


def test_of_two_versions_of_one_entry_the_later_counts() -> None:
    old = entry("g", text="old", updated=NOW - 2 * HOUR)
    new = entry("g", text="new", updated=NOW - HOUR)
    for order in ((old, new), (new, old)):
        (article,) = articles_of(feed(*order), source="Ex", now=NOW)
        assert article.text == "new"
