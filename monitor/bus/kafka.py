"""The bus of a cluster: Apache Kafka through kafka-python."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownError
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.bus.kafka_connection import REFUSALS, KafkaConnection
from monitor.bus.kafka_consumer import KafkaBusConsumer
from monitor.bus.kafka_records import key_bytes, read_between
from monitor.bus.kafka_topics import make_or_check
from monitor.bus.protocol import Positions, Record
from monitor.bus.topics import AS_USUAL, TopicSettings
from monitor.events import SCORED
from monitor.failures import Refused, Unavailable
from monitor.record_headers import Headers

__all__ = ["KafkaBus", "KafkaConnection"]

FLUSH_TIMEOUT_SECONDS = 15.0
"""Longer than a partition takes to find another leader, shorter than a role has to drain."""
BATCH_BYTES = 256 * 1024
"""Before compression: some hundred records go in one request. kafka-python's 16 KiB hold a dozen,
and each request costs this process and the broker far more than what is in it."""
LINGER_MILLISECONDS = 50
"""Nothing waits for it: whoever sends flushes, and a flush sends at once."""
FLUSH_SLICE_SECONDS = 0.5
MAX_BLOCK_MILLISECONDS = 10_000
"""A record waits so long to be told where its partition is; kafka-python's minute is longer than a
role has to drain."""
SENDER_ENDS_SECONDS = 5.0
"""A producer that is given up may be in the middle of a request; it sends no other afterwards."""


class KafkaBus:
    """Topics live in Kafka; `prefix` keeps installations on one cluster apart."""

    def __init__(self, connection: KafkaConnection, prefix: str = "undertone.") -> None:
        self.connection = connection
        self.prefix = prefix
        self._counts: dict[str, int] = {}

    def create_topics(
        self, topics: Sequence[str], partitions: int, wanted: TopicSettings = AS_USUAL
    ) -> None:
        with self._admin() as admin:
            make_or_check(admin, [self.prefix + topic for topic in topics], partitions, wanted)

    def identity(self) -> str:
        topic = self.prefix + SCORED
        with self._admin() as admin:
            cluster = admin.describe_cluster()["cluster_id"]
            (found,) = admin.describe_topics([topic])
        return f"{cluster} {topic} {found.get('topic_id')}"

    def partitions(self, topic: str) -> int:
        if topic not in self._counts:
            with self._plain_consumer() as consumer:
                found = consumer.partitions_for_topic(self.prefix + topic)
            if not found:
                raise Unavailable(f"Kafka: topic '{self.prefix}{topic}' does not exist yet")
            self._counts[topic] = len(found)
        return self._counts[topic]

    def producer(self) -> "KafkaBusProducer":
        return KafkaBusProducer(self)

    def consumer(
        self, topic: str, group: str, positions: Positions | None = None
    ) -> KafkaBusConsumer:
        return KafkaBusConsumer(self.connection, self.prefix, topic, group, positions)

    def read(
        self, topic: str, partition: int, first: int = 0, until: int | None = None
    ) -> Iterator[Record]:
        with self._plain_consumer() as consumer:
            yield from read_between(consumer, self.prefix + topic, topic, partition, first, until)

    def end_offsets(self, topic: str) -> dict[int, int]:
        partitions = [
            KafkaTopicPartition(self.prefix + topic, number)
            for number in range(self.partitions(topic))
        ]
        with self._plain_consumer() as consumer:
            ends = consumer.end_offsets(partitions)
        return {partition.partition: offset for partition, offset in ends.items()}

    def committed(self, topic: str, group: str) -> dict[int, int]:
        with self._plain_consumer(group_id=self.prefix + group) as consumer:
            found = {
                number: consumer.committed(KafkaTopicPartition(self.prefix + topic, number))
                for number in range(self.partitions(topic))
            }
        return {number: offset for number, offset in found.items() if offset is not None}

    def close(self) -> None:
        self._counts.clear()

    @contextlib.contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        try:
            admin = KafkaAdminClient(**self.connection.options())
            try:
                yield admin
            finally:
                admin.close()
        except KafkaError as error:
            raise self.connection.unavailable(error) from error

    def _plain_consumer(self, **options: Any) -> "_Closing":
        try:
            return _Closing(
                self,
                KafkaConsumer(
                    **self.connection.options(),
                    enable_auto_commit=False,
                    allow_auto_create_topics=False,
                    # Where retention takes the records at hand, what is left is read.
                    auto_offset_reset="earliest",
                    **options,
                ),
            )
        except KafkaError as error:
            raise self.connection.unavailable(error) from error


class _Closing:
    """A consumer for one question: closed afterwards, its errors turned into Unavailable."""

    def __init__(self, bus: KafkaBus, inner: KafkaConsumer) -> None:
        self._bus = bus
        self._inner = inner

    def __enter__(self) -> KafkaConsumer:
        return self._inner

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._inner.close()
        if isinstance(error, KafkaError):
            raise self._bus.connection.unavailable(error) from error


class KafkaBusProducer:
    """Idempotent, and sure of a record only when all replicas in sync have it."""

    def __init__(self, bus: KafkaBus) -> None:
        self._bus = bus
        self._inner: KafkaProducer | None = self._open()
        self._sent: list[tuple[str, Any]] = []
        """Topic, and what is to become of the record: a future, or why it was refused at once."""

    def _open(self) -> KafkaProducer:
        connection = self._bus.connection
        try:
            return KafkaProducer(
                **connection.options(),
                acks="all",
                enable_idempotence=True,
                compression_type=connection.compression,
                batch_size=BATCH_BYTES,
                linger_ms=LINGER_MILLISECONDS,
                max_block_ms=MAX_BLOCK_MILLISECONDS,
                # A topic is made by `create_topics`, with its settings, or not at all.
                allow_auto_create_topics=False,
                # A dead letter that is sent again may be as large as its topic took in. What a
                # topic takes is the broker's to say; this is below what it reads of a request.
                max_request_size=64_000_000,
            )
        except KafkaError as error:
            raise connection.unavailable(error) from error

    def send(
        self, topic: str, partition: int, key: str, value: bytes | None, headers: Headers = ()
    ) -> None:
        if self._inner is None:
            self._inner = self._open()
        name = self._bus.prefix + topic
        try:
            future = self._inner.send(
                name,
                value=value,
                key=key_bytes(key, value),
                headers=list(headers),
                partition=partition,
            )
        except REFUSALS as error:
            self._sent.append((name, error))
        except KafkaError as error:
            raise self._given_up(error) from error
        else:
            self._sent.append((name, future))

    def flush(self) -> None:
        sent, self._sent = self._sent, []
        if self._inner is None:
            return
        refused: dict[int, str] = {}
        try:
            _wait_for_all(self._inner)
            for number, (name, future) in enumerate(sent):
                try:
                    if isinstance(future, KafkaError):
                        raise future
                    future.get(timeout=FLUSH_TIMEOUT_SECONDS)
                except REFUSALS as error:
                    refused[number] = self._bus.connection.refused(name, error)
        except KafkaError as error:
            raise self._given_up(error) from error
        if refused:
            self._give_up()
            raise Refused(refused)

    def close(self) -> None:
        try:
            self.flush()
        finally:
            if self._inner is not None:
                self._inner.close(timeout=5)

    def _given_up(self, error: KafkaError) -> Unavailable:
        self._give_up()
        return self._bus.connection.unavailable(error)

    def _give_up(self) -> None:
        """An idempotent producer may be of no more use after an error, a refused login never is:
        the next record gets a new one. What the old one has not handed to a broker is dropped with
        it, so that it cannot come after what is sent again."""
        inner, self._inner, self._sent = self._inner, None, []
        if inner is not None:
            _abandon(inner)


def _abandon(producer: KafkaProducer) -> None:
    """Close a producer without what it still holds.

    kafka-python 3.0 flushes at the beginning of `close`, whatever its timeout is, and with a batch
    that waits it raises there: its sender is never told, and goes on trying for two minutes.
    """
    sender = getattr(producer, "_sender", None)
    if sender is not None:
        sender.force_close()
        sender.join(SENDER_ENDS_SECONDS)
    with contextlib.suppress(KafkaError):
        producer.close(timeout=0)


def _wait_for_all(producer: KafkaProducer) -> None:
    """Return when the fate of all records that were sent is known.

    kafka-python 3.0 takes a batch apart that is larger than its topic takes, and goes on waiting
    for the whole of it, which is never answered (or is told of as unknown): so it is asked anew now
    and then.
    """
    until = time.monotonic() + FLUSH_TIMEOUT_SECONDS
    while True:
        try:
            producer.flush(timeout=FLUSH_SLICE_SECONDS)
        except (KafkaTimeoutError, UnknownError):
            if time.monotonic() > until:
                raise
        else:
            return
