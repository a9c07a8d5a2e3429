"""What cannot be processed goes to the stage's dead-letter topic, with its reason and origin."""

import logging
from datetime import UTC, datetime

from monitor.bus import Producer, Record
from monitor.events import DEAD_LETTER_TOPICS
from monitor.failures import Invalid
from monitor.letters import encode_letter, letter_of
from monitor.metrics import FAILURES

LOG = logging.getLogger(__name__)


def bury(producer: Producer, stage: str, record: Record, invalid: Invalid) -> None:
    """Queue a dead letter; the caller flushes before it commits, so that none is lost."""
    FAILURES.labels(stage, "invalid").inc()
    letter = letter_of(stage, record, invalid, datetime.now(UTC))
    LOG.warning(
        "%s: %s/%d at %d is a dead letter: %s",
        stage,
        record.topic,
        record.partition,
        record.offset,
        letter.reason,
    )
    # The original's key may be of any size: the origin stands in for it, and tells letters apart.
    key = f"{record.topic}/{record.partition}/{record.offset}"
    producer.send(DEAD_LETTER_TOPICS[stage], record.partition, key, encode_letter(letter))
