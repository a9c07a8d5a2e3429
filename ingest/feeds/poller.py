"""Polls many feeds, each on its own schedule, from a bounded pool of threads."""

from __future__ import annotations

import contextlib
import logging
import random
import threading
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from ingest.feeds.polling import OnArticles, Poll, poll
from ingest.feeds.retriever import Retriever
from ingest.feeds.schedule import first_fetch
from ingest.feeds.settings import FeedSettings
from ingest.feeds.state import FeedStates

_LOG: Final = logging.getLogger(__name__)
# The library has no types.
_SCHEDULER: Callable[..., Any] = BackgroundScheduler
_EXECUTOR: Callable[..., Any] = ThreadPoolExecutor

PAUSE_SECONDS = 0.5
"""Between two polls of a feed, at least."""
SPREAD_SECONDS = 4.0
"""Over so long what is due at once is fetched. With the lease of a process that died, and the look
at it, less than the thirty seconds in which others take its feeds over."""
NEW_AT_ONCE = 500
"""Each is a question to the store: so many are answered well within a lease."""

OnPoll = Callable[[FeedSettings, Poll], None]
OnError = Callable[[FeedSettings, Exception], None]


class Poller:
    """Runs `poll` for every enabled feed that it has taken until stopped.

    `on_articles` gets new and changed articles, from several threads, for one feed never from two
    at once. `on_poll` sees every finished poll (for metrics). `on_error` gets what `on_articles`,
    `on_poll` or `states` raised: nothing was saved, and the feed is polled again after
    `retry_seconds`; without it such an error is logged with its traceback.
    """

    def __init__(
        self,
        feeds: Sequence[FeedSettings],
        *,
        retriever: Retriever,
        states: FeedStates,
        on_articles: OnArticles,
        on_poll: OnPoll | None = None,
        on_error: OnError | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        draw: Callable[[], float] = random.random,
        threads: int = 8,
        spread_seconds: float = SPREAD_SECONDS,
        retry_seconds: float = 30.0,
    ) -> None:
        self._feeds = _distinct([feed for feed in feeds if feed.enabled])
        self._taken: set[str] = set()
        self._lock = threading.Lock()
        self._retriever = retriever
        self._states = states
        self._on_articles = on_articles
        self._on_poll = on_poll
        self._on_error = on_error or _log_error
        self._now = now
        self._draw = draw
        self._spread_seconds = spread_seconds
        self._retry_seconds = retry_seconds
        self._stopping = threading.Event()
        self._scheduler = _SCHEDULER(
            executors={"default": _EXECUTOR(threads)},
            # A late poll is still wanted, once: this is also what happens after a suspended night.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )

    def start(self) -> None:
        """Begins with the feeds that are taken, and returns."""
        self._scheduler.start()

    @property
    def urls(self) -> set[str]:
        """The addresses of all enabled feeds."""
        return set(self._feeds)

    def take(self, urls: Collection[str]) -> None:
        """From now on polls these and no others; a poll under way ends. Plans the first fetch of
        those that are new to it, of at most `NEW_AT_ONCE`: the others come when it is called
        again. Raises what `states.load` raises, with nothing changed."""
        wanted = self.urls.intersection(urls)
        new = sorted(wanted - self._taken)[:NEW_AT_ONCE]
        states = {url: self._states.load(url) for url in new}
        with self._lock:
            now = self._now()
            for url in self._taken - wanted:
                with contextlib.suppress(JobLookupError):
                    self._scheduler.remove_job(url)
            self._taken = (self._taken & wanted) | states.keys()
            for url, state in states.items():
                planned = state.next_fetch if state else None
                self._plan(
                    self._feeds[url],
                    first_fetch(
                        now, planned, spread_seconds=self._spread_seconds, draw=self._draw()
                    ),
                )

    def stop(self) -> None:
        """Begins no further poll and returns when those under way have ended: a fetch at the
        retriever's total deadline at the latest. May be called twice."""
        with self._lock:
            # A poll that ends plans its next under the lock, and then never meets the shutdown.
            self._stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def poll_now(self, url: str) -> bool:
        """Moves the feed's next fetch to now; False when no feed that is taken has this address."""
        with self._lock:
            if url not in self._taken:
                return False
            self._plan(self._feeds[url], self._now())
            return True

    def _plan(self, feed: FeedSettings, at: datetime) -> None:
        # The scheduler has the machine's clock, the plan may have another one.
        delay = max(timedelta(0), at - self._now())
        self._scheduler.add_job(
            self._run,
            "date",
            run_date=datetime.now(UTC) + delay,
            args=[feed],
            id=feed.url,
            replace_existing=True,
        )

    def _run(self, feed: FeedSettings) -> None:
        if self._stopping.is_set() or feed.url not in self._taken:
            return
        again_at = None
        try:
            done = poll(
                feed,
                retriever=self._retriever,
                states=self._states,
                on_articles=self._on_articles,
                now=self._now,
                draw=self._draw,
            )
            again_at = done.state.next_fetch
            if self._on_poll is not None:
                self._on_poll(feed, done)
        except Exception as error:
            self._on_error(feed, error)
        finally:
            with self._lock:
                if feed.url in self._taken and not self._stopping.is_set():
                    retry_at = self._now() + timedelta(seconds=self._retry_seconds)
                    # The scheduler drops what is due while it still counts this run.
                    soonest = self._now() + timedelta(seconds=PAUSE_SECONDS)
                    self._plan(feed, max(soonest, again_at or retry_at))


def _distinct(feeds: list[FeedSettings]) -> dict[str, FeedSettings]:
    """Raises ValueError where two feeds share an address: they would share their state."""
    by_url: dict[str, FeedSettings] = {}
    for feed in feeds:
        if (other := by_url.setdefault(feed.url, feed)) is not feed:
            raise ValueError(f"feeds {other.name!r} and {feed.name!r} have the same url")
    return by_url


def _log_error(feed: FeedSettings, error: Exception) -> None:
    _LOG.error("polling %s failed", feed.name, exc_info=error)
