"""Letters are bounded, keep their origin, and those of the first version are still read."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from monitor.bus import Record
from monitor.cli.dlq import escaped
from monitor.failures import Invalid
from monitor.letters import (
    KEPT_BYTES,
    DeadLetter,
    decode_letter,
    digest,
    encode_letter,
    letter_id,
    letter_of,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BROKER_DEFAULT_BYTES = 1_048_588


def letter(value: bytes | None, key: str = "key", offset: int = 7) -> DeadLetter:
    record = Record("articles", 3, offset, key, value)
    return letter_of("score", record, Invalid("bad", "abc"), NOW)


@given(st.none() | st.binary(), st.binary(max_size=50))
def test_a_letter_holds_its_original(value: bytes | None, key: bytes) -> None:
    made = letter(value, key.decode("utf-8", "surrogateescape"))
    assert decode_letter(encode_letter(made)) == made
    assert (made.value, made.key, made.is_whole, made.cut_bytes) == (value, key, True, 0)
    assert (made.topic, made.partition, made.offset, made.stack) == ("articles", 3, 7, "abc")


def test_the_largest_letter_fits_what_a_broker_takes() -> None:
    value = b"\xff" * 20_000_000
    record = Record("articles", 3, 7, "\udcff" * 20_000, value)
    made = letter_of("score", record, Invalid("\x01" * 20_000), NOW)
    assert len(encode_letter(made)) < BROKER_DEFAULT_BYTES
    assert made.value == value[:KEPT_BYTES] and made.cut_bytes == 20_000_000 - KEPT_BYTES
    assert made.key_bytes == 20_000 and not made.is_whole
    assert made.value_sha256 == digest(value)


def test_letters_of_the_first_version_are_read() -> None:
    first = {
        "version": 1,
        "stage": "score",
        "reason": "Input data was truncated",
        "topic": "articles",
        "partition": 0,
        "offset": 12,
        "value": "eyJ0eXBl",
        "failed": "2026-03-01T00:00:00Z",
    }
    found = decode_letter(json.dumps(first).encode())
    assert isinstance(found, DeadLetter)
    assert (found.value, found.key, found.cut_bytes) == (b'{"type', None, 0)


def test_a_letter_keeps_its_id_when_it_is_written_twice() -> None:
    again = letter(b"x")
    assert letter_id("bus", letter(b"x")) == letter_id("bus", again)
    assert letter_id("bus", letter(b"x", offset=8)) != letter_id("bus", again)
    assert letter_id("a bus made anew", letter(b"x")) != letter_id("bus", again)


def test_nothing_that_a_terminal_would_obey_is_shown() -> None:
    assert escaped(b"caf\xc3\xa9 \xe8\xb4\x9f\xe9\x9d\xa2 {}") == "café 负面 {}"
    assert escaped(b"\x1b[2J\r\n\xff\x00") == "\\x1b[2J\\r\\n\\xff\\x00"
    assert escaped("a\u202eb".encode()) == "a\\u202eb"
