"""Records on the bus: readers one version apart understand each other."""

import msgspec

from monitor.events import VERSION, ScoredEvent, decode_scored, encode
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
