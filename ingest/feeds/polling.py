"""One poll of one feed: retrieve, parse, decide, hand on, remember."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from ingest.article import Article
from ingest.feeds.articles import articles_of
from ingest.feeds.decider import Decision, decide
from ingest.feeds.document import ParsedFeed
from ingest.feeds.outcomes import Failure, Fetched, NotModified
from ingest.feeds.parser import parse_feed
from ingest.feeds.retriever import Retriever
from ingest.feeds.schedule import next_fetch
from ingest.feeds.settings import FeedSettings
from ingest.feeds.state import FeedState, FeedStates

OnArticles = Callable[[FeedSettings, list[Article]], None]


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll found."""

    outcome: ParsedFeed | NotModified | Failure
    decision: Decision | None
    state: FeedState
    """As saved: with the validators, the known entries and the time of the next fetch."""


def poll(
    feed: FeedSettings,
    *,
    retriever: Retriever,
    states: FeedStates,
    on_articles: OnArticles,
    now: Callable[[], datetime],
    draw: Callable[[], float] = random.random,
) -> Poll:
    """Polls once. New and changed articles go to `on_articles`; the state is saved when that has
    returned, so a crash in between repeats articles and never loses one.

    Failures of the feed are in the result and in the state. Whatever `on_articles` or `states`
    raise passes through, with the state left as it was.
    """
    before = states.load(feed.url) or FeedState(url=feed.url)
    outcome, fetched = _outcome(feed, before, retriever)
    done_at = now()
    decision = None
    after = msgspec.structs.replace(before, last_attempt=done_at, error="", error_status=None)
    match outcome:
        case Failure():
            after = msgspec.structs.replace(
                after,
                error=outcome.reason,
                error_status=outcome.status,
                failures=before.failures + 1,
            )
        case NotModified():
            after = msgspec.structs.replace(after, last_success=done_at, failures=0)
        case ParsedFeed():
            articles = articles_of(outcome, source=feed.name, language=feed.language, now=done_at)
            decision = decide(before.known, articles)
            after = msgspec.structs.replace(
                after,
                last_success=done_at,
                failures=0,
                etag=fetched.etag if fetched else None,
                last_modified=fetched.last_modified if fetched else None,
                known=decision.known,
                title=outcome.title,
                entries=len(outcome.entries),
                articles_new=before.articles_new + len(decision.new),
                articles_changed=before.articles_changed + len(decision.changed),
            )
    after = msgspec.structs.replace(
        after,
        next_fetch=next_fetch(
            done_at,
            feed.interval_seconds,
            failure=outcome if isinstance(outcome, Failure) else None,
            failures=after.failures,
            draw=draw(),
        ),
    )
    if decision is not None and (decision.new or decision.changed):
        on_articles(feed, [*decision.new, *decision.changed])
    states.save(after)
    return Poll(outcome, decision, after)


def _outcome(
    feed: FeedSettings, before: FeedState, retriever: Retriever
) -> tuple[ParsedFeed | NotModified | Failure, Fetched | None]:
    fetched = retriever.retrieve(
        feed.url,
        etag=before.etag,
        last_modified=before.last_modified,
        allow_private=feed.allow_private,
    )
    if not isinstance(fetched, Fetched):
        return fetched, None
    parsed = parse_feed(fetched.body, url=fetched.url, headers=fetched.headers, zone=feed.zone)
    return parsed, fetched
