"""Traces go on from record to record; versions of records are told by a header."""

import re
from pathlib import Path

import pytest

from monitor.bus import Record
from monitor.bus.embedded import EmbeddedBus
from monitor.events import DEAD_LETTER_TOPICS
from monitor.failures import Invalid
from monitor.record_headers import (
    SCHEMA_VERSION,
    TRACEPARENT,
    begun,
    continued,
    trace_of,
    untraced,
    value_of,
)
from monitor.workers.dead_letters import bury

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_begins_as_the_standard_says() -> None:
    headers = begun(1)
    parent = (value_of(headers, TRACEPARENT) or b"").decode()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", parent)
    assert value_of(headers, SCHEMA_VERSION) == b"1"
    assert trace_of(begun(1)) != trace_of(headers)


def test_a_trace_goes_on_with_a_new_span_and_its_flags() -> None:
    sent = ((TRACEPARENT, f"00-{TRACE}-00f067aa0ba902b7-01".encode()),)
    headers = continued(sent, 2)
    assert trace_of(headers) == TRACE
    parent = (value_of(headers, TRACEPARENT) or b"").decode()
    assert parent.endswith("-01") and "00f067aa0ba902b7" not in parent
    assert value_of(headers, SCHEMA_VERSION) == b"2"


def test_a_later_version_of_the_standard_is_understood() -> None:
    sent = ((TRACEPARENT, f"01-{TRACE}-00f067aa0ba902b7-01-more".encode()),)
    assert trace_of(continued(sent, 1)) == TRACE


@pytest.mark.parametrize(
    "malformed",
    [
        b"",
        b"\xff",
        f"00-{TRACE}-00f067aa0ba902b7".encode(),
        f"ff-{TRACE}-00f067aa0ba902b7-01".encode(),
        f"00-{TRACE}-00f067aa0ba902b7-01-more".encode(),
        f"00-{TRACE.upper()}-00f067aa0ba902b7-01".encode(),
        f"00-{'0' * 32}-00f067aa0ba902b7-01".encode(),
        f"00-{TRACE}-{'0' * 16}-01".encode(),
    ],
)
def test_a_malformed_trace_begins_anew(malformed: bytes) -> None:
    found = trace_of(continued(((TRACEPARENT, malformed),), 1))
    assert found is not None and found != TRACE


def test_what_is_about_no_article_has_no_trace() -> None:
    assert trace_of(untraced(1)) is None
    assert trace_of(continued(untraced(1), 1)) is not None


def test_a_dead_letter_keeps_the_trace_of_its_record(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([DEAD_LETTER_TOPICS["score"]], 1)
    headers = begun(1)
    producer = bus.producer()
    bury(producer, "score", Record("articles", 0, 7, "key", b"{", headers), Invalid("truncated"))
    producer.close()
    consumer = bus.consumer(DEAD_LETTER_TOPICS["score"], "test")
    (letter,) = consumer.poll(10, 5.0)
    assert trace_of(letter.headers) == trace_of(headers)
    assert letter.headers != headers
    consumer.close()
    bus.close()
