from __future__ import annotations

import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler

import msgspec
import pytest
from pydantic import ValidationError

from ingest.article import Article
from ingest.feeds.catalogue import default_feeds
from ingest.feeds.outcomes import Failure, NotModified
from ingest.feeds.poller import Poller
from ingest.feeds.polling import Poll, poll
from ingest.feeds.retriever import Retriever
from ingest.feeds.settings import FeedSettings
from ingest.feeds.state import FeedState
from tests.unit.ingest.loopback import Loopback, reply

NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)


class States:
    """Feed states in a dict, as the JSON that a database would hold."""

    def __init__(self) -> None:
        self.saved: dict[str, bytes] = {}

    def load(self, feed_url: str) -> FeedState | None:
        raw = self.saved.get(feed_url)
        return None if raw is None else msgspec.json.decode(raw, type=FeedState)

    def save(self, state: FeedState) -> None:
        self.saved[state.url] = msgspec.json.encode(state)


def rss(*titles: str) -> bytes:
    items = "".join(
        f"<item><title>{title}</title><guid isPermaLink='false'>{title[:1]}</guid></item>"
        for title in titles
    )
    return f'<rss version="2.0"><channel><title>Ex</title>{items}</channel></rss>'.encode()


def feed_at(url: str, **settings: object) -> FeedSettings:
    return FeedSettings.model_validate(
        {"name": "Ex", "url": url, "allow_private": True, **settings}
    )


