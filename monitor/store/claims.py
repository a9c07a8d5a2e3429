"""Fencing: who took a partition last may write for it, and nobody before.

A consumer that was stopped for longer than its group waits does not know that its partitions are
another's by now. So each taking of a partition gets a number, one higher than that before, and a
batch carries the number that its consumer got: the transaction that counts it checks that.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select, update

from monitor.bus.protocol import TopicPartition
from monitor.failures import UsageError
from monitor.store.engine import writing
from monitor.store.ingestion import insert_for, of_partition
from monitor.store.schema import buses, offsets


@dataclass(frozen=True, slots=True)
class Claim:
    """What a consumer gets with a partition."""

    epoch: int
    next_offset: int
    """Where it goes on: 0 for a partition that the group has never read."""


def claim(
    engine: Engine, group: str, partitions: Iterable[TopicPartition], bus: str | None = None
) -> dict[TopicPartition, Claim]:
    """Take partitions for the group: from now on writes of whoever had them before are refused.

    A write that is under way is waited for. `bus` is the identity of the bus whose partitions they
    are. Raises Unavailable, and UsageError where the group has adopted another bus since.
    """
    taken: dict[TopicPartition, Claim] = {}
    with writing(engine) as connection:
        if bus is not None:
            _refuse_another(connection, group, bus)
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


def stand_at(
    engine: Engine, group: str, partition: TopicPartition, offset: int, epoch: int
) -> None:
    """Let a partition go on at another offset, if it was taken last with this epoch: the bus no
    longer has where it stood. Raises Unavailable."""
    taken = of_partition(group, partition), offsets.c.epoch == epoch
    with writing(engine) as connection:
        connection.execute(update(offsets).where(*taken).values(next_offset=offset))


def adopt_bus(engine: Engine, group: str, identity: str) -> bool:
    """Forget the group's offsets where they are another bus's; whether they were.

    They would point behind, or into the middle of, what the new bus holds. What is read twice then
    is known by its id. Whoever had a partition of the other bus cannot write for it any more:
    epochs go on where they were.
    """
    with writing(engine) as connection:
        mine = buses.c.consumer_group == group
        known = connection.execute(select(buses.c.identity).where(mine)).scalar()
        if known is None:
            connection.execute(
                insert_for(connection)(buses)
                .values(consumer_group=group, identity=identity)
                .on_conflict_do_nothing()
            )
        if known in (None, identity):
            return False
        connection.execute(update(buses).where(mine).values(identity=identity))
        connection.execute(
            update(offsets)
            .where(offsets.c.consumer_group == group)
            .values(next_offset=0, watermark=None, first_watermark=None, epoch=offsets.c.epoch + 1)
        )
        return True


def _refuse_another(connection: Connection, group: str, bus: str) -> None:
    # An adoption waits for this transaction, or is seen by it.
    adopted = select(buses.c.identity).where(buses.c.consumer_group == group)
    known = connection.execute(adopted.with_for_update(read=True)).scalar()
    if known not in (None, bus):
        raise UsageError(
            f"{group}: this process reads the bus '{bus}', and the store has moved on to the bus "
            f"'{known}': end it, or start it with the settings of that bus"
        )
