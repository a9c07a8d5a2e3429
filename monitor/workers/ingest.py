"""The ingest role: feeds and replays onto the bus, with watermarks that say how far they are."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from alerts.series import BUCKET_SECONDS
from ingest.archives import RefusedRow, read_archive
from ingest.article import Article
from ingest.feeds.outcomes import Failure
from ingest.feeds.poller import Poller
from ingest.feeds.polling import Poll
from ingest.feeds.retriever import Retriever
from ingest.feeds.settings import FeedSettings
from ingest.feeds.sharing import share_of
from ingest.replay import due_at, rebase
from monitor.bus import Bus, Producer
from monitor.events import (
    ARTICLES,
    VERSION,
    Watermark,
    article_event,
    encode,
    partition_of,
    story_key,
)
from monitor.metrics import ARTICLES_INGESTED, FAILURES, FEED_POLLS
from monitor.record_headers import begun, untraced
from monitor.settings import SAMPLE, IngestSettings, ReplaySettings
from monitor.store import leases
from monitor.store.feeds import StoredFeedStates
from monitor.store.replay_progress import replay_id, save_sent, sent_through
from monitor.stories import bucket_of
from monitor.workers.loop import Stopped, patiently

LOG = logging.getLogger(__name__)
ROLE = "ingest"
MEMBER = "ingest member "
HOLD_SECONDS = leases.LEASE_SECONDS / 4
SAMPLE_SPEED = 40_000.0
"""The sample's week passes in a quarter of a minute."""
FLUSH_EVERY = 200


def sample_replay() -> ReplaySettings:
    """The sample story, as if its last item were published now."""
    return ReplaySettings(path=SAMPLE, speed=SAMPLE_SPEED, rebase=True)


class ArticleOutlet:
    """Puts articles and watermarks on the bus; safe to share between threads."""

    def __init__(self, producer: Producer, partitions: int) -> None:
        self._producer = producer
        self._partitions = partitions
        self._lock = threading.Lock()

    def send(self, articles: Iterable[Article], kind: str) -> None:
        """Return when the articles are durable. Raises Unavailable."""
        count = 0
        with self._lock:
            for article in articles:
                key = story_key(article.title, article.id)
                value = encode(article_event(article))
                to = partition_of(key, self._partitions)
                self._producer.send(ARTICLES, to, key, value, begun(VERSION))
                count += 1
            self._producer.flush()
        ARTICLES_INGESTED.labels(kind).inc(count)

    def watermark(self, through: datetime) -> None:
        """Say on every partition that all published before `through` was sent."""
        value = encode(Watermark(through=through))
        with self._lock:
            for partition in range(self._partitions):
                self._producer.send(ARTICLES, partition, "", value, untraced(VERSION))
            self._producer.flush()


@dataclass(frozen=True, slots=True)
class IngestPlan:
    """What to take in."""

    feeds: Sequence[FeedSettings]
    replays: Sequence[ReplaySettings]
    settings: IngestSettings

    @property
    def live(self) -> bool:
        """Whether the wall clock moves the watermark once the replays are through."""
        return bool(self.feeds) or all(replay.rebase for replay in self.replays)


class _LeaseLost(Exception):
    """Another process has taken the lease."""