class Desk:
    """What hands on articles: keeps them, or fails on demand."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.fail = False
        self.delivered = threading.Event()

    def take(self, feed: FeedSettings, articles: list[Article]) -> None:
        if self.fail:
            raise ConnectionError("the bus is away")
        assert all(article.source == feed.name for article in articles)
        self.titles += [article.title for article in articles]
        self.delivered.set()


def polled(feed: FeedSettings, states: States, desk: Desk) -> Poll:
    return poll(
        feed,
        retriever=Retriever(),
        states=states,
        on_articles=desk.take,
        now=lambda: NOW,
        draw=lambda: 0.5,
    )


def test_new_known_changed_and_not_modified(server: Loopback) -> None:
    states, desk = States(), Desk()
    feed = feed_at(server.answer("/feed", rss("a one", "b one"), ETag='"1"'))
    polled(feed, states, desk)
    assert desk.titles == ["a one", "b one"]
    server.answer("/feed", status=304)
    assert isinstance(polled(feed, states, desk).outcome, NotModified)
    assert server.requests[-1][1]["if-none-match"] == '"1"'
    server.answer("/feed", rss("c one", "b two", "a one"))
    polled(feed, states, desk)
    assert desk.titles == ["a one", "b one", "c one", "b two"]
    state = states.load(feed.url)
    assert state is not None
    assert (state.articles_new, state.articles_changed, state.entries) == (3, 1, 3)
    assert (state.title, state.etag, state.last_success) == ("Ex", None, NOW)
    assert state.next_fetch is not None
    assert (state.next_fetch - NOW).total_seconds() == 300


def test_a_failure_is_remembered_and_costs_no_knowledge(server: Loopback) -> None:
    states, desk = States(), Desk()
    feed = feed_at(server.answer("/feed", rss("a"), ETag='"1"'))
    polled(feed, states, desk)
    server.answer("/feed", b"", 503, Retry_After="4000")
    polled(feed, states, desk)
    done = polled(feed, states, desk)
    assert isinstance(done.outcome, Failure)
    assert (done.state.failures, done.state.error_status) == (2, 503)
    assert done.state.error == "HTTP status 503 (service unavailable)"
    assert done.state.next_fetch is not None
    assert (done.state.next_fetch - NOW).total_seconds() == 4000
    server.answer("/feed", rss("a", "b"))
    assert polled(feed, states, desk).state.failures == 0
    assert desk.titles == ["a", "b"]


def test_an_html_page_is_a_failure_that_says_so(server: Loopback) -> None:
    feed = feed_at(server.answer("/feed", b"<!DOCTYPE html><html></html>"))
    assert polled(feed, States(), Desk()).state.error == "the document is an HTML page, not a feed"


def test_articles_that_were_not_taken_come_again(server: Loopback) -> None:
    states, desk = States(), Desk()
    feed = feed_at(server.answer("/feed", rss("a")))
    desk.fail = True
    with pytest.raises(ConnectionError):
        polled(feed, states, desk)
    assert states.saved == {}
    desk.fail = False
    polled(feed, states, desk)
    assert desk.titles == ["a"]


def test_the_poller_polls_until_stopped_and_goes_on_after_errors(server: Loopback) -> None:
    states, desk = States(), Desk()
    desk.fail = True
    errors: list[str] = []
    versions = iter([rss("a"), rss("a"), rss("a", "b")])
    last = rss("a", "b")

    def answer(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, next(versions, last))

    server.answers["/feed"] = answer
    three = threading.Event()

    def on_error(feed: FeedSettings, error: Exception) -> None:
        errors.append(f"{feed.name}: {error}")
        desk.fail = False

    def on_poll(feed: FeedSettings, done: Poll) -> None:
        if feed.name == "Ex" and desk.titles == ["a", "b"]:
            three.set()

    feeds = [
        feed_at(server.base + "/feed", interval_seconds=1),
        feed_at(server.base + "/none", name="None", interval_seconds=1),
        feed_at(server.base + "/off", name="Off", enabled=False),
    ]
    poller = Poller(
        feeds,
        retriever=Retriever(),
        states=states,
        on_articles=desk.take,
        on_poll=on_poll,
        on_error=on_error,
        spread_seconds=0,
        retry_seconds=0.05,
    )
    poller.take(poller.urls)
    poller.start()
    assert poller.poll_now(feeds[0].url)
    assert not poller.poll_now("http://elsewhere.example/")
    assert three.wait(30)
    poller.stop()
    poller.stop()
    seen = len(server.requests)
    assert errors == ["Ex: the bus is away"]
    state = states.load(feeds[1].url)
    assert state is not None
    assert state.error == "HTTP status 404 (not found)"
    assert states.load(feeds[2].url) is None
    threading.Event().wait(1.3)
    assert len(server.requests) == seen


def test_only_what_is_taken_is_polled(server: Loopback) -> None:
    polls: list[str] = []
    seen = threading.Condition()

    def on_poll(feed: FeedSettings, done: Poll) -> None:
        with seen:
            polls.append(feed.name)
            seen.notify_all()

    feeds = [
        feed_at(server.answer(f"/{name}", rss("a")), name=name, interval_seconds=1)
        for name in ("one", "two")
    ]
    poller = Poller(
        feeds,
        retriever=Retriever(),
        states=States(),
        on_articles=Desk().take,
        on_poll=on_poll,
        spread_seconds=0,
    )
    poller.start()
    poller.take({feeds[0].url, "http://elsewhere.example/"})
    assert not poller.poll_now(feeds[1].url)
    with seen:
        assert seen.wait_for(lambda: len(polls) >= 2, 30)
    poller.take({feeds[1].url})
    with seen:
        assert seen.wait_for(lambda: "two" in polls, 30)
        first = polls.index("two")
        # The poll that was under way may have ended after it.
        assert seen.wait_for(lambda: len(polls) >= first + 3, 30)
        assert set(polls[first + 2 :]) == {"two"}
    poller.stop()


def test_two_feeds_with_one_address_are_refused() -> None:
    feeds = [feed_at("http://ex.com/"), feed_at("http://ex.com/", name="Other")]
    with pytest.raises(ValueError, match="feeds 'Ex' and 'Other' have the same url"):
        Poller(feeds, retriever=Retriever(), states=States(), on_articles=Desk().take)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("url", "ftp://ex.com/", "must begin with http:// or https://"),
        ("timezone", "Asia/Shangai", "must be an IANA time zone"),
        ("timezone", "../../etc/passwd", "must be an IANA time zone"),
        ("language", "klingon", "must be an ISO 639-1 code"),
        ("interval_seconds", 0, "greater than or equal to 1"),
        ("intervall", 5, "Extra inputs are not permitted"),
    ],
)
def test_settings_say_what_would_be_right(field: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        FeedSettings.model_validate({"name": "Ex", "url": "http://ex.com/", field: value})


def test_the_default_feeds_are_distinct_and_in_both_languages() -> None:
    feeds = default_feeds()
    assert 24 <= len(feeds) <= 30
    assert len({feed.url for feed in feeds}) == len({feed.name for feed in feeds}) == len(feeds)
    assert {feed.language for feed in feeds} == {"en", "zh"}
    assert all(feed.enabled and not feed.allow_private for feed in feeds)
