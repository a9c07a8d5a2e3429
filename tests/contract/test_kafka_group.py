"""Members of a group of Apache Kafka: busy for long, and joined by others."""

import time
import uuid
from collections.abc import Iterator, Sequence

import pytest

from monitor.bus import Consumer, TopicPartition
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.events import SCORED
from monitor.workers.attention import Attention
from tests.contract.reading import read
from tests.servers import ON_SMALL_BROKER

pytestmark = pytest.mark.skipif(ON_SMALL_BROKER, reason="the small broker is not exact in groups")
MAX_POLL_SECONDS = 3.0


@pytest.fixture
def bus(kafka: str) -> Iterator[KafkaBus]:
    connection = KafkaConnection(kafka, max_poll_seconds=MAX_POLL_SECONDS)
    made = KafkaBus(connection, f"t{uuid.uuid4().hex[:8]}.")
    made.create_topics([SCORED], 2)
    yield made
    made.close()


def send(bus: KafkaBus, *partitions: int) -> None:
    producer = bus.producer()
    for partition in partitions:
        producer.send(SCORED, partition, "key", b"value")
    producer.flush()
    producer.close()


def work() -> str:
    time.sleep(2 * MAX_POLL_SECONDS)
    return "done"


def test_work_that_outlasts_the_longest_poll_keeps_its_partitions(
    bus: KafkaBus, caplog: pytest.LogCaptureFixture
) -> None:
    send(bus, 0)
    consumer = bus.consumer(SCORED, "group")
    assert len(read(consumer, 1)) == 1
    attention = Attention(consumer, patience_seconds=0.5)
    assert attention.during(work) == "done"
    attention.close()
    consumer.commit({(SCORED, 0): 1})
    assert bus.committed(SCORED, "group") == {0: 1}
    send(bus, 1)
    assert [record.partition for record in read(consumer, 1)] == [1]
    assert "lost" not in caplog.text
    consumer.close()


def test_without_attention_partitions_are_lost_and_the_log_says_so(
    bus: KafkaBus, caplog: pytest.LogCaptureFixture
) -> None:
    send(bus, 0)
    consumer = bus.consumer(SCORED, "group")
    assert len(read(consumer, 1)) == 1
    work()
    consumer.commit({(SCORED, 0): 1})
    assert bus.committed(SCORED, "group") == {}
    assert len(read(consumer, 1)) == 1
    assert f"lost {bus.prefix}{SCORED}/0, {bus.prefix}{SCORED}/1: the group heard" in caplog.text
    consumer.close()


def test_who_keeps_a_partition_reads_on_while_another_moves(bus: KafkaBus) -> None:
    asked: dict[str, list[int]] = {"first": [], "second": []}

    def member(name: str) -> Consumer:
        def start(wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            asked[name] += [partition for _, partition in wanted]
            return {}

        return bus.consumer(SCORED, "group", start)

    first = member("first")
    send(bus, 0, 1)
    assert len(read(first, 2)) == 2
    second = member("second")
    for _ in range(60):
        first.poll(10, 0.2)
        second.poll(10, 0.2)
        if asked["second"]:
            break
    moved = asked["second"]
    assert len(moved) == 1
    # Asked once for each, and never again for the one that stayed.
    assert sorted(asked["first"]) == [0, 1]
    first.close()
    second.close()
