"""Whether a partition's records go on where its reader stood; where they do not, that is told.

A bus sets a reader to the first record that it still has, without a word, once the one that the
reader asks for is gone: taken by retention, or lost with the partition's end.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

from monitor.bus import Bus, Record, TopicPartition
from monitor.metrics import RECORDS_LOST

LOG = logging.getLogger(__name__)


class Continuity:
    """The offset that each partition of one reader should go on at."""

    def __init__(self, stage: str, bus: Bus) -> None:
        self._stage = stage
        self._bus = bus
        self._next: dict[TopicPartition, int] = {}

    def start(self, wanted: Iterable[TopicPartition], known: Mapping[TopicPartition, int]) -> None:
        """Partitions are read from where they are known to stand. One that is not known, or stands
        at 0, has not been read yet: it begins wherever the bus does."""
        self._next.update({partition: known.get(partition, 0) for partition in wanted})

    def look(self, records: Sequence[Record]) -> dict[TopicPartition, int]:
        """Take note of what was polled: the partitions that went back, with where they go on.

        Raises Unavailable, and then has noted nothing.
        """
        expected = dict(self._next)
        lost: list[tuple[TopicPartition, int, int]] = []
        back: list[tuple[TopicPartition, int, int]] = []
        for record in records:
            place, offset = (record.topic, record.partition), record.offset
            stood = expected.get(place, 0)
            if offset < stood:
                back.append((place, stood, offset))
            elif 0 < stood < offset and self._is_gone(place, stood):
                lost.append((place, stood, offset))
            expected[place] = offset + 1
        self._next = expected
        for place, stood, offset in lost:
            self._tell_lost(place, stood, offset)
        for place, stood, offset in back:
            self._tell_back(place, stood, offset)
        return {place: offset for place, _, offset in back}

    def _is_gone(self, place: TopicPartition, offset: int) -> bool:
        """Whether the bus begins behind an offset. If not, what is passed over is no record: a
        writer with transactions leaves its marks in between."""
        first = next(iter(self._bus.read(*place)), None)
        return first is None or first.offset > offset

    def _tell_lost(self, place: TopicPartition, stood: int, offset: int) -> None:
        topic, partition = place
        RECORDS_LOST.labels(topic).inc(offset - stood)
        LOG.error(
            f"{self._stage}: {offset - stood} records of {topic}/{partition}, {stood} to "
            f"{offset - 1}, were gone before they were read: the role was away, or behind, for "
            f"longer than the topic keeps records (bus.retention_hours). It goes on at {offset}"
        )

    def _tell_back(self, place: TopicPartition, stood: int, offset: int) -> None:
        topic, partition = place
        LOG.error(
            f"{self._stage}: {topic}/{partition} was read up to {stood} and has lost its end: a "
            "leader without it was elected, the topic was made anew, or the embedded bus's file is "
            f"one from before. It is read again from {offset} on, and nothing is counted twice. "
            "Keep brokers from unclean elections, and start the roles again if the topic is another"
        )
