from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ingest.article import Article, article_id, content_hash
from ingest.feeds.decider import KnownEntry, decide
from ingest.text import plain_text

START = datetime(2026, 2, 5, 12, tzinfo=UTC)


def article(
    key: str, markup: str = "text", at: datetime = START, estimate: bool = False
) -> Article:
    text = plain_text(markup)
    return Article(
        id=article_id("s", key, "", ""),
        source="s",
        url="",
        title=key,
        text=text,
        language="",
        published=at,
        first_seen=at,
        published_is_estimate=estimate,
        content_hash=content_hash(key, text),
    )


def test_new_then_known_then_changed() -> None:
    later = START + timedelta(hours=1)
    first = decide({}, [article("a"), article("b")])
    assert [one.title for one in first.new] == ["a", "b"]
    second = decide(first.known, [article("a", at=later), article("b", "other", at=later)])
    assert second.new == ()
    (changed,) = second.changed
    assert (changed.title, changed.text, changed.first_seen) == ("b", "other", later)


def test_markup_white_space_and_tracking_are_no_change() -> None:
    known = decide({}, [article("a", "<p>Up 5% at http://x.y/z</p>")]).known
    same = article("a", "Up\n <b>5%</b>  at http://x.y/z?utm_source=feed")
    assert decide(known, [same]).changed == ()


def test_an_estimated_date_stays_the_first_one() -> None:
    later = START + timedelta(hours=1)
    known = decide({}, [article("a", estimate=True)]).known
    (changed,) = decide(known, [article("a", "other", later, estimate=True)]).changed
    assert changed.published == START


def test_memory_is_bounded_and_keeps_what_the_feed_holds() -> None:
    known: dict[str, KnownEntry] = {}
    for n in range(50):
        known = decide(known, [article(str(n)), article(str(n + 1))], max_known=10).known
    assert len(known) == 10
    assert decide(known, [article("50"), article("49")], max_known=10).new == ()
    crowd = [article(f"x{n}") for n in range(30)]
    assert len(decide(known, crowd, max_known=10).known) == 30


keys = st.lists(st.sampled_from("abcdefgh"), max_size=12)


@given(st.lists(keys, max_size=8))
def test_each_article_is_new_exactly_once(documents: list[list[str]]) -> None:
    known: dict[str, KnownEntry] = {}
    announced: list[str] = []
    for document in documents:
        decision = decide(known, [article(key) for key in document])
        announced += [one.title for one in decision.new]
        assert decision.changed == ()
        again = decide(decision.known, [article(key) for key in document])
        assert (again.new, again.changed) == ((), ())
        known = msgspec.json.decode(msgspec.json.encode(decision.known), type=dict[str, KnownEntry])
        assert list(known) == list(decision.known)
    assert sorted(announced) == sorted({key for document in documents for key in document})
