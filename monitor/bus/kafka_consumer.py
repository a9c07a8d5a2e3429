"""A member of a consumer group of a Kafka cluster."""

import logging
from collections.abc import Mapping, Sequence

from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.bus.kafka_connection import KafkaConnection
from monitor.bus.protocol import Positions, Record, TopicPartition
from monitor.failures import Unavailable

LOG = logging.getLogger(__name__)
SESSION_TIMEOUT_MS = 12_000
"""How long a killed consumer keeps its partitions from the others."""

_LEFT_THE_GROUP = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


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
    """Reads a topic with the others of its group; `prefix` is the installation's."""

    def __init__(
        self,
        connection: KafkaConnection,
        prefix: str,
        topic: str,
        group: str,
        positions: Positions | None,
    ) -> None:
        self._connection = connection
        self._prefix = prefix
        self.topic = topic
        try:
            self._inner = KafkaConsumer(
                **connection.options(),
                group_id=prefix + group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
                max_partition_fetch_bytes=4_000_000,
            )
        except KafkaError as error:
            raise connection.unavailable(error) from error
        self._inner.subscribe([prefix + topic], listener=_SeekOnAssignment(self, positions))

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        try:
            self._take_up_the_join()
            batches = self._inner.poll(
                timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
        except KafkaError as error:
            raise self._connection.unavailable(error) from error
        return [
            Record(
                self.topic,
                record.partition,
                record.offset,
                (record.key or b"").decode("utf-8", "replace"),
                record.value or b"",
            )
            for records in batches.values()
            for record in records
        ]

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
            raise self._connection.unavailable(error) from error

    def seek(self, partition: TopicPartition, offset: int) -> None:
        try:
            self._inner.seek(self._name(partition), offset)
        except (IllegalStateError, ValueError) as error:
            raise Unavailable(f"Kafka: partition {partition} is not assigned here") from error

    def close(self) -> None:
        try:
            self._inner.close()
        except KafkaError as error:
            raise self._connection.unavailable(error) from error

    def _name(self, partition: TopicPartition) -> KafkaTopicPartition:
        return KafkaTopicPartition(self._prefix + partition[0], partition[1])
