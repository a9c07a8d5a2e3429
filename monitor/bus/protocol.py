"""What every bus promises; `tests/contract` holds both implementations to it.

A topic has a fixed number of partitions; a partition is a log with offsets that rise. A record
is kept after `flush` returned, whatever is killed. Within a consumer group a partition has one
reader at a time. Delivery is at least once: a reader that dies is followed by one that starts at
the position that the group (or the caller's store) holds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.bus.topics import AS_USUAL, TopicSettings
from monitor.record_headers import Headers

TopicPartition = tuple[str, int]

Positions = Callable[[Sequence[TopicPartition]], Mapping[TopicPartition, int]]
"""Asked when partitions are assigned, before a record of them is read: the offset to read next,
for each one that is known. Asked again after `restart`. May raise Unavailable: so does the poll."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as it was read. Without a key it has an empty one; bytes of a key that are not
    UTF-8, which others may have put on Kafka, are kept as `surrogateescape` has them."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    headers: Headers = ()


def encoded_key(key: str) -> bytes:
    """The bytes of a record's key."""
    return key.encode("utf-8", "surrogateescape")


def decoded_key(key: bytes | None) -> str:
    """A record's key from its bytes."""
    return (key or b"").decode("utf-8", "surrogateescape")


class Producer(Protocol):
    def send(
        self, topic: str, partition: int, key: str, value: bytes | None, headers: Headers = ()
    ) -> None:
        """Queue a record. Order within a partition is kept, and so are the headers' order and
        repetitions."""

    def flush(self) -> None:
        """Return when all that was sent is durable; raise Unavailable when it cannot be made so.

        After an error nothing is known of the records since the last flush: send them again. After
        Refused those that it does not name are durable.
        """

    def close(self) -> None: ...


class Consumer(Protocol):
    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        """The next records, in order within each partition; empty after the timeout.

        Raises Unavailable when the bus does not answer.
        """

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Keep, for the group, the offset to read next by partition. Raises Unavailable.

        Where the group has given a partition to another member nothing is kept of it.
        """

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read an assigned partition on from an offset."""

    def restart(self, partition: TopicPartition) -> None:
        """Ask `positions` anew where to read a partition on, if it is still this member's."""

    def pause(self) -> None:
        """From now on `poll` reads nothing, and only keeps this member in its group.

        For a caller with more work than it can do now; it goes on polling, well within
        `bus.max_poll_seconds`.
        """

    def resume(self) -> None:
        """Read on after `pause`."""

    def close(self) -> None: ...


class Bus(Protocol):
    def identity(self) -> str:
        """What tells this bus, and its topics, from one made anew; raise Unavailable."""

    def create_topics(
        self, topics: Sequence[str], partitions: int, wanted: TopicSettings = AS_USUAL
    ) -> None:
        """Create what does not exist, and hold what does against what is wanted.

        What differs is a warning in the log; raises UsageError where records would be lost or
        refused, or where a topic is missing and must not be made; raises Unavailable.
        """

    def partitions(self, topic: str) -> int:
        """Number of partitions of a topic; raise Unavailable."""

    def producer(self) -> Producer: ...

    def consumer(self, topic: str, group: str, positions: Positions | None = None) -> Consumer:
        """A member of a group; without `positions` it starts where the group committed."""

    def read(
        self, topic: str, partition: int, first: int = 0, until: int | None = None
    ) -> Iterator[Record]:
        """Records from an offset to before `until`, or to the end as it is at the call; no group
        is joined. What retention has dropped is passed over. Raises Unavailable."""

    def end_offsets(self, topic: str) -> dict[int, int]:
        """The offset that the next record will get, by partition; raise Unavailable."""

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """The group's committed offsets by partition; partitions without one are absent."""

    def close(self) -> None: ...
