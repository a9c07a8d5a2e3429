"""Dead letters as they lie on the bus, with what people have done with them."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Engine

from monitor.bus import Bus
from monitor.events import DEAD_LETTER_TOPICS
from monitor.failures import DataError, Invalid, Unavailable
from monitor.letters import FIRST_TOPIC, DeadLetter, decode_letter, letter_id
from monitor.store.dead_letters import Mark, marked

LOG = logging.getLogger(__name__)

State = Literal["waiting"] | Mark
OPEN_STATES: tuple[State, ...] = ("waiting", "replaying")


@dataclass(frozen=True, slots=True)
class FoundLetter:
    """A letter without its value, which may be large: `full` reads it."""

    id: str
    state: State
    head: DeadLetter
    bytes_in_all: int
    cut_bytes: int
    topic: str
    partition: int
    offset: int
    """Where the letter lies."""

    def as_json(self) -> dict[str, Any]:
        """What is known of it, without the value."""
        head = self.head
        return {
            "id": self.id,
            "state": self.state,
            "stage": head.stage,
            "reason": head.reason,
            "stack": head.stack or None,
            "topic": head.topic,
            "partition": head.partition,
            "offset": head.offset,
            "bytes": self.bytes_in_all,
            "cut_bytes": self.cut_bytes,
            "failed": head.failed,
        }


@dataclass(frozen=True, slots=True)
class Filter:
    """Which letters: None is any."""

    stage: str | None = None
    reason: str | None = None
    """A part of the reason, or the digest of a stack."""
    since: datetime | None = None

    def takes(self, letter: DeadLetter) -> bool:
        wanted = (self.reason or "").casefold()
        return (
            self.stage in (None, letter.stage)
            and (wanted in letter.reason.casefold() or wanted == letter.stack)
            and (self.since is None or letter.failed >= self.since)
        )


def find(bus: Bus, engine: Engine, wanted: Filter) -> list[FoundLetter]:
    """The letters that a filter takes, in all states, oldest first. Raises Unavailable."""
    identity, marks = bus.identity(), marked(engine)
    found: dict[str, FoundLetter] = {}
    for topic, partition in _places(bus):
        for record in bus.read(topic, partition):
            letter = decode_letter(record.value)
            if isinstance(letter, Invalid):
                LOG.warning(
                    "%s/%d at %d is no dead letter: %s",
                    topic,
                    partition,
                    record.offset,
                    letter.reason,
                )
                continue
            name = letter_id(identity, letter)
            # A stage that was killed may have written one twice.
            if name not in found and wanted.takes(letter):
                found[name] = FoundLetter(
                    id=name,
                    state=marks.get(name, "waiting"),
                    head=msgspec.structs.replace(letter, value=None),
                    bytes_in_all=letter.bytes_in_all,
                    cut_bytes=letter.cut_bytes,
                    topic=topic,
                    partition=partition,
                    offset=record.offset,
                )
    return sorted(found.values(), key=lambda item: (item.head.failed, item.id))


def named(letters: Sequence[FoundLetter], beginnings: Sequence[str]) -> list[FoundLetter]:
    """The letters whose ids begin so, each once. Raises DataError for none or several."""
    chosen = {}
    for beginning in beginnings:
        fitting = [item for item in letters if item.id.startswith(beginning)]
        if len(fitting) != 1:
            raise DataError(
                f"no dead letter, or more than one, has an id that begins with '{beginning}'"
            )
        chosen[fitting[0].id] = fitting[0]
    return list(chosen.values())


def full(bus: Bus, found: FoundLetter) -> DeadLetter:
    """The letter with what was kept of its value. Raises DataError where it is gone by now."""
    for record in bus.read(found.topic, found.partition, found.offset, found.offset + 1):
        letter = decode_letter(record.value)
        if isinstance(letter, DeadLetter):
            return letter
    raise DataError(f"dead letter {found.id} is no longer in its topic '{found.topic}'")


def _places(bus: Bus) -> Iterator[tuple[str, int]]:
    """Topics and partitions that hold letters."""
    for topic in (*DEAD_LETTER_TOPICS.values(), FIRST_TOPIC):
        try:
            ends = bus.end_offsets(topic)
        except Unavailable:
            # The bus has just answered for the others: where it began later there is no first one.
            if topic != FIRST_TOPIC:
                raise
            return
        yield from ((topic, partition) for partition, end in sorted(ends.items()) if end)
