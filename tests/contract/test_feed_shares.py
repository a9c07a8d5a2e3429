"""Several ingest processes share the feeds, and take over those of one that is gone."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Engine

from ingest.feeds.poller import SPREAD_SECONDS, Poller
from ingest.feeds.settings import FeedSettings
from monitor.bus import Bus
from monitor.bus.embedded import EmbeddedBus
from monitor.events import ARTICLES
from monitor.settings import IngestSettings
from monitor.store import leases
from monitor.workers import ingest
from monitor.workers.ingest import IngestPlan, IngestWorker
from tests.unit.ingest.loopback import Loopback, serving

FEEDS = 12
RSS = b"<rss version='2.0'><channel><title>Feed</title></channel></rss>"


class Process:
    """An ingest process as far as the store and the feeds see it; its name is its user agent."""

    def __init__(self, name: str, bus: Bus, engine: Engine, feeds: list[FeedSettings]) -> None:
        self.ahead = timedelta(0)
        plan = IngestPlan(feeds, [], IngestSettings(user_agent=name))
        worker = IngestWorker(bus, engine, plan, name, lambda: datetime.now(UTC) + self.ahead)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=worker.run, args=(self._stop,))
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def polled_by(server: Loopback, name: str, since: int = 0) -> set[str]:
    return {path for path, headers in server.requests[since:] if headers["user-agent"] == name}


def test_feeds_of_a_process_that_died_are_fetched_within_half_a_minute() -> None:
    assert leases.LEASE_SECONDS + ingest.HOLD_SECONDS + SPREAD_SECONDS < 30


def test_feeds_are_shared_out_and_taken_over(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "HOLD_SECONDS", 0.2)
    monkeypatch.setattr(ingest, "Poller", partial(Poller, spread_seconds=0.5))
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([ARTICLES], 1)
    with serving() as server:
        feeds = [
            FeedSettings(
                name=f"Feed {number}",
                url=server.answer(f"/{number}", RSS),
                interval_seconds=1,
                allow_private=True,
            )
            for number in range(FEEDS)
        ]
        one = Process("one", bus, engine, feeds)
        two = Process("two", bus, engine, feeds)
        try:
            wait_for(lambda: bool(polled_by(server, "one") and polled_by(server, "two")))
            time.sleep(2)
            begin = len(server.requests)
            every = {f"/{number}" for number in range(FEEDS)}
            wait_for(
                lambda: polled_by(server, "one", begin) | polled_by(server, "two", begin) == every
            )
            assert not polled_by(server, "one", begin) & polled_by(server, "two", begin)
            # Killed, it would give nothing back: its lease is left to lapse.
            monkeypatch.setattr(leases, "release", lambda *_: None)
            one.end()
            two.ahead = timedelta(seconds=leases.LEASE_SECONDS + 1)
            begin = len(server.requests)
            wait_for(lambda: polled_by(server, "two", begin) == every)
        finally:
            one.end()
            two.end()
            bus.close()
