"""A member of a consumer group of a Kafka cluster."""

import contextlib
import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kafka import KafkaConsumer
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    CommitFailedError,
    IllegalGenerationError,
    IllegalStateError,
    InconsistentGroupProtocolError,
    KafkaError,
    RebalanceInProgressError,
    SaslAuthenticationFailedError,
    UnknownMemberIdError,
)
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as KafkaTopicPartition

from monitor.bus.kafka_connection import KafkaConnection
from monitor.bus.kafka_records import record_of
from monitor.bus.protocol import Positions, Record, TopicPartition
from monitor.failures import Unavailable

LOG = logging.getLogger(__name__)
SESSION_TIMEOUT_MS = 12_000
COMMIT_TIMEOUT_MS = 10_000
CLOSE_TIMEOUT_MS = 5_000
"""Both together shorter than a role has to drain; offsets that are not committed are read again."""
"""How long a killed consumer keeps its partitions from the others."""
SLICE_SECONDS = 0.2
"""A partition that comes during a longer poll waits so long to be read."""

_LEFT_THE_GROUP = (
    CommitFailedError,
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)


class KafkaBusConsumer:
    """Reads a topic with the others of its group; `prefix` is the installation's.

    Partitions move one by one (cooperative rebalancing): who keeps one reads on. One that is new
    here is paused until its position was asked for, on the caller's thread, since a listener that
    waits for a database would keep back the heartbeats.
    """

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
        self._group = group
        self.topic = topic
        self._positions_of = positions
        self._paused = False
        self._fresh: set[KafkaTopicPartition] = set()
        self._refused: dict[TopicPartition, int] = {}
        self._spoilt = False
        self._inner = self._open()

    def _open(self) -> KafkaConsumer:
        self._fresh.clear()
        assignor = CooperativeStickyAssignor()
        try:
            inner = KafkaConsumer(
                **self._connection.options(),
                group_id=self._prefix + self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                allow_auto_create_topics=False,
                session_timeout_ms=SESSION_TIMEOUT_MS,
                heartbeat_interval_ms=SESSION_TIMEOUT_MS // 4,
                max_poll_interval_ms=int(self._connection.max_poll_seconds * 1000),
                max_partition_fetch_bytes=4_000_000,
                partition_assignment_strategy=[assignor],
            )
        except KafkaError as error:
            raise self._connection.unavailable(error) from error
        listener = _Listener(self._prefix + self._group, inner, assignor, self._fresh)
        inner.subscribe([self._prefix + self.topic], listener=listener)
        return inner

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = time.monotonic() + timeout_seconds
        if self._spoilt:
            self._quietly_close()
            self._inner, self._spoilt = self._open(), False
        while True:
            problem = self._place()
            remaining = max(0.0, deadline - time.monotonic())
            batches = self._poll(max_records, min(remaining, SLICE_SECONDS))
            if self._refused:
                with contextlib.suppress(Unavailable):
                    self.commit(self._refused)
            if batches:
                return [
                    record_of(self.topic, record)
                    for records in batches.values()
                    for record in records
                ]
            # What was read goes first; and without the poll we would be put out of the group.
            if problem is not None:
                raise problem
            if time.monotonic() >= deadline:
                return []

    def _poll(self, max_records: int, timeout_seconds: float) -> Mapping[Any, Sequence[Any]]:
        try:
            self._take_up_the_join()
            found: Mapping[Any, Sequence[Any]] = self._inner.poll(
                timeout_ms=int(timeout_seconds * 1000), max_records=max_records
            )
        except InconsistentGroupProtocolError as error:
            raise Unavailable(
                f"Kafka: the group '{self._prefix}{self._group}' still has members that share "
                "partitions out in another way (an earlier version?); waiting until they are gone"
            ) from error
        except KafkaError as error:
            # kafka-python remembers a refused login for ever, though a token may be fresh by now.
            self._spoilt = isinstance(error, SaslAuthenticationFailedError)
            raise self._connection.unavailable(error) from error
        return found

    def _take_up_the_join(self) -> None:
        """Go on with a join that the poll before has left in flight.

        kafka-python 3.0 forgets a join that changed partitions asked for, and that outlasted its
        poll: it then neither reads nor sends heartbeats, for ever.
        """
        coordinator = self._inner._coordinator
        if coordinator.rejoining:
            coordinator.request_rejoin()

    def _place(self) -> Unavailable | None:
        """Start the partitions that are new here where the caller says; why it cannot say."""
        fresh = sorted(self._fresh & self._inner.assignment())
        if not fresh or self._paused:
            return None
        known: Mapping[TopicPartition, int] = {}
        if self._positions_of is not None:
            try:
                known = self._positions_of([(self.topic, part.partition) for part in fresh])
            except Unavailable as error:
                return error
        for partition, offset in known.items():
            self.seek(partition, offset)
        self._inner.resume(*fresh)
        self._fresh.difference_update(fresh)
        # A caller that was killed between its store and us left the group's offset behind.
        with contextlib.suppress(Unavailable):
            self.commit(known)
        return None

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        held = self._inner.assignment()
        self._refused = {
            partition: offset
            for partition, offset in self._refused.items()
            if partition not in positions and self._name(partition) in held
        }
        offsets = {
            self._name(partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in positions.items()
            if self._name(partition) in held
        }
        if not offsets:
            return
        try:
            self._inner.commit(offsets, timeout_ms=COMMIT_TIMEOUT_MS)
        except _LEFT_THE_GROUP as error:
            # Only a poll joins again. Who keeps a partition then commits once more, also where
            # nothing new comes; what another took is read again.
            self._refused.update(positions)
            LOG.info("offsets were not committed, the group has moved on: %s", error)
        except KafkaError as error:
            raise self._connection.unavailable(error) from error

    def seek(self, partition: TopicPartition, offset: int) -> None:
        try:
            self._inner.seek(self._name(partition), offset)
        except (IllegalStateError, ValueError) as error:
            raise Unavailable(f"Kafka: partition {partition} is not assigned here") from error

    def restart(self, partition: TopicPartition) -> None:
        name = self._name(partition)
        if name in self._inner.assignment():
            self._inner.pause(name)
            self._fresh.add(name)

    def pause(self) -> None:
        self._paused = True
        self._inner.pause(*self._inner.assignment())

    def resume(self) -> None:
        self._paused = False
        self._inner.resume(*(self._inner.assignment() - self._fresh))

    def close(self) -> None:
        try:
            self._inner.close(timeout_ms=CLOSE_TIMEOUT_MS)
        except KafkaError as error:
            raise self._connection.unavailable(error) from error

    def _quietly_close(self) -> None:
        with contextlib.suppress(KafkaError):
            self._inner.close(timeout_ms=CLOSE_TIMEOUT_MS)

    def _name(self, partition: TopicPartition) -> KafkaTopicPartition:
        return KafkaTopicPartition(self._prefix + partition[0], partition[1])


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc, unused-ignore]
    """Hears of partitions that come and go, on the thread that sends the heartbeats: no waiting."""

    def __init__(
        self,
        group: str,
        inner: KafkaConsumer,
        assignor: CooperativeStickyAssignor,
        fresh: set[KafkaTopicPartition],
    ) -> None:
        self._group = group
        self._inner = inner
        self._assignor = assignor
        self._fresh = fresh

    def on_partitions_assigned(self, assigned: Collection[KafkaTopicPartition]) -> None:
        self._inner.pause(*assigned)
        self._fresh.update(assigned)

    def on_partitions_revoked(self, revoked: Collection[KafkaTopicPartition]) -> None:
        self._fresh.difference_update(revoked)
        if revoked:
            LOG.info("%s: gave %s to another consumer", self._group, _names(revoked))

    def on_partitions_lost(self, lost: Collection[KafkaTopicPartition]) -> None:
        self._fresh.difference_update(lost)
        # Else we would claim at the next join to hold what is another's by now.
        self._assignor.member_assignment = None
        LOG.warning(
            "%s: lost %s: the group heard nothing of us for the session's time, or the loop did "
            "not poll for bus.max_poll_seconds; what was not committed is read again, by whoever "
            "has them now",
            self._group,
            _names(lost),
        )


def _names(partitions: Collection[KafkaTopicPartition]) -> str:
    return ", ".join(f"{part.topic}/{part.partition}" for part in sorted(partitions))
