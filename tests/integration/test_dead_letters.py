"""Bad messages end in dead letters, their neighbours are processed, and a replay restores them.

Both stages that read the bus, on both buses, with `undertone dlq` as a person uses it.
"""

import base64
import random
from collections.abc import Callable, Mapping

import click
import msgspec
import pytest
from click.testing import CliRunner

from monitor.bus import Record
from monitor.cli import cli
from monitor.events import (
    SCORED,
    ArticleEvent,
    ScoredEvent,
    Watermark,
    decode_article,
    decode_scored,
    encode,
)
from monitor.failures import DataError, Invalid, UsageError
from monitor.letters import FIRST_TOPIC, KEPT_BYTES
from monitor.record_headers import Headers, begun, trace_of
from monitor.workers import aggregate, score
from tests.integration.stage_place import (
    Place,
    bus_lines,
    counting,
    event,
    key_of,
    place,
    scorer,
)

__all__ = ["bus_lines", "counting", "place", "scorer"]

LARGE_BYTES = 20_000_000
KINDS = (
    "invalid UTF-8",
    "20 MB",
    "wrong schema version",
    "truncated",
    "wrong shape",
    "null value",
    "no key",
)
REASONS = {
    "invalid UTF-8": "codec can't decode byte 0xff",
    "20 MB": "bytes, the limit is 1",
    "wrong schema version": "record of schema version 3",
    "truncated": "truncated",
    "wrong shape": "Expected `str`",
    "null value": "without a value",
    "no key": "without a key",
}
WITH_STACK = {"invalid UTF-8", "truncated", "wrong shape"}


