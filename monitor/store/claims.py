"""Fencing: who took a partition last may write for it, and nobody before.

A consumer that was stopped for longer than its group waits does not know that its partitions are
another's by now. So each taking of a partition gets a number, one higher than that before, and a
batch carries the number that its consumer got: the transaction that counts it checks that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine

from monitor.bus.protocol import TopicPartition
from monitor.store.engine import writing
from monitor.store.ingestion import insert_for
from monitor.store.schema import offsets


@dataclass(frozen=True, slots=True)
class Claim:
    """What a consumer gets with a partition."""

    epoch: int
    next_offset: int
    """Where it goes on: 0 for a partition that the group has never read."""


def claim(
    engine: Engine, group: str, partitions: Iterable[TopicPartition]
) -> dict[TopicPartition, Claim]:
    """Take partitions for the group: from now on writes of whoever had them before are refused.

    A write that is under way is waited for. Raises Unavailable.
    """
    taken: dict[TopicPartition, Claim] = {}
    with writing(engine) as connection:
        # Sorted, so that two that take the same partitions never wait in a ring.
        for topic, partition in sorted(partitions):
            statement = insert_for(connection)(offsets).values(
                consumer_group=group, topic=topic, partition=partition, next_offset=0, epoch=1
            )
            row = connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[offsets.c.consumer_group, offsets.c.topic, offsets.c.partition],
                    set_={"epoch": offsets.c.epoch + 1},
                ).returning(offsets.c.epoch, offsets.c.next_offset)
            ).one()
            taken[(topic, partition)] = Claim(row.epoch, row.next_offset)
    return taken
