"""The aggregate role: scored articles into the store, each counted exactly once."""

import logging
import threading
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Engine

from monitor.bus import Bus, Producer, Record, TopicPartition
from monitor.events import SCORED, ScoredEvent, Watermark, decode_scored
from monitor.failures import Invalid, Unavailable
from monitor.metrics import ARTICLES_COUNTED, FAILURES
from monitor.settings import InvalidRecordSettings
from monitor.store.claims import adopt_bus, claim, stand_at
from monitor.store.ingestion import Advance, Overtaken, apply
from monitor.workers.attention import Attention
from monitor.workers.continuity import Continuity
from monitor.workers.dead_letters import bury
from monitor.workers.intake import Intake
from monitor.workers.loop import Stopped, patiently

LOG = logging.getLogger(__name__)
GROUP = "aggregate"
MAX_BATCH = 500


_Read = tuple[Record, ScoredEvent | Watermark | Invalid]


def run(
    bus: Bus,
    engine: Engine,
    stop: threading.Event,
    limit: InvalidRecordSettings = InvalidRecordSettings(),  # noqa: B008 - it is frozen
) -> None:
    """Count until told to stop, or raise TooManyInvalid.

    Offsets live in the store, in the counts' own transaction; they are committed to the bus
    afterwards so that others can see the lag.
    """
    try:
        identity = patiently(GROUP, stop, bus.identity)
        continuity = Continuity(GROUP, bus)
        held = _Held(engine, identity, continuity)
        if patiently(GROUP, stop, lambda: adopt_bus(engine, GROUP, identity)):
            LOG.warning("aggregate: another bus than before; it is read from its beginning")
        producer = patiently(GROUP, stop, bus.producer)
        consumer = patiently(GROUP, stop, lambda: bus.consumer(SCORED, GROUP, held.take))
    except Stopped:
        return
    intake = Intake(GROUP, decode_scored, limit)
    attention = Attention(consumer)
    try:
        while not stop.is_set():
            records = patiently(GROUP, stop, lambda: consumer.poll(MAX_BATCH, 0.3))
            back = patiently(GROUP, stop, partial(continuity.look, records))
            for partition, offset in back.items():
                epoch = held.epochs[partition]
                move = partial(stand_at, engine, GROUP, partition, offset, epoch)
                patiently(GROUP, stop, move)
            read = list(zip(records, intake.read(records), strict=True))
            for partition in sorted({(record.topic, record.partition) for record in records}):
                batch = [item for item in read if item[0].partition == partition[1]]
                work = partial(_work, engine, producer, batch, held.epochs[partition], stop)
                try:
                    reached = attention.during(work)
                except Overtaken as error:
                    FAILURES.labels(GROUP, "retryable").inc()
                    LOG.warning("aggregate: %s; going on from the store's offset", error)
                    consumer.restart(partition)
                else:
                    patiently(GROUP, stop, partial(consumer.commit, {partition: reached}))
    except Stopped:
        return
    finally:
        attention.close()
        for close in (consumer.close, producer.close):
            try:
                close()
            except Unavailable as error:
                # What ended the role counts. All that was done is durable: nothing hangs on this.
                LOG.warning("aggregate: while ending: %s", error)


class _Held:
    """The partitions that this process took, each with the epoch that its writes carry."""

    def __init__(self, engine: Engine, bus: str, continuity: Continuity) -> None:
        self._engine = engine
        self._bus = bus
        self._continuity = continuity
        self.epochs: dict[TopicPartition, int] = {}

    def take(self, wanted: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Take partitions; where to read each on. What the store does not know is read from its
        beginning, whatever the bus holds for the group: that may be another store's."""
        claims = claim(self._engine, GROUP, wanted, self._bus)
        self.epochs.update({partition: taken.epoch for partition, taken in claims.items()})
        stand = {partition: taken.next_offset for partition, taken in claims.items()}
        self._continuity.start(wanted, stand)
        return stand


def _work(
    engine: Engine,
    producer: Producer,
    batch: Sequence[_Read],
    epoch: int,
    stop: threading.Event,
) -> int:
    """Divert, then count records of one partition; the offset after them.

    Each is tried for itself: where the store is away, no letter is written again. Raises Overtaken,
    Stopped.
    """
    patiently(GROUP, stop, partial(_divert, producer, batch))
    return patiently(GROUP, stop, partial(_count, engine, batch, epoch))


def _divert(producer: Producer, batch: Sequence[_Read]) -> None:
    """Return when what is invalid is durable among the dead letters. Raises Unavailable."""
    for record, decoded in batch:
        if isinstance(decoded, Invalid):
            bury(producer, GROUP, record, decoded)
    producer.flush()


def _count(engine: Engine, batch: Sequence[_Read], epoch: int) -> int:
    """Count records of one partition; the offset after them. Raises Overtaken, Unavailable."""
    events: list[ScoredEvent] = []
    reached: list[datetime | None] = []
    marks: list[datetime] = []
    for _, decoded in batch:
        if isinstance(decoded, Watermark):
            marks.append(decoded.through)
        elif isinstance(decoded, ScoredEvent):
            events.append(decoded)
            reached.append(max(marks, default=None))
    first, last = batch[0][0], batch[-1][0]
    advance = Advance(
        group=GROUP,
        partition=(first.topic, first.partition),
        first=first.offset,
        next_offset=last.offset + 1,
        watermark=max(marks, default=None),
        first_watermark=marks[0] if marks else None,
        epoch=epoch,
        reached=tuple(reached),
    )
    applied = apply(engine, events, advance)
    ARTICLES_COUNTED.labels("inserted").inc(applied.inserted)
    ARTICLES_COUNTED.labels("corrected").inc(applied.corrected)
    ARTICLES_COUNTED.labels("duplicate").inc(applied.duplicates)
    ARTICLES_COUNTED.labels("expired").inc(applied.expired)
    return advance.next_offset
