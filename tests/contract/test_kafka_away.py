"""A producer whose broker is away: what it was given is dropped with it, and so is its thread."""

import threading
from pathlib import Path

import pytest

from monitor.bus import kafka, kafka_connection
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.events import SCORED
from monitor.failures import Unavailable
from tests.chaos.brokers import brokers
from tests.paths import needs_shared

pytestmark = [needs_shared, pytest.mark.timeout(300)]
PRODUCERS = 3


def test_a_producer_that_is_given_up_ends_and_sends_nothing_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka, "FLUSH_TIMEOUT_SECONDS", 1.0)
    monkeypatch.setattr(kafka_connection, "CONNECT_TIMEOUT_MILLISECONDS", 1_000)
    with brokers(tmp_path / "kafka", 1) as cluster:
        bus = KafkaBus(KafkaConnection(cluster.addresses), "away.")
        bus.create_topics([SCORED], 1)
        before = threading.active_count()
        producers = [bus.producer() for _ in range(PRODUCERS)]
        for producer in producers:
            producer.send(SCORED, 0, "", b"heard")
            producer.flush()
        cluster.signal(1, "KILL")
        for producer in producers:
            producer.send(SCORED, 0, "", b"given up")
            with pytest.raises(Unavailable, match="does not answer"):
                producer.flush()
            # The next record gets a new producer, which finds no broker.
            with pytest.raises(Unavailable, match="does not answer"):
                producer.send(SCORED, 0, "", b"never sent")
        assert threading.active_count() == before
        cluster.start(1)
        producers[0].send(SCORED, 0, "", b"heard again")
        producers[0].flush()
        values = [record.value for record in bus.read(SCORED, 0)]
        assert values == [b"heard"] * PRODUCERS + [b"heard again"]
        for producer in producers:
            producer.close()
