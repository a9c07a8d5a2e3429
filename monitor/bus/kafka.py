"""The bus of a cluster: Apache Kafka through kafka-python."""

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    TopicAlreadyExistsError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.bus.kafka_records import key_bytes, read_between, record_of
from monitor.bus.protocol import Positions, Record, TopicPartition
from monitor.events import SCORED
from monitor.failures import Unavailable, UsageError

LOG = logging.getLogger(__name__)
CONNECT_TIMEOUT_MILLISECONDS = 10_000
FLUSH_TIMEOUT_SECONDS = 120.0
SESSION_TIMEOUT_MS = 12_000
"""How long a killed consumer keeps its partitions from the others."""


_LEFT_THE_GROUP = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


@dataclass(frozen=True, slots=True)
class KafkaConnection:
    """Where the brokers are and how to talk to them."""

    bootstrap_servers: str
    replication_factor: int = 1

    def options(self) -> dict[str, Any]:
        return {
            "bootstrap_servers": [part.strip() for part in self.bootstrap_servers.split(",")],
            "client_id": "undertone",
            "bootstrap_timeout_ms": CONNECT_TIMEOUT_MILLISECONDS,
        }


class KafkaBus:
    """Topics live in Kafka; `prefix` keeps installations on one cluster apart."""

    def __init__(self, connection: KafkaConnection, prefix: str = "undertone.") -> None:
        self._connection = connection
        self.prefix = prefix
        self._counts: dict[str, int] = {}

    def create_topics(self, topics: Sequence[str], partitions: int) -> None:
        names = [self.prefix + topic for topic in topics]
        with self._admin() as admin:
            missing = set(names) - set(admin.list_topics())
            for name in sorted(missing):
                spec = {
                    "num_partitions": partitions,
                    "replication_factor": self._connection.replication_factor,
                }
                with contextlib.suppress(TopicAlreadyExistsError):
                    admin.create_topics({name: spec}, wait_for_metadata=True)
        for topic in topics:
            existing = self.partitions(topic)
            if existing != partitions:
                raise UsageError(
                    f"Kafka topic '{self.prefix}{topic}' has {existing} partitions, "
                    f"{partitions} are configured (bus.partitions)"
                )

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
        try:
            inner = KafkaProducer(
                **self._connection.options(),
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                linger_ms=5,
                # A dead letter that is sent again may be as large as its topic took in. What a
                # topic takes is the broker's to say; this is below what it reads of a request.
                max_request_size=64_000_000,
            )
        except KafkaError as error:
            raise self._unavailable(error) from error
        return KafkaBusProducer(self, inner)

    def consumer(
        self, topic: str, group: str, positions: Positions | None = None
    ) -> "KafkaBusConsumer":
        try:
            inner = KafkaConsumer(
                **self._connection.options(),
                group_id=self.prefix + group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
                max_partition_fetch_bytes=4_000_000,
            )
        except KafkaError as error:
            raise self._unavailable(error) from error
        return KafkaBusConsumer(self, inner, topic, positions)

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
            admin = KafkaAdminClient(**self._connection.options())
            try:
                yield admin
            finally:
                admin.close()
        except KafkaError as error:
            raise self._unavailable(error) from error

    def _plain_consumer(self, **options: Any) -> "_Closing":
        try:
            return _Closing(
                self,
                KafkaConsumer(**self._connection.options(), enable_auto_commit=False, **options),
            )
        except KafkaError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"Kafka at {self._connection.bootstrap_servers} does not answer: {type(error).__name__}"
        )


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
            raise self._bus._unavailable(error) from error


class KafkaBusProducer:
    def __init__(self, bus: KafkaBus, inner: KafkaProducer) -> None:
        self._bus = bus
        self._inner = inner
        self._futures: list[Any] = []

    def send(self, topic: str, partition: int, key: str, value: bytes | None) -> None:
        try:
            self._futures.append(
                self._inner.send(
                    self._bus.prefix + topic, value=value, key=key_bytes(key), partition=partition
                )
            )
        except KafkaError as error:
            raise self._bus._unavailable(error) from error

    def flush(self) -> None:
        futures, self._futures = self._futures, []
        try:
            self._inner.flush(timeout=FLUSH_TIMEOUT_SECONDS)
            for future in futures:
                future.get(timeout=FLUSH_TIMEOUT_SECONDS)
        except KafkaError as error:
            raise self._bus._unavailable(error) from error

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._inner.close(timeout=5)


class _SeekOnAssignment(ConsumerRebalanceListener):  # type: ignore[misc, unused-ignore]
    def __init__(self, consumer: "KafkaBusConsumer", positions: Positions | None) -> None:
        self._consumer = consumer
        self._positions = positions

    def on_partitions_revoked(self, revoked: Sequence[KafkaTopicPartition]) -> None:
        """Nothing is in flight between polls: the work of a poll is committed before the next."""

    def on_partitions_assigned(self, assigned: Sequence[KafkaTopicPartition]) -> None:
        if self._positions is None:
            return
        names = [(self._consumer.topic, partition.partition) for partition in assigned]
        known = self._positions(names)
        for name in names:
            if name in known:
                self._consumer.seek(name, known[name])


class KafkaBusConsumer:
    def __init__(
        self, bus: KafkaBus, inner: KafkaConsumer, topic: str, positions: Positions | None
    ) -> None:
        self._bus = bus
        self._inner = inner
        self.topic = topic
        inner.subscribe([bus.prefix + topic], listener=_SeekOnAssignment(self, positions))

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        try:
            self._take_up_the_join()
            batches = self._inner.poll(
                timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
        except KafkaError as error:
            raise self._bus._unavailable(error) from error
        return [record_of(self.topic, record) for records in batches.values() for record in records]

    def _take_up_the_join(self) -> None:
        """Go on with a join that the poll before has left in flight.

        kafka-python 3.0 forgets a join that changed partitions asked for, and that outlasted its
        poll: it then neither reads nor sends heartbeats, for ever.
        """
        coordinator = self._inner._coordinator
        if coordinator.rejoining:
            coordinator.request_rejoin()

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        offsets = {
            self._name(partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in positions.items()
        }
        try:
            self._inner.commit(offsets)
        except _LEFT_THE_GROUP as error:
            # Only a poll joins again. What was not committed is read again, by us or another.
            LOG.info("offsets were not committed, the group has moved on: %s", error)
        except KafkaError as error:
            raise self._bus._unavailable(error) from error

    def seek(self, partition: TopicPartition, offset: int) -> None:
        try:
            self._inner.seek(self._name(partition), offset)
        except (IllegalStateError, ValueError) as error:
            raise Unavailable(f"Kafka: partition {partition} is not assigned here") from error

    def close(self) -> None:
        try:
            self._inner.close()
        except KafkaError as error:
            raise self._bus._unavailable(error) from error

    def _name(self, partition: TopicPartition) -> KafkaTopicPartition:
        return KafkaTopicPartition(self._bus.prefix + partition[0], partition[1])
