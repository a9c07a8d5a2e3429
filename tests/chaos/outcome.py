"""What a run came to, and how two runs differ."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, select

from monitor.dead_letters import Filter, find
from monitor.events import SCORED
from monitor.store.engine import reading
from monitor.store.ingestion import positions
from monitor.store.schema import articles, tallies
from monitor.workers.aggregate import GROUP
from tests.chaos.guard import moved_back
from tests.chaos.world import PARTITIONS, World

Rows = Mapping[str, Mapping[str, Any]]
"""By what a row is called, its columns."""

SHOWN = 3
"""So many of the rows that differ are shown."""
BY_THE_CLOCK = {"scored"}
"""Columns of an article that no two runs have alike. `behind_seconds` is compared: the stream comes
in order and a watermark after all that it covers, so whatever is sent twice, of an article the
first record is never behind."""
OF_THE_GROUP = {"Since", "Until", "Rule", "Rules"}
"""Lines of a message that tell of all alerts that are told of as one by the time of its delivery:
how many those are depends on when that was, and so do the headlines below."""


@dataclass(frozen=True)
class Outcome:
    """All that a run leaves behind: nothing in it may depend on a fault."""

    tallies: Rows
    """As they are stored, in buckets of five minutes, with those that count nothing."""
    alerts: Rows
    articles: Rows
    notifications: Rows
    """By idempotency key, what was said: headline, numbers and link."""
    dead_letters: Rows
    moved_back: tuple[str, ...]
    """Offsets in the store that went back: someone wrote for a partition that was not theirs."""
    uncommitted: tuple[str, ...]
    """Partitions of which the group's offset in Kafka is not the store's."""
    repeated: int
    """Notifications that were delivered more than once: allowed, and told."""


def outcome(world: World) -> Outcome:
    """Of a world whose roles have ended."""
    requests = list(world.hook.requests)
    said: dict[str, set[str]] = {}
    for _, headers, body in requests:
        said.setdefault(headers["Idempotency-Key"], set()).add(_lasting(json.loads(body)))
    letters = find(world.bus, world.engine, Filter())
    return Outcome(
        stored_tallies(world.engine),
        {row["id"]: row for row in world.ask("alerts", "list")},
        _stored(
            world.engine,
            [articles.c.id],
            [column for column in articles.c if column.name not in BY_THE_CLOCK],
        ),
        {key: {"said": sorted(texts)} for key, texts in said.items()},
        {
            f"{item.head.topic}: {item.head.reason} ({item.head.value_sha256})": {}
            for item in letters
        },
        moved_back(world.engine),
        _uncommitted(world),
        len(requests) - len(said),
    )


def stored_tallies(engine: Engine) -> Rows:
    return _stored(engine, [tallies.c.dimension, tallies.c.key, tallies.c.bucket], list(tallies.c))


def differences(found: Outcome, expected: Outcome) -> list[str]:
    """How a run differs from the undisturbed one, in words; none if it does not."""
    return [
        *_rows("articles", found.articles, expected.articles),
        *_rows("notifications", found.notifications, expected.notifications),
        *(f"an offset went back: {note}" for note in found.moved_back[:SHOWN]),
        *_rows("tallies", found.tallies, expected.tallies),
        *_rows("alerts", found.alerts, expected.alerts),
        *_rows("dead letters", found.dead_letters, expected.dead_letters),
        *(f"offsets in Kafka and in the store differ: {note}" for note in found.uncommitted),
    ]


def summary(found: Outcome) -> dict[str, Any]:
    everything = [row for row in found.tallies.values() if row["dimension"] == "all"]
    return {
        "articles": len(found.articles),
        "counted": sum(row["articles"] for row in everything),
        "tallies": len(found.tallies),
        "alerts": len(found.alerts),
        "notifications": len(found.notifications),
        "dead letters": len(found.dead_letters),
        "delivered twice": found.repeated,
    }


def _stored(
    engine: Engine, names: list[ColumnElement[Any]], columns: list[ColumnElement[Any]]
) -> Rows:
    with reading(engine) as connection:
        rows = connection.execute(select(*columns)).mappings().all()
    return {" ".join(str(row[name]) for name in names): dict(row) for row in rows}


def _lasting(body: Mapping[str, Any]) -> str:
    """Of a message to Slack, what does not depend on when it was delivered."""
    fields = [
        field["text"]
        for block in body["blocks"]
        for field in block.get("fields", ())
        if field["text"].partition("\n")[0].strip("*") not in OF_THE_GROUP
    ]
    links = [element["text"] for block in body["blocks"] for element in block.get("elements", ())]
    return "\n".join([body["text"], *fields, *links])


def _uncommitted(world: World) -> tuple[str, ...]:
    committed = world.bus.committed(SCORED, GROUP)
    stored = positions(world.engine, GROUP, [(SCORED, part) for part in range(PARTITIONS)])
    return tuple(
        f"{SCORED}/{part}: {committed.get(part)}, and {stored.get((SCORED, part))} in the store"
        for part in range(PARTITIONS)
        if committed.get(part) != stored.get((SCORED, part))
    )


def _rows(what: str, found: Rows, expected: Rows) -> list[str]:
    lost, added = sorted(expected.keys() - found.keys()), sorted(found.keys() - expected.keys())
    other = sorted(name for name in found.keys() & expected.keys() if found[name] != expected[name])
    said = [
        f"{len(names)} {what} {how}, the first: {', '.join(names[:SHOWN])}"
        for names, how in ((lost, "lost"), (added, "too many"))
        if names
    ]
    if other:
        shown = [f"\n    {name}: {_change(found[name], expected[name])}" for name in other[:SHOWN]]
        said.append(f"{len(other)} {what} differ, the first:{''.join(shown)}")
    return said


def _change(found: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """The columns that differ."""
    names = sorted(
        name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name)
    )
    return "; ".join(
        f"{name} {found.get(name)!r} in place of {expected.get(name)!r}" for name in names
    )
