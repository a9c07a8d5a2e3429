"""Sending dead letters back to where they came from, each once."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Engine

from monitor.bus import Bus, Producer, Record
from monitor.bus.protocol import decoded_key
from monitor.dead_letters import FoundLetter, full
from monitor.events import (
    SCORED,
    ArticleEvent,
    ScoredEvent,
    decode_article,
    decode_scored,
    partition_of,
    story_key,
)
from monitor.failures import Invalid, Refused
from monitor.letters import DeadLetter, digest
from monitor.store.dead_letters import claim, mark_replayed, release

FLUSH_LETTERS = 50
FLUSH_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a letter: sent again, left as it was, refused by the bus (it waits again), or
    lost since its original is gone."""

    letter: FoundLetter
    result: Literal["replayed", "left", "refused", "lost"]
    reason: str = ""


def replay(
    bus: Bus,
    engine: Engine,
    letters: Iterable[FoundLetter],
    *,
    again: bool = False,
    rekey: bool = False,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Iterator[Outcome]:
    """Send originals to the topic and partition that they came from, with their key and headers.

    A letter is claimed in the store before it is sent and marked as replayed once it is durable; so
    a second replay leaves it, unless `again`. `rekey` gives articles without a key that of
    their story, and with it the partition of their copies. Raises Unavailable: what was claimed
    and not told of may have been sent.
    """
    producer = bus.producer()
    sent: list[tuple[FoundLetter, Record]] = []
    unflushed_bytes = 0

    def settle() -> Iterator[Outcome]:
        refused = _refused(producer)
        durable = [letter for number, (letter, _) in enumerate(sent) if number not in refused]
        mark_replayed(engine, [letter.id for letter in durable], now())
        yield from (Outcome(letter, "replayed") for letter in durable)
        for number, reason in refused.items():
            letter, original = sent[number]
            if len(sent) > 1:
                _send(producer, original)
                reason = _refused(producer).get(0, "")
            if reason:
                release(engine, [letter.id])
                yield Outcome(letter, "refused", reason)
            else:
                mark_replayed(engine, [letter.id], now())
                yield Outcome(letter, "replayed")

    try:
        for found in letters:
            original = restored(bus, full(bus, found))
            if isinstance(original, Invalid):
                yield Outcome(found, "lost", original.reason)
                continue
            if not claim(engine, found.id, now(), again):
                yield Outcome(found, "left", "it was replayed or dropped before")
                continue
            if not original.key and (rekey or found.head.key is None):
                original = rekeyed(bus, original)
            _send(producer, original)
            sent.append((found, original))
            unflushed_bytes += found.bytes_in_all
            if len(sent) >= FLUSH_LETTERS or unflushed_bytes >= FLUSH_BYTES:
                yield from settle()
                sent, unflushed_bytes = [], 0
        if sent:
            yield from settle()
    finally:
        producer.close()


def _send(producer: Producer, record: Record) -> None:
    producer.send(record.topic, record.partition, record.key, record.value, record.headers)


def _refused(producer: Producer) -> Mapping[int, str]:
    """Flush; the records that were refused, by number, or only with one that was."""
    try:
        producer.flush()
    except Refused as error:
        return error.reasons
    return {}


def restored(bus: Bus, letter: DeadLetter) -> Record | Invalid:
    """The original as it was: from the letter, or from its topic where the letter is cut."""
    place = f"{letter.topic}/{letter.partition} at offset {letter.offset}"
    if letter.is_whole:
        key = decoded_key(letter.key)
        return Record(
            letter.topic, letter.partition, letter.offset, key, letter.value, letter.headers
        )
    for record in bus.read(letter.topic, letter.partition, letter.offset, letter.offset + 1):
        known = letter.value_sha256 or digest(letter.value)
        if digest(record.value) == known:
            return record
        return Invalid(f"{place} holds another record than the one that was diverted")
    if letter.key is None:
        # The first version did not keep it; `replay` makes a new one.
        return Record(letter.topic, letter.partition, letter.offset, "", letter.value)
    if letter.cut_bytes:
        kept = f"{len(letter.value or b'')} of {letter.bytes_in_all} bytes"
    elif len(letter.key) < letter.key_bytes:
        kept = f"{len(letter.key)} of {letter.key_bytes} bytes of the key"
    else:
        kept = f"none of {letter.headers_bytes} bytes of headers"
    return Invalid(f"the letter holds {kept}, and {place} is no longer in its topic")


def rekeyed(bus: Bus, original: Record) -> Record:
    """An article with the key of its story, in the partition of its copies; others as they are."""
    decode = decode_scored if original.topic == SCORED else decode_article
    event = decode(original.value, original.headers)
    article = event.article if isinstance(event, ScoredEvent) else event
    if not isinstance(article, ArticleEvent):
        return original
    key = story_key(article.title, article.id)
    partition = partition_of(key, bus.partitions(original.topic))
    return replace(original, partition=partition, key=key)
