"""The aggregate role where a server is away: what it writes once, and how it ends."""

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from monitor.bus.embedded import EmbeddedBus, EmbeddedConsumer, EmbeddedProducer
from monitor.bus.protocol import Positions
from monitor.events import DEAD_LETTER_TOPICS, SCORED, ScoredEvent, encode
from monitor.failures import TooManyInvalid, Unavailable
from monitor.settings import InvalidRecordSettings
from monitor.store.engine import open_store
from monitor.store.ingestion import Advance, Applied, apply
from monitor.workers import aggregate, loop
from tests.unit.monitor.stories_data import scored

LETTERS = DEAD_LETTER_TOPICS["aggregate"]


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmbeddedBus:
    monkeypatch.setattr(loop, "FIRST_PAUSE_SECONDS", 0.01)
    found = FailingBus(tmp_path / "bus.db")
    found.create_topics([SCORED, LETTERS], 1)
    producer = found.producer()
    for number in range(3):
        producer.send(SCORED, 0, "key", b"bad %d" % number)
    producer.send(SCORED, 0, "key", encode(scored("good")))
    producer.close()
    return found


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return open_store(f"sqlite:///{tmp_path / 'store.db'}")


class FailingBus(EmbeddedBus):
    """Its consumers cannot be closed, as where the bus is away by then."""

    closed: bool | None = None
    """Whether the last producer was."""

    def producer(self) -> EmbeddedProducer:
        self.closed = False
        return NotedProducer(self)

    def consumer(
        self, topic: str, group: str, positions: Positions | None = None
    ) -> EmbeddedConsumer:
        return FailingConsumer(self, topic, group, positions)


class NotedProducer(EmbeddedProducer):
    def close(self) -> None:
        super().close()
        assert isinstance(self._bus, FailingBus)
        self._bus.closed = True


class FailingConsumer(EmbeddedConsumer):
    def close(self) -> None:
        raise Unavailable("the bus is away")


def test_a_letter_is_written_once_though_the_store_was_away(
    bus: EmbeddedBus, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    letters: list[int] = []

    def away(engine: Engine, events: Sequence[ScoredEvent], advance: Advance | None) -> Applied:
        letters.append(len(list(bus.read(LETTERS, 0))))
        if len(letters) <= 3:
            raise Unavailable("the store is away")
        stop.set()
        return apply(engine, events, advance)

    monkeypatch.setattr(aggregate, "apply", away)
    aggregate.run(bus, engine, stop)
    assert letters == [3] * 4, "they are there before the offsets move on, each once"
    assert bus.committed(SCORED, aggregate.GROUP) == {0: 4}


def test_the_first_error_ends_the_role_and_all_is_closed(bus: FailingBus, engine: Engine) -> None:
    with pytest.raises(TooManyInvalid):
        aggregate.run(bus, engine, threading.Event(), InvalidRecordSettings(max_in_a_row=2))
    assert bus.closed
