"""The score role ends when it is told to, whatever its reader has found by then."""

import queue
import threading
from pathlib import Path

import pytest

from models.scorer import Scorer
from models.watchlist import Watchlist
from monitor.bus import Record
from monitor.bus.embedded import EmbeddedBus, EmbeddedConsumer, EmbeddedProducer
from monitor.bus.protocol import Positions
from monitor.events import ARTICLES, DEAD_LETTER_TOPICS, SCORED, Watermark, encode
from monitor.settings import InvalidRecordSettings
from monitor.workers import score
from monitor.workers.bus_writer import WRITES_AHEAD
from tests.unit.monitor.stories_data import START

IN_HAND = 1 + WRITES_AHEAD + 1 + score.BATCHES_AHEAD
"""Batches that are being written, wait for that, are at the role's own thread, and are ready."""


class SlowBus(EmbeddedBus):
    """Writes nothing until it may, and tells when its last record was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_write = threading.Event()
        self.all_read = threading.Event()

    def producer(self) -> EmbeddedProducer:
        return SlowProducer(self)

    def consumer(
        self, topic: str, group: str, positions: Positions | None = None
    ) -> EmbeddedConsumer:
        return TellingConsumer(self, topic, group, positions)


class SlowProducer(EmbeddedProducer):
    def flush(self) -> None:
        assert isinstance(self._bus, SlowBus)
        self._bus.may_write.wait()
        super().flush()


class TellingConsumer(EmbeddedConsumer):
    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        records = super().poll(1, timeout_seconds)
        if records and records[-1].offset == IN_HAND:
            assert isinstance(self._bus, SlowBus)
            self._bus.all_read.set()
        return records


@pytest.mark.timeout(120)
def test_a_reader_that_found_too_much_invalid_holds_up_no_ending(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bus = SlowBus(tmp_path / "bus.db")
    bus.create_topics([ARTICLES, SCORED, DEAD_LETTER_TOPICS["score"]], 1)
    producer = EmbeddedProducer(bus)
    for _ in range(IN_HAND):
        producer.send(ARTICLES, 0, "", encode(Watermark(through=START)))
    producer.send(ARTICLES, 0, "key", b"bad")
    producer.close()
    limit = InvalidRecordSettings(max_share=0.0001)
    worker = score.ScoreWorker(bus, Scorer.load(), Watchlist([]), limit=limit)
    stop = threading.Event()
    role = threading.Thread(target=worker.run, args=(stop,), daemon=True)
    role.start()
    try:
        assert bus.all_read.wait(60)
        stop.set()
        bus.may_write.set()
        role.join(20)
        assert not role.is_alive()
        assert "is read again" in caplog.text, "what the reader found is told"
    finally:
        bus.may_write.set()
        while role.is_alive():
            try:
                worker._ready.get(timeout=0.1)
            except queue.Empty:
                role.join(0.1)
