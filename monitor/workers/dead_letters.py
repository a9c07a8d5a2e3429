"""What cannot be processed goes to the dead-letter topic, with its reason and origin."""

import logging
from datetime import UTC, datetime

from monitor.bus import Producer, Record
from monitor.events import DEAD_LETTERS, VERSION, DeadLetter, encode
from monitor.failures import Invalid
from monitor.metrics import FAILURES
from monitor.record_headers import continued

LOG = logging.getLogger(__name__)


def bury(producer: Producer, stage: str, record: Record, invalid: Invalid) -> None:
    """Queue a dead letter; the caller flushes before it commits, so that none is lost."""
    FAILURES.labels(stage, "invalid").inc()
    LOG.warning(
        "%s: %s/%d at %d is a dead letter: %s",
        stage,
        record.topic,
        record.partition,
        record.offset,
        invalid.reason,
    )
    letter = DeadLetter(
        stage=stage,
        reason=invalid.reason,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        value=record.value,
        failed=datetime.now(UTC),
    )
    about = continued(record.headers, VERSION)
    producer.send(DEAD_LETTERS, record.partition, record.key, encode(letter), about)
