"""Records on the bus: readers one version apart understand each other."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from monitor.events import (
    MAX_RECORD_BYTES,
    VERSION,
    ScoredEvent,
    decode_article,
    decode_scored,
    encode,
)
from monitor.failures import Invalid
from monitor.record_headers import SCHEMA_VERSION, untraced
from tests.unit.monitor.stories_data import scored


def test_what_an_older_writer_sent_has_no_companies() -> None:
    record = msgspec.json.decode(encode(scored("a")))
    del record["companies"]
    event = decode_scored(msgspec.json.encode(record))
    assert isinstance(event, ScoredEvent)
    assert event.companies == {} and event.entities == ("Bank",)


def test_companies_arrive_as_they_were_sent_and_more_fields_are_passed_over() -> None:
    sent = msgspec.structs.replace(scored("a"), companies={"Bank": (0.1, 0.2, 0.7)})
    record = msgspec.json.decode(encode(sent)) | {"of a later version": [1]}
    assert decode_scored(msgspec.json.encode(record)) == sent


GOOD = msgspec.json.decode(encode(scored("a")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"scored": "2026-03-01T00:00:00"}, "timezone"),
        ({"scored": "9999-12-31T00:00:00Z"}, "scored is of the year 9999"),
        ({"negative": 1.5}, "<= 1.0"),
        ({"negative": 1e300}, "<= 1.0"),
        ({"topics": {"x" * 201: 0.5}}, "length <= 200"),
        ({"entities": ["a\0b"]}, "U+0000"),
        ({"topics": {"a\0b": 0.5}}, "U+0000"),
        ({"article": {**GOOD["article"], "id": "i" * 65}}, "length <= 64"),
        ({"article": {**GOOD["article"], "id": ""}}, "length >= 1"),
        ({"article": {**GOOD["article"], "title": "NUL \0"}}, "U+0000"),
        ({"article": {**GOOD["article"], "published": "0001-01-01T00:00:00Z"}}, "of the year 1"),
        ({"article": "an article"}, "Expected `object`"),
        ({"version": 3}, "record of schema version 3; this reader's is 1, and it reads up to 2"),
    ],
)
def test_what_no_database_would_take_is_invalid(change: dict[str, Any], reason: str) -> None:
    found = decode_scored(msgspec.json.encode(GOOD | change))
    assert isinstance(found, Invalid) and reason in found.reason


def test_an_escape_that_only_looks_like_nul_is_text() -> None:
    record = GOOD | {"entities": ["\\u0000"]}
    found = decode_scored(msgspec.json.encode(record))
    assert isinstance(found, ScoredEvent) and found.entities == ("\\u0000",)


@pytest.mark.parametrize(
    "value",
    [b"", b"\xff", b"null", b"[1]", b'{"type":"watermark"}', b'{"x":' + b"[" * 200_000],
)
def test_bytes_that_are_no_event_are_invalid_with_the_digest_of_a_stack(value: bytes) -> None:
    found = decode_article(value)
    assert isinstance(found, Invalid) and len(found.stack) == 12
    again = decode_article(value)
    assert again == found


def test_a_record_without_a_value_is_invalid() -> None:
    assert decode_article(None) == Invalid("record without a value")


def test_an_article_that_was_taken_in_is_not_too_large_once_it_is_scored() -> None:
    empty = msgspec.structs.replace(scored("a").article, text="")
    room = MAX_RECORD_BYTES - len(encode(empty))
    article = msgspec.structs.replace(empty, text="x" * room)
    assert decode_article(encode(article)) == article
    event = msgspec.structs.replace(
        scored("a"),
        article=article,
        companies={f"Company {number}": (0.1, 0.2, 0.7) for number in range(500)},
    )
    assert decode_scored(encode(event)) == event
    larger = msgspec.structs.replace(article, text=article.text + "x")
    assert isinstance(decode_article(encode(larger)), Invalid)


def test_dates_of_old_archives_are_events() -> None:
    article = {**GOOD["article"], "published": "1850-01-01T00:00:00Z"}
    found = decode_scored(msgspec.json.encode(GOOD | {"article": article}))
    assert isinstance(found, ScoredEvent)
    assert found.article.published == datetime(1850, 1, 1, tzinfo=UTC)


def of_version(version: int) -> bytes:
    """A record as a writer of that version would send it, with fields that we do not know."""
    record = msgspec.json.decode(encode(scored("a")))
    record["article"]["version"] = record["version"] = version
    record["mood"] = record["article"]["mood"] = {"of": "a later version"}
    return msgspec.json.encode(record)


def test_a_writer_one_version_newer_is_read() -> None:
    event = decode_scored(of_version(VERSION + 1), untraced(VERSION + 1))
    assert isinstance(event, ScoredEvent)
    assert event.article.id == "a"


def test_a_writer_far_newer_is_told_by_the_header_even_where_nothing_can_be_decoded() -> None:
    for value in (of_version(VERSION + 2), b"\x00 another encoding"):
        found = decode_scored(value, untraced(VERSION + 2))
        assert isinstance(found, Invalid)
        assert found.reason.startswith(
            f"record of schema version {VERSION + 2}; this reader's is {VERSION}"
        )


def test_a_writer_far_newer_without_headers_is_told_by_the_record() -> None:
    found = decode_scored(of_version(VERSION + 7))
    assert isinstance(found, Invalid) and f"schema version {VERSION + 7}; " in found.reason


def test_a_header_that_is_no_number_is_said_so() -> None:
    found = decode_scored(of_version(VERSION), ((SCHEMA_VERSION, b"new"),))
    assert found == Invalid("header schema-version is b'new', not a number")
