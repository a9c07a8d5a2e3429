"""Records as kafka-python gives them, and reading them without a group."""

from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer
from kafka.structs import TopicPartition

from monitor.bus.protocol import Record, decoded_key, encoded_key
from monitor.failures import Unavailable

POLL_MILLISECONDS = 1_000
MAX_SILENT_POLLS = 30


def record_of(topic: str, found: Any) -> Record:
    """A record of the bus from one of Kafka's."""
    key = decoded_key(found.key)
    headers = tuple((name, value or b"") for name, value in found.headers)
    return Record(topic, found.partition, found.offset, key, found.value, headers)


def key_bytes(key: str, value: bytes | None) -> bytes | None:
    """The key that `record_of` was given; kafka-python sends no record without key and value."""
    return encoded_key(key) or (b"" if value is None else None)


def read_between(
    consumer: KafkaConsumer, name: str, topic: str, partition: int, first: int, until: int | None
) -> Iterator[Record]:
    """Records of a partition by a consumer that has no other; `name` is the topic's in Kafka."""
    place = TopicPartition(name, partition)
    consumer.assign([place])
    end = consumer.end_offsets([place])[place]
    until = end if until is None else min(end, until)
    first = max(first, consumer.beginning_offsets([place])[place])
    consumer.seek(place, first)
    silent = 0
    while consumer.position(place) < until:
        records = consumer.poll(POLL_MILLISECONDS).get(place, [])
        silent = 0 if records else silent + 1
        if silent == MAX_SILENT_POLLS:
            raise Unavailable(f"Kafka: '{name}'/{partition} gives nothing up to offset {until}")
        for record in records:
            if record.offset < until:
                yield record_of(topic, record)
