"""One contract for both buses."""

import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from monitor.bus import Bus, Record, TopicPartition
from monitor.bus.embedded import EmbeddedBus
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.bus.topics import TopicSettings
from monitor.events import SCORED
from monitor.failures import Unavailable, UsageError
from tests.contract.membership import put_out
from tests.contract.reading import read
from tests.servers import ON_SMALL_BROKER

TOPIC = SCORED


def send(bus: Bus, partition: int, *values: bytes) -> None:
    producer = bus.producer()
    for value in values:
        producer.send(TOPIC, partition, "key", value)
    producer.flush()
    producer.close()


def test_order_within_a_partition_and_offsets_that_rise(bus: Bus) -> None:
    values = [f"record {number}".encode() for number in range(300)]
    send(bus, 1, *values)
    consumer = bus.consumer(TOPIC, "group")
    records = read(consumer, 300)
    consumer.close()
    assert [record.value for record in records] == values
    assert [record.offset for record in records] == list(range(300))
    assert {(record.topic, record.partition, record.key) for record in records} == {
        (TOPIC, 1, "key")
    }


def test_end_offsets_count_the_records(bus: Bus, request: pytest.FixtureRequest) -> None:
    if ON_SMALL_BROKER and "kafka" in request.node.name:
        pytest.skip("the small broker counts batches: set KAFKA_BOOTSTRAP_SERVERS to Apache Kafka")
    send(bus, 1, *(b"record" for _ in range(300)))
    assert bus.end_offsets(TOPIC) == {0: 0, 1: 300}


def test_a_group_goes_on_where_it_committed(bus: Bus) -> None:
    send(bus, 0, b"one", b"two", b"three")
    first = bus.consumer(TOPIC, "group")
    assert [record.value for record in read(first, 3)] == [b"one", b"two", b"three"]
    first.commit({(TOPIC, 0): 2})
    first.close()
    assert bus.committed(TOPIC, "group") == {0: 2}
    second = bus.consumer(TOPIC, "group")
    assert [record.value for record in read(second, 1)] == [b"three"]
    second.close()


def test_what_was_not_committed_is_read_again(bus: Bus) -> None:
    send(bus, 0, b"one")
    first = bus.consumer(TOPIC, "group")
    assert len(read(first, 1)) == 1
    first.close()
    second = bus.consumer(TOPIC, "group")
    assert [record.value for record in read(second, 1)] == [b"one"]
    second.close()


def test_positions_of_the_store_go_before_those_of_the_group(bus: Bus) -> None:
    send(bus, 0, b"one", b"two", b"three")
    first = bus.consumer(TOPIC, "group")
    read(first, 3)
    first.commit({(TOPIC, 0): 3})
    first.close()
    second = bus.consumer(TOPIC, "group", lambda wanted: {(TOPIC, 0): 1})
    assert [record.value for record in read(second, 2)] == [b"two", b"three"]
    second.seek((TOPIC, 0), 0)
    assert [record.value for record in read(second, 3)] == [b"one", b"two", b"three"]
    second.close()


