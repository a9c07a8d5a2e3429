from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.article import Article
from ingest.identity import article_id, canonical_url, content_hash, normalise_title


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("HTTPS://Ex.com:443?utm_source=a&b=1#xtor=3", "https://ex.com/?b=1"),
        ("http://u:secret@ex.com/a?fbclid=x", "http://ex.com/a"),
        ("http://ex.com/a?id=2&id=1&", "http://ex.com/a?id=2&id=1"),
        ("http://ex.com:8080/a", "http://ex.com:8080/a"),
        ("http://ex.com/halts#NVDA", "http://ex.com/halts#NVDA"),
        ("http://ex.com/a#:~:text=fall", "http://ex.com/a"),
        ("http://[::1]:80/a", "http://[::1]/a"),
        ("urn:uuid:1225C695", "urn:uuid:1225C695"),
        ("http://ex.com:99999/", "http://ex.com:99999/"),
        (" plain guid ", "plain guid"),
    ],
)
def test_canonical_addresses(url: str, canonical: str) -> None:
    assert canonical_url(url) == canonical


@given(st.text(max_size=80))
def test_canonical_form_is_final(url: str) -> None:
    assert canonical_url(canonical_url(url)) == canonical_url(url)


def test_the_id_ignores_how_the_reader_came_to_the_page() -> None:
    one = article_id("BBC", "https://ex.com/a?utm_medium=rss", "t", "x")
    assert one == article_id("BBC", "https://EX.com/a", "other title", "other text")
    assert len(one) == 32
    assert one != article_id("FT", "https://ex.com/a", "t", "x")
    assert one != article_id("BBC", "https://ex.com/b", "t", "x")


def test_without_an_address_the_content_and_its_date_decide() -> None:
    day = datetime(2026, 1, 5, tzinfo=UTC)
    one = article_id("wire", "", "Rates  held", "", day)
    assert one == article_id("wire", " ", "Rates held", "", day)
    assert one == article_id(
        "wire", "", "Rates held", "", day.astimezone(timezone(timedelta(hours=8)))
    )
    assert one != article_id("wire", "", "Rates held", "", day + timedelta(days=1))
    assert article_id("a", "", "bc", "") != article_id("a", "", "b", "c")
    assert article_id("a", "", "b", "c") != article_id("ab", "", "", "c")


def test_the_content_hash_changes_with_wording_only() -> None:
    one = content_hash("Bank fails", "See https://ex.com/a?utm_source=x now")
    assert one == content_hash("Bank  fails ", "See https://ex.com/a now\n")
    assert one != content_hash("Bank fails", "See https://ex.com/b now")
    assert len(one) == 16


def test_headlines_that_syndication_altered_are_equal() -> None:
    assert normalise_title("Ａpple’s Q3: “beat”!") == normalise_title("APPLE'S Q3 - beat")
    assert normalise_title("【快讯】央行：降准") == normalise_title("快讯 央行 降准")
    assert normalise_title("Rates up") != normalise_title("Rates down")


def test_an_article_insists_on_utc() -> None:
    moment = datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=8)))
    with pytest.raises(ValueError, match="published must be a datetime in UTC"):
        Article("i", "s", "", "t", "", "en", moment, datetime.now(UTC), False, "h")
