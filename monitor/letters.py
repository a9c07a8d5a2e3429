"""A dead letter: what could not be processed, why, and where it came from."""

import hashlib
from datetime import datetime

import msgspec

from monitor.bus.protocol import Record, encoded_key
from monitor.failures import Invalid
from monitor.record_headers import Headers

VERSION = 2
FIRST_TOPIC = "dead-letters"
"""Where all stages put theirs before each had a topic; what lies there is still read."""

KEPT_BYTES = 700_000
"""Of a value so much is copied: with its encoding it fits what a broker takes by default (1 MB)."""

KEPT_KEY_BYTES = 1_000
KEPT_HEADERS_BYTES = 4_000
"""Headers are kept all, or none where they are longer: ours are a hundred bytes."""

KEPT_REASON_CHARACTERS = 500
ID_LENGTH = 16


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One letter. `value` is None for a record without one; of a large record `value` and `key`
    are beginnings, and `value_bytes` and `key_bytes` say how long they were; so does
    `headers_bytes` of headers that were too long to keep."""

    version: int = VERSION
    stage: str
    reason: str
    stack: str = ""
    """Digest of the exception's stack, where one was the reason."""
    topic: str
    partition: int
    offset: int
    key: bytes | None = None
    """None in letters of the first version, which did not keep it."""
    key_bytes: int = 0
    headers: Headers = ()
    """The record's own; the letter's continue their trace."""
    headers_bytes: int = 0
    value: bytes | None
    value_bytes: int | None = None
    value_sha256: str = ""
    """Of the whole value: by it the original is known again."""
    failed: datetime

    @property
    def bytes_in_all(self) -> int:
        """How long the original value was."""
        return len(self.value or b"") if self.value_bytes is None else self.value_bytes

    @property
    def cut_bytes(self) -> int:
        """How much of the original value was not kept."""
        return self.bytes_in_all - len(self.value or b"")

    @property
    def is_whole(self) -> bool:
        """Whether the letter holds all of its original."""
        return (
            not self.cut_bytes
            and self.key is not None
            and len(self.key) == self.key_bytes
            and _length(self.headers) == self.headers_bytes
        )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(DeadLetter)


def letter_of(stage: str, record: Record, invalid: Invalid, now: datetime) -> DeadLetter:
    """The letter that a stage writes of a record; its size is bounded whatever the record's is."""
    key = encoded_key(record.key)
    value = record.value
    headers_bytes = _length(record.headers)
    return DeadLetter(
        stage=stage,
        reason=invalid.reason[:KEPT_REASON_CHARACTERS],
        stack=invalid.stack,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=key[:KEPT_KEY_BYTES],
        key_bytes=len(key),
        headers=record.headers if headers_bytes <= KEPT_HEADERS_BYTES else (),
        headers_bytes=headers_bytes,
        value=None if value is None else value[:KEPT_BYTES],
        value_bytes=len(value or b""),
        value_sha256=digest(value),
        failed=now,
    )


def encode_letter(letter: DeadLetter) -> bytes:
    """JSON bytes of a letter."""
    return _encoder.encode(letter)


def decode_letter(value: bytes | None) -> DeadLetter | Invalid:
    """A letter of this version or the first, or why the bytes are none."""
    try:
        return _decoder.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Invalid(str(error))


def letter_id(bus: str, letter: DeadLetter) -> str:
    """What a letter is called: the same for copies that a repeated stage has written, another one
    where a bus was made anew and its offsets mean something else."""
    origin = f"{bus}|{letter.stage}|{letter.topic}|{letter.partition}|{letter.offset}"
    return hashlib.sha256(origin.encode()).hexdigest()[:ID_LENGTH]


def digest(value: bytes | None) -> str:
    """SHA-256 of a value in hex; empty where there is none."""
    return "" if value is None else hashlib.sha256(value).hexdigest()


def _length(headers: Headers) -> int:
    return sum(len(name.encode()) + len(value) for name, value in headers)