def bad_value(kind: str, good: ScoredEvent | ArticleEvent) -> bytes | None:
    """What a faulty writer makes of an article."""
    value = encode(good)
    fields = msgspec.json.decode(value)
    if kind == "invalid UTF-8":
        return value.replace(b"says", b"s\xffys")
    if kind == "20 MB":
        # In one stage of text that cannot be compressed to much less, so that the bus itself has
        # to carry it; in the other not, since kafka-python needs seconds for its checksums.
        text = "x" * LARGE_BYTES
        if isinstance(good, ScoredEvent):
            text = base64.b64encode(random.Random(1).randbytes(LARGE_BYTES * 3 // 4)).decode()
        inner = fields.get("article", fields)
        inner["text"] = text
        return msgspec.json.encode(fields)
    if kind == "wrong schema version":
        return msgspec.json.encode({**fields, "version": 3})
    if kind == "truncated":
        return value[: len(value) // 2]
    if kind == "wrong shape":
        return msgspec.json.encode({**fields, "language": ["en"]})
    return None if kind == "null value" else value


def spoil(place: Place) -> dict[str, Record]:
    """Send each kind of bad record between good ones; the bad ones by kind, as they lie there."""
    bad = {}
    producer = place.bus.producer()
    for number, kind in enumerate(KINDS):
        name = f"before {kind}"
        producer.send(place.origin, 0, key_of(name), encode(event(place.stage, name)))
        key = "" if kind == "no key" else key_of(kind)
        bad[kind] = Record(
            place.origin,
            0,
            2 * number + 1,
            key,
            bad_value(kind, event(place.stage, kind)),
            begun(1),
        )
        producer.send(place.origin, 0, key, bad[kind].value, bad[kind].headers)
    producer.send(place.origin, 0, key_of("last"), encode(event(place.stage, "last")))
    producer.close()
    return bad


Decoder = Callable[[bytes | None, Headers], ArticleEvent | ScoredEvent | Watermark | Invalid]


def mend(place: Place, bad: Mapping[str, Record], monkeypatch: pytest.MonkeyPatch) -> None:
    """A later version of the reader, which understands what this one does not."""
    known = {record.value: event(place.stage, kind) for kind, record in bad.items()}
    module, name = (
        (score, "decode_article") if place.stage == "score" else (aggregate, "decode_scored")
    )
    usual: Decoder = getattr(module, name)
    monkeypatch.setattr(
        module, name, lambda value, headers: known.get(value) or usual(value, headers)
    )


GOOD = sorted([*(f"before {kind}" for kind in KINDS), "last"])


@pytest.mark.timeout(600)
def test_bad_records_are_diverted_and_a_replay_restores_exactly_them(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = spoil(place)
    place.work()
    assert place.processed() == GOOD
    found = {item["offset"]: item for item in place.dlq("list")}
    assert len(found) == len(KINDS) == sum(place.bus.end_offsets(place.letters).values())
    traces = {trace_of(letter.headers) for letter in place.bus.read(place.letters, 0)}
    assert traces == {trace_of(record.headers) for record in bad.values()}
    ids = {}
    for kind, record in bad.items():
        item = found[record.offset]
        ids[kind] = item["id"]
        assert REASONS[kind] in item["reason"], kind
        assert (item["stage"], item["topic"], item["partition"]) == (place.stage, place.origin, 0)
        assert bool(item["stack"]) == (kind in WITH_STACK), kind
        (shown,) = place.dlq("show", item["id"])
        kept = None if shown["value"] is None else base64.b64decode(shown["value"])
        value = record.value
        assert kept == (value if value is None else value[:KEPT_BYTES]), kind
        assert item["cut_bytes"] == max(0, len(value or b"") - KEPT_BYTES)
        assert base64.b64decode(shown["key"]).decode() == record.key
    assert found[bad["20 MB"].offset]["bytes"] > LARGE_BYTES
    assert "\\xff" in place.plain("show", ids["invalid UTF-8"])
    assert "no value" in place.plain("show", ids["null value"])
    assert "were not kept" in place.plain("show", ids["20 MB"])

    mend(place, bad, monkeypatch)
    (one,) = place.dlq("replay", "--reason", "OF SCHEMA VERSION 3")
    assert one == {"id": ids["wrong schema version"], "result": "replayed", "reason": None}
    place.work()
    assert place.processed() == sorted([*GOOD, "wrong schema version"])

    rest = place.dlq("replay", "--all", "--rekey")
    assert {item["id"] for item in rest} == set(ids.values()) - {one["id"]}
    assert {item["result"] for item in rest} == {"replayed"}
    assert place.dlq("replay", "--all") == [] == place.dlq("list")
    (left,) = place.dlq("replay", ids["truncated"])
    assert left["result"] == "left"
    place.work()
    assert place.processed() == sorted([*GOOD, *KINDS])
    restored = [
        (record.key, record.value, record.headers) for record in place.sent(2 * len(KINDS) + 1)
    ]
    assert sorted(restored, key=str) == sorted(
        (
            (
                key_of("no key") if kind == "no key" else record.key,
                record.value,
                record.headers,
            )
            for kind, record in bad.items()
        ),
        key=str,
    )
    assert {item["state"] for item in place.dlq("list", "--all")} == {"replayed"}
    assert sum(place.bus.end_offsets(place.letters).values()) == len(KINDS)


@pytest.mark.timeout(300)
def test_again_sends_again_and_what_is_counted_is_not_counted_twice(
    counting: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting.send(key_of("bad"), b"not yet understood")
    counting.work()
    (record,) = counting.sent()
    mend(counting, {"bad": record}, monkeypatch)
    for arguments in (["--all"], ["--all", "--again"], ["--stage", "aggregate", "--again"]):
        (item,) = counting.dlq("replay", *arguments)
        assert item["result"] == "replayed"
    assert [item.value for item in counting.sent()] == [b"not yet understood"] * 4
    counting.work()
    assert counting.processed() == ["bad"]


@pytest.mark.timeout(300)
def test_letters_are_dropped_after_a_question(counting: Place) -> None:
    for value in (b"one", b"[]", b"three"):
        counting.send("key", value)
    counting.work()
    ids = {item["offset"]: item["id"] for item in counting.dlq("list")}
    with pytest.raises(click.exceptions.Abort):
        CliRunner().invoke(
            cli,
            ["dlq", "drop", ids[0], "--config", str(counting.config)],
            input="n\n",
            catch_exceptions=False,
            standalone_mode=False,
        )
    assert len(counting.dlq("list")) == 3
    assert counting.dlq("drop", ids[0][:8], "--yes") == [{"id": ids[0], "result": "dropped"}]
    assert {item["offset"] for item in counting.dlq("list", "--since", "1h")} == {1, 2}
    assert counting.dlq("list", "--stage", "score") == []
    (left,) = counting.dlq("replay", ids[0])
    assert left["result"] == "left"
    assert {item["id"] for item in counting.dlq("replay", "--all")} == {ids[1], ids[2]}
    # Still no articles: they come back as letters of their own.
    counting.work()
    assert {item["offset"] for item in counting.dlq("list")} == {3, 4}
    (again,) = counting.dlq("replay", ids[0], "--again")
    assert again["result"] == "replayed" and counting.sent()[-1].value == b"one"


@pytest.mark.timeout(300)
def test_a_large_record_that_retention_took_is_lost_and_the_others_are_not(
    counting: Place,
) -> None:
    counting.send("key", b"x" * 1_100_000)
    counting.send("key", b"small")
    counting.work()
    counting.forget(before=2)
    large, small = sorted(counting.dlq("replay", "--all", code=1), key=lambda item: item["result"])
    assert (large["result"], small["result"]) == ("lost", "replayed")
    assert "the letter holds 700000 of 1100000 bytes" in large["reason"]
    assert "scored/0 at offset 0 is no longer in its topic" in large["reason"]
    assert [(item.key, item.value) for item in counting.sent()] == [("key", b"small")]
    (waiting,) = counting.dlq("list")
    assert (waiting["id"], waiting["state"]) == (large["id"], "waiting")


@pytest.mark.timeout(300)
def test_letters_of_before_the_stages_had_topics_are_listed_and_replayed(counting: Place) -> None:
    counting.bus.create_topics([FIRST_TOPIC], 1)
    value = encode(event("aggregate", "old"))
    first = {"version": 1, "stage": "aggregate", "reason": "a bug of then", "topic": SCORED}
    letter = {
        **first,
        "partition": 0,
        "offset": 99,
        "value": base64.b64encode(value).decode(),
        "failed": "2026-03-01T00:00:00Z",
    }
    producer = counting.bus.producer()
    producer.send(FIRST_TOPIC, 0, "", msgspec.json.encode(letter))
    producer.close()
    (item,) = counting.dlq("replay", "--reason", "of then")
    assert item["result"] == "replayed"
    assert [(record.key, record.value) for record in counting.sent()] == [(key_of("old"), value)]
    counting.work()
    assert counting.processed() == ["old"]


def test_letters_are_chosen_by_name_or_by_options(counting: Place) -> None:
    with pytest.raises(UsageError, match="which letters"):
        counting.plain("drop", "--yes")
    with pytest.raises(UsageError, match="not both"):
        counting.plain("replay", "abc", "--all")
    with pytest.raises(DataError, match="begins with 'abc'"):
        counting.plain("show", "abc")


def test_the_reader_of_today_knows_the_good_records() -> None:
    """Else the tests above would prove nothing of neighbours."""
    assert decode_article(encode(event("score", "a"))) == event("score", "a")
    assert decode_scored(encode(event("aggregate", "a"))) == event("aggregate", "a")
