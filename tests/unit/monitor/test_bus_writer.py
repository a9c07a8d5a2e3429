"""What is written on a thread of its own: all of it, in order, or the role hears why not."""

import threading
from functools import partial
from pathlib import Path

import pytest

from monitor.bus import Producer
from monitor.bus.embedded import EmbeddedBus, EmbeddedProducer
from monitor.failures import Unavailable
from monitor.workers import loop
from monitor.workers.bus_writer import BusWriter
from monitor.workers.loop import Stopped


class FlakyBus(EmbeddedBus):
    """Its producers fail to flush as often as it is told."""

    failures = 0

    def producer(self) -> EmbeddedProducer:
        return FlakyProducer(self)


class FlakyProducer(EmbeddedProducer):
    def flush(self) -> None:
        bus = self._bus
        assert isinstance(bus, FlakyBus)
        if self._pending and bus.failures:
            bus.failures -= 1
            self._pending.clear()
            raise Unavailable("the bus is away")
        super().flush()


@pytest.fixture
def bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FlakyBus:
    monkeypatch.setattr(loop, "FIRST_PAUSE_SECONDS", 0.01)
    found = FlakyBus(tmp_path / "bus.db")
    found.create_topics(["scored"], 1)
    return found


def send(number: int, producer: Producer) -> None:
    producer.send("scored", 0, "", str(number).encode())


def read(bus: FlakyBus) -> list[int]:
    consumer = bus.consumer("scored", "test")
    return [int(record.value or b"") for record in consumer.poll(100, 0.0)]


def test_all_is_written_in_order_though_the_bus_was_away(bus: FlakyBus) -> None:
    bus.failures = 2
    written: list[int] = []
    writer = BusWriter("score", bus, threading.Event())
    for number in range(6):
        writer.put(partial(send, number), partial(written.append, number))
    writer.close()
    assert read(bus) == written == list(range(6))


def test_what_could_not_be_written_is_not_called_written(bus: FlakyBus) -> None:
    bus.failures = 10**6
    stop = threading.Event()
    written: list[int] = []
    writer = BusWriter("score", bus, stop)
    writer.put(partial(send, 1), partial(written.append, 1))
    stop.set()
    writer.close()
    assert written == []
    with pytest.raises(Stopped):
        writer.put(partial(send, 2), partial(written.append, 2))
    assert read(bus) == []


def test_a_bug_ends_the_role_and_not_the_thread_alone(bus: FlakyBus) -> None:
    def broken(producer: Producer) -> None:
        raise ValueError("a bug")

    writer = BusWriter("score", bus, threading.Event())
    writer.put(broken, lambda: None)
    with pytest.raises(ValueError, match="a bug"):
        while True:
            writer.put(partial(send, 1), lambda: None)
    with pytest.raises(ValueError, match="a bug"):
        writer.close()
