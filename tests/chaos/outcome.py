"""What a run came to, and how two runs differ."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from monitor.store.engine import reading
from monitor.store.schema import articles
from tests.chaos.guard import moved_back
from tests.chaos.world import World, notified


@dataclass(frozen=True)
class Outcome:
    """All that a desk could see: nothing in it may depend on a fault."""

    tallies: tuple[str, ...]
    """JSON lines, as `undertone tallies` prints them."""
    alerts: tuple[str, ...]
    articles: frozenset[str]
    notifications: frozenset[str]
    moved_back: tuple[str, ...]
    """Offsets in the store that went back: someone wrote for a partition that was not theirs."""
    repeated: int
    """Notifications that were delivered more than once: allowed, and told."""


def outcome(world: World) -> Outcome:
    with reading(world.engine) as connection:
        ids = frozenset(connection.execute(select(articles.c.id)).scalars())
    counts = notified(world.hook)
    return Outcome(
        tuple(json.dumps(row, sort_keys=True) for row in world.ask("tallies")),
        tuple(json.dumps(row, sort_keys=True) for row in world.ask("alerts", "list")),
        ids,
        frozenset(counts),
        moved_back(world.engine),
        sum(count - 1 for count in counts.values()),
    )


def differences(found: Outcome, expected: Outcome) -> list[str]:
    """How a run differs from the undisturbed one, in words; none if it does not."""
    return [
        *_sets("article", found.articles, expected.articles),
        *_sets("notification", found.notifications, expected.notifications),
        *(f"an offset went back: {note}" for note in found.moved_back[:1]),
        *_lines("tally", found.tallies, expected.tallies),
        *_lines("alert", found.alerts, expected.alerts),
    ]


def summary(found: Outcome) -> dict[str, Any]:
    stored = [json.loads(line) for line in found.tallies]
    return {
        "articles": len(found.articles),
        "counted": sum(row["articles"] for row in stored if row["dimension"] == "all"),
        "tallies": len(found.tallies),
        "alerts": len(found.alerts),
        "notifications": len(found.notifications),
        "delivered twice": found.repeated,
    }


def _sets(what: str, found: frozenset[str], expected: frozenset[str]) -> list[str]:
    lost, added = sorted(expected - found), sorted(found - expected)
    said = [f"{len(lost)} {what}s lost, the first: {lost[0]}"] if lost else []
    return said + ([f"{len(added)} {what}s too many, the first: {added[0]}"] if added else [])


def _lines(what: str, found: Sequence[str], expected: Sequence[str]) -> list[str]:
    if tuple(found) == tuple(expected):
        return []
    here, there = set(found) - set(expected), set(expected) - set(found)
    first = f"{min(here, default='-')}\n    in place of {min(there, default='-')}"
    return [f"{len(here | there)} {what} lines differ, the first: {first}"]