class IngestWorker:
    """Polls its share of the feeds; of all that share them one, by lease, says how far they are,
    and sends the replays."""

    def __init__(
        self,
        bus: Bus,
        engine: Engine,
        plan: IngestPlan,
        owner: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bus = bus
        self._engine = engine
        self._plan = plan
        self._owner = owner
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Take in until told to stop."""
        producer: Producer | None = None
        poller: Poller | None = None
        try:
            producer = patiently(ROLE, stop, self._bus.producer)
            partitions = patiently(ROLE, stop, lambda: self._bus.partitions(ARTICLES))
            outlet = ArticleOutlet(producer, partitions)
            poller = self._poller(outlet)
            poller.start()
            while not stop.is_set():
                try:
                    while not patiently(ROLE, stop, partial(self._hold, poller)):
                        if stop.wait(HOLD_SECONDS):
                            return
                    self._lead(outlet, poller, stop)
                except _LeaseLost:
                    LOG.warning("ingest: another process took the lease over")
        except Stopped:
            return
        finally:
            # First, so that others take over while the polls under way come to their end.
            for name in (MEMBER + self._owner, ROLE):
                leases.release(self._engine, name, self._owner)
            if poller is not None:
                poller.stop()
            if producer is not None:
                producer.close()

    def _poller(self, outlet: ArticleOutlet) -> Poller:
        return Poller(
            self._plan.feeds,
            retriever=Retriever(user_agent=self._plan.settings.user_agent),
            states=StoredFeedStates(self._engine),
            on_articles=lambda feed, articles: outlet.send(articles, "feed"),
            on_poll=_count_poll,
            on_error=_report,
        )

    def _lead(self, outlet: ArticleOutlet, poller: Poller, stop: threading.Event) -> None:
        """Send the replays and then watermarks. Raises Stopped, _LeaseLost."""
        hold = partial(self._hold, poller)
        self._replay(outlet, hold, stop)
        grace = timedelta(seconds=self._plan.settings.grace_seconds)
        while True:
            due = self._now() + timedelta(seconds=self._plan.settings.watermark_seconds)
            self._pause_until(due, hold, stop)
            self._renew(hold, stop)
            if self._plan.live:
                through = self._now() - grace
                patiently(ROLE, stop, partial(outlet.watermark, through))

    def _replay(
        self, outlet: ArticleOutlet, hold: Callable[[], bool], stop: threading.Event
    ) -> None:
        """Send the replays' articles in order of publication, each bucket closed by a watermark."""
        for replay in self._plan.replays:
            articles = self._articles_of(replay)
            # With its times shifted to now a replay is another one at each start.
            progress = None if replay.rebase else self._replay_id(replay, stop)
            if progress and articles:
                sent = patiently(ROLE, stop, partial(sent_through, self._engine, progress))
                articles = [item for item in articles if sent is None or item.published >= sent]
            if not articles:
                continue
            started, first = self._now(), articles[0].published
            waiting: list[Article] = []
            bucket = bucket_of(first)
            renewed = time.monotonic()
            for article in articles:
                if stop.is_set():
                    raise Stopped
                closes = bucket_of(article.published) > bucket
                due = started
                if replay.speed > 0:
                    due = due_at(
                        article.published,
                        first_published=first,
                        started=started,
                        speed=replay.speed,
                    )
                if waiting and (closes or len(waiting) >= FLUSH_EVERY or due > self._now()):
                    ready, waiting = waiting, []
                    patiently(ROLE, stop, partial(outlet.send, ready, "replay"))
                if closes:
                    bucket = bucket_of(article.published)
                    patiently(ROLE, stop, partial(outlet.watermark, _moment(bucket)))
                self._pause_until(due, hold, stop)
                if time.monotonic() - renewed > HOLD_SECONDS:
                    renewed = time.monotonic()
                    self._renew(hold, stop)
                    self._save(progress, bucket, stop)
                waiting.append(
                    replace(article, first_seen=self._now()) if replay.rebase else article
                )
            patiently(ROLE, stop, partial(outlet.send, waiting, "replay"))
            end = _moment(bucket + BUCKET_SECONDS)
            patiently(ROLE, stop, partial(outlet.watermark, min(end, self._now())))
            self._renew(hold, stop)
            self._save(progress, bucket + BUCKET_SECONDS, stop)

    def _replay_id(self, replay: ReplaySettings, stop: threading.Event) -> str:
        bus = patiently(ROLE, stop, self._bus.identity)
        return replay_id(replay.model_dump_json(), replay.path, bus)

    def _pause_until(self, due: datetime, hold: Callable[[], bool], stop: threading.Event) -> None:
        """Wait, with the lease held. Raises Stopped, _LeaseLost."""
        while (pause := (due - self._now()).total_seconds()) > 0:
            if stop.wait(min(pause, HOLD_SECONDS)):
                raise Stopped
            if pause > HOLD_SECONDS:
                self._renew(hold, stop)

    def _renew(self, hold: Callable[[], bool], stop: threading.Event) -> None:
        """Hold the lease on. Raises Stopped, _LeaseLost."""
        if not patiently(ROLE, stop, hold):
            raise _LeaseLost

    def _save(self, progress: str | None, bucket: int, stop: threading.Event) -> None:
        """Keep that all of a replay before `bucket` is sent. Raises Stopped."""
        if progress:
            patiently(ROLE, stop, partial(save_sent, self._engine, progress, _moment(bucket)))

    def _articles_of(self, replay: ReplaySettings) -> list[Article]:
        articles: list[Article] = []
        for item in read_archive(replay.path, replay.map):
            if isinstance(item, RefusedRow):
                FAILURES.labels(ROLE, "invalid").inc()
                LOG.warning("ingest: %s", item)
            else:
                articles.append(item)
        if replay.rebase:
            # The bucket that holds the last item must be over, or it would close minutes later.
            closed = datetime.fromtimestamp(bucket_of(self._now()), UTC)
            articles = rebase(articles, closed - timedelta(seconds=1))
        else:
            articles.sort(key=lambda article: (article.published, article.id))
        return articles[: replay.limit]

    def _hold(self, poller: Poller) -> bool:
        """Be one of those who share the feeds, and take the share; whether the lease is held."""
        now = self._now()
        leases.hold(self._engine, MEMBER + self._owner, self._owner, now)
        members = leases.holders(self._engine, MEMBER, now) | {self._owner}
        poller.take(share_of(self._owner, members, poller.urls))
        return leases.hold(self._engine, ROLE, self._owner, self._now())


def _moment(bucket: int) -> datetime:
    return datetime.fromtimestamp(bucket, UTC)


def _count_poll(feed: FeedSettings, poll: Poll) -> None:
    failed = isinstance(poll.outcome, Failure)
    FEED_POLLS.labels("failed" if failed else "succeeded").inc()


def _report(feed: FeedSettings, error: Exception) -> None:
    FAILURES.labels(ROLE, "retryable").inc()
    LOG.warning("ingest: feed %s is polled again: %s", feed.name, error)
