"""Members of a group of Apache Kafka: busy for long, and joined by others."""

import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from kafka import KafkaConsumer
from kafka.errors import RebalanceInProgressError

from monitor.bus import Consumer, TopicPartition
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.events import SCORED
from monitor.failures import Refused, Unavailable
from monitor.workers.attention import Attention
from tests.contract.reading import read
from tests.servers import ON_SMALL_BROKER

pytestmark = pytest.mark.skipif(ON_SMALL_BROKER, reason="the small broker is not exact in groups")
MAX_POLL_SECONDS = 3.0


def opened(connection: KafkaConnection) -> Iterator[KafkaBus]:
    made = KafkaBus(connection, f"t{uuid.uuid4().hex[:8]}.")
    made.create_topics([SCORED], 2)
    yield made
    made.close()


@pytest.fixture
def bus(kafka: str) -> Iterator[KafkaBus]:
    yield from opened(KafkaConnection(kafka, max_poll_seconds=MAX_POLL_SECONDS))


@pytest.fixture
def patient_bus(kafka: str) -> Iterator[KafkaBus]:
    """Whose group waits for a member that the machine holds up."""
    yield from opened(KafkaConnection(kafka))


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


def test_who_keeps_a_partition_reads_on_while_another_moves(patient_bus: KafkaBus) -> None:
    asked: dict[str, list[int]] = {"first": [], "second": []}

    def member(name: str) -> Consumer:
        def start(wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            asked[name] += [partition for _, partition in wanted]
            return {}

        return patient_bus.consumer(SCORED, "group", start)

    first = member("first")
    send(patient_bus, 0, 1)
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


def test_a_commit_that_a_rebalance_refuses_is_made_once_more(
    bus: KafkaBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(bus, 0)
    consumer = bus.consumer(SCORED, "group")
    assert len(read(consumer, 1)) == 1
    tries = []
    original: Any = KafkaConsumer.commit

    def refused_first(self: KafkaConsumer, *args: Any, **kwargs: Any) -> None:
        tries.append(args)
        if len(tries) == 1:
            raise RebalanceInProgressError
        original(self, *args, **kwargs)

    monkeypatch.setattr(KafkaConsumer, "commit", refused_first)
    consumer.commit({(SCORED, 0): 1})
    assert bus.committed(SCORED, "group") == {}
    # Nothing more comes on the partition.
    assert consumer.poll(10, 0.1) == []
    assert bus.committed(SCORED, "group") == {0: 1}
    consumer.poll(10, 0.1)
    assert len(tries) == 2
    consumer.close()


def test_a_group_that_shares_out_in_the_earlier_way_is_waited_for(bus: KafkaBus) -> None:
    send(bus, 0)
    earlier: Any = KafkaConsumer(
        bus.prefix + SCORED,
        bootstrap_servers=bus.connection.bootstrap_servers,
        group_id=f"{bus.prefix}group",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    for _ in range(30):
        if earlier.poll(timeout_ms=1_000):
            break
    consumer = bus.consumer(SCORED, "group")
    with pytest.raises(Unavailable, match="share partitions out in another way"):
        read(consumer, 1)
    earlier.close()
    assert len(read(consumer, 1)) == 1
    consumer.close()


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_any_compression_is_read(kafka: str, compression: str) -> None:
    bus = KafkaBus(KafkaConnection(kafka, compression=compression), f"t{uuid.uuid4().hex[:8]}.")
    bus.create_topics([SCORED], 2)
    send(bus, 0, 0, 1)
    consumer = bus.consumer(SCORED, "group")
    assert sorted(record.partition for record in read(consumer, 3)) == [0, 0, 1]
    consumer.close()
    bus.close()


def test_after_an_error_of_the_producer_the_next_record_is_sent(bus: KafkaBus) -> None:
    producer = bus.producer()
    producer.send(SCORED, 0, "key", b"before the error")
    producer.send(SCORED, 0, "key", b"x" * 65_000_000)
    with pytest.raises(Refused, match="MessageSizeTooLarge"):
        producer.flush()
    producer.send(SCORED, 1, "key", b"after it")
    producer.flush()
    producer.close()
    consumer = bus.consumer(SCORED, "group")
    assert b"after it" in {record.value for record in read(consumer, 1)}
    consumer.close()