def test_positions_are_asked_anew_on_a_restart(bus: Bus) -> None:
    send(bus, 0, b"one", b"two", b"three")
    asked: list[int] = []

    def start(wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        asked.extend(partition for _, partition in wanted)
        return {(TOPIC, 0): 1}

    consumer = bus.consumer(TOPIC, "group", start)
    assert [record.value for record in read(consumer, 2)] == [b"two", b"three"]
    assert sorted(asked) == [0, 1]
    consumer.restart((TOPIC, 0))
    assert [record.value for record in read(consumer, 2)] == [b"two", b"three"]
    assert asked.count(0) == 2
    consumer.close()


def test_positions_that_are_not_to_be_had_are_asked_for_again(bus: Bus) -> None:
    send(bus, 0, b"one", b"two")
    answers: list[dict[TopicPartition, int] | Unavailable] = [
        {(TOPIC, 0): 1}, Unavailable("the store is away"), Unavailable("the store is away"),
    ]  # fmt: skip

    def start(_: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        answer = answers.pop()
        if isinstance(answer, Unavailable):
            raise answer
        return answer

    consumer = bus.consumer(TOPIC, "group", start)
    records: list[Record] = []
    errors = 0
    while not records and errors < 30:
        try:
            records = read(consumer, 1)
        except Unavailable:
            errors += 1
    assert ([record.value for record in records], errors, answers) == ([b"two"], 2, [])
    consumer.close()


def test_where_the_store_stands_is_committed_to_the_group(bus: Bus) -> None:
    send(bus, 0, b"one", b"two", b"three")
    known = {(TOPIC, 0): 2}
    first = bus.consumer(
        TOPIC, "group", lambda wanted: {part: known.get(part, 0) for part in wanted}
    )
    assert len(read(first, 1)) == 1
    assert bus.committed(TOPIC, "group") == {0: 2, 1: 0}
    first.close()


def test_a_paused_consumer_reads_nothing_and_goes_on_where_it_was(bus: Bus) -> None:
    send(bus, 0, b"one", b"two")
    consumer = bus.consumer(TOPIC, "group")
    assert len(read(consumer, 2)) == 2
    consumer.pause()
    send(bus, 0, b"three")
    assert [consumer.poll(100, 0.3) for _ in range(4)] == [[], [], [], []]
    consumer.resume()
    assert [record.value for record in read(consumer, 1)] == [b"three"]
    consumer.close()


def test_short_polls_end_up_in_the_group_of_a_new_topic(bus: Bus) -> None:
    send(bus, 0, b"one")
    consumer = bus.consumer(TOPIC, "group")
    for _ in range(10_000):
        if consumer.poll(100, 0.001):
            break
    else:
        pytest.fail("the consumer never got its partitions")
    consumer.close()


@pytest.mark.skipif(ON_SMALL_BROKER, reason="the small broker puts no member out of its group")
def test_a_member_that_was_put_out_of_its_group_reads_on(kafka: str) -> None:
    bus = KafkaBus(KafkaConnection(kafka), f"t{uuid.uuid4().hex[:8]}.")
    bus.create_topics([TOPIC], 2)
    send(bus, 0, b"one", b"two")
    consumer = bus.consumer(TOPIC, "group")
    assert len(read(consumer, 2)) == 2
    put_out(bus, "group")
    consumer.commit({(TOPIC, 0): 2})
    assert bus.committed(TOPIC, "group") == {}
    assert [record.value for record in read(consumer, 2)] == [b"one", b"two"]
    consumer.commit({(TOPIC, 0): 2})
    assert bus.committed(TOPIC, "group") == {0: 2}
    consumer.close()
    bus.close()


def test_a_bus_is_told_from_one_made_anew(bus: Bus, tmp_path: Path) -> None:
    assert bus.identity() == bus.identity()
    other = EmbeddedBus(tmp_path / "other.db")
    assert other.identity() not in ("", bus.identity())
    again = EmbeddedBus(tmp_path / "other.db")
    assert again.identity() == other.identity()
    other.close()
    again.close()


def test_groups_do_not_know_of_each_other(bus: Bus) -> None:
    send(bus, 0, b"one")
    for group in ("a", "b"):
        consumer = bus.consumer(TOPIC, group)
        assert [record.value for record in read(consumer, 1)] == [b"one"]
        consumer.commit({(TOPIC, 0): 1})
        consumer.close()


def test_topics_with_other_partitions_are_refused(bus: Bus) -> None:
    bus.create_topics([TOPIC], 2)
    with pytest.raises(UsageError, match=rf"{TOPIC}': partitions is 2, 3 is wanted \(bus\.part"):
        bus.create_topics([TOPIC], 3)


def test_a_topic_that_must_not_be_made_is_missed_by_name(bus: Bus) -> None:
    with pytest.raises(UsageError, match=r"articles' does not exist, and bus\.topics is 'check'"):
        bus.create_topics(["articles"], 2, TopicSettings(create=False))
    bus.create_topics([TOPIC], 2, TopicSettings(create=False))


def test_any_bytes_travel_unchanged(bus: Bus) -> None:
    values = [b"", bytes(range(256)), "负面".encode(), b"x" * 500_000]
    send(bus, 0, *values)
    consumer = bus.consumer(TOPIC, "group")
    assert [record.value for record in read(consumer, 4)] == values
    consumer.close()


def test_headers_travel_in_their_order_and_need_not_be_there(bus: Bus) -> None:
    headers = (("traceparent", b"00-1"), ("a", bytes(range(256))), ("a", b""))
    producer = bus.producer()
    producer.send(TOPIC, 0, "key", b"one", headers)
    producer.send(TOPIC, 0, "key", b"two")
    producer.flush()
    producer.close()
    consumer = bus.consumer(TOPIC, "group")
    assert [record.headers for record in read(consumer, 2)] == [headers, ()]
    consumer.close()


def test_a_version_without_headers_goes_on_writing_to_the_same_file(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([TOPIC], 1)
    send(bus, 0, b"one")
    with bus.transaction() as connection:
        connection.execute("UPDATE heads SET next_offset = 2")
        connection.execute("INSERT INTO log VALUES (?, 0, 1, 'key', X'32', 0)", (TOPIC,))
    consumer = bus.consumer(TOPIC, "group")
    assert [record.value for record in read(consumer, 2)] == [b"one", b"2"]
    consumer.close()
    bus.close()
