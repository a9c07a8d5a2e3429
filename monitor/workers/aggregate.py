"""The aggregate role: scored articles into the store, each counted exactly once."""

import logging
import threading
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Engine

from monitor.bus import Bus, Consumer, Producer, Record
from monitor.events import SCORED, ScoredEvent, Watermark, decode_scored
from monitor.failures import Invalid
from monitor.metrics import ARTICLES_COUNTED, FAILURES
from monitor.settings import InvalidRecordSettings
from monitor.store.ingestion import Advance, Overtaken, adopt_bus, apply, positions
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
        if patiently(GROUP, stop, lambda: adopt_bus(engine, GROUP, identity)):
            LOG.warning("aggregate: another bus than before; it is read from its beginning")
        producer = patiently(GROUP, stop, bus.producer)
        consumer = patiently(
            GROUP,
            stop,
            lambda: bus.consumer(SCORED, GROUP, lambda wanted: positions(engine, GROUP, wanted)),
        )
    except Stopped:
        return
    intake = Intake(GROUP, decode_scored, limit)
    try:
        while not stop.is_set():
            records = patiently(GROUP, stop, lambda: consumer.poll(MAX_BATCH, 0.3))
            read = list(zip(records, intake.read(records), strict=True))
            for partition in sorted({record.partition for record in records}):
                batch = [item for item in read if item[0].partition == partition]
                patiently(GROUP, stop, partial(_count, engine, producer, consumer, batch))
    except Stopped:
        return
    finally:
        consumer.close()
        producer.close()


def _count(engine: Engine, producer: Producer, consumer: Consumer, batch: Sequence[_Read]) -> None:
    events: list[ScoredEvent] = []
    marks = []
    for record, decoded in batch:
        if isinstance(decoded, Invalid):
            bury(producer, GROUP, record, decoded)
        elif isinstance(decoded, Watermark):
            marks.append(decoded.through)
        else:
            events.append(decoded)
    producer.flush()
    first, last = batch[0][0], batch[-1][0]
    partition = (first.topic, first.partition)
    advance = Advance(
        group=GROUP,
        partition=partition,
        first=first.offset,
        next_offset=last.offset + 1,
        watermark=max(marks, default=None),
        first_watermark=marks[0] if marks else None,
    )
    try:
        applied = apply(engine, events, advance)
    except Overtaken as error:
        FAILURES.labels(GROUP, "retryable").inc()
        LOG.warning("aggregate: %s; going on from the store's offset", error)
        consumer.seek(partition, positions(engine, GROUP, [partition])[partition])
        return
    ARTICLES_COUNTED.labels("inserted").inc(applied.inserted)
    ARTICLES_COUNTED.labels("corrected").inc(applied.corrected)
    ARTICLES_COUNTED.labels("duplicate").inc(applied.duplicates)
    consumer.commit({partition: advance.next_offset})
