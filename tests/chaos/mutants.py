"""Roles with a guarantee taken out: the suite must find each (`python -m tests.chaos.mutants`).

`CHAOS_MUTANT` names what is taken out. A pause stands where the damage can be done, so that a
fault hits it within a run.
"""

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, and_, update
from sqlalchemy.dialects.postgresql import insert

from monitor.cli import main
from monitor.events import ScoredEvent
from monitor.store import ingestion
from monitor.store.ingestion import Advance, Applied
from monitor.store.schema import articles, offsets
from monitor.stories import Change, CountedArticle, change
from monitor.workers import aggregate
from tests.chaos.schedule import Fault, draw

PAUSE_SECONDS = 0.4
LONG_PAUSE_SECONDS = 0.7


def early_commit() -> None:
    """The offsets are committed before the transaction of the counts."""
    apply = ingestion.apply

    def mutated(engine: Engine, events: Sequence[ScoredEvent], advance: Advance | None) -> Applied:
        assert advance is not None
        apply(engine, [], replace(advance, reached=()))
        time.sleep(PAUSE_SECONDS)
        return apply(engine, events, None)

    aggregate.apply = mutated  # type: ignore[assignment, attr-defined]


def no_fencing() -> None:
    """Whoever lost a partition may still write for it."""
    apply = ingestion.apply

    def unchecked(connection: Connection, advance: Advance) -> datetime | None:
        topic, partition = advance.partition
        mine = and_(
            offsets.c.consumer_group == advance.group,
            offsets.c.topic == topic,
            offsets.c.partition == partition,
        )
        marks = {"watermark": advance.watermark} if advance.watermark else {}
        first = {"first_watermark": advance.first_watermark} if advance.first == 0 else {}
        values = {"next_offset": advance.next_offset, **marks, **first}
        connection.execute(update(offsets).where(mine).values(values))
        return None

    def slow(engine: Engine, events: Sequence[ScoredEvent], advance: Advance | None) -> Applied:
        time.sleep(LONG_PAUSE_SECONDS)
        return apply(engine, events, advance)

    ingestion._advance = unchecked
    aggregate.apply = slow  # type: ignore[assignment, attr-defined]


def counted_unconditionally() -> None:
    """What the insert leaves out, being known, is counted all the same."""

    def unaware(
        batch: Iterable[CountedArticle],
        stored: Mapping[str, CountedArticle],
        neighbours: Iterable[CountedArticle],
    ) -> Change:
        counted = list(batch)
        ids = {article.id for article in counted}
        return change(counted, {}, [article for article in neighbours if article.id not in ids])

    def write(
        connection: Connection, decided: Change, rows: Mapping[CountedArticle, dict[str, Any]]
    ) -> None:
        values = [rows[article] for article in decided.inserted]
        if values:
            connection.execute(insert(articles).on_conflict_do_nothing(), values)

    ingestion.change = unaware  # type: ignore[attr-defined]
    ingestion._write_articles = write


@dataclass(frozen=True, slots=True)
class Mutant:
    """What takes a guarantee out, faults that bring it to light, and how a run then differs."""

    mutate: Callable[[], None]
    faults: Sequence[Fault]
    seen_as: str


MUTANTS = {
    "early commit": Mutant(early_commit, draw(3, 14, 1.5, ("kill",)), "articles lost"),
    # The second aggregate stands still, time and again, for longer than its partitions wait.
    "no fencing": Mutant(
        no_fencing,
        [Fault(5 + 26.0 * turn, "stop", 1, 20.0) for turn in range(4)],
        "offset went back",
    ),
    "counted unconditionally": Mutant(
        counted_unconditionally, [Fault(0.5, "duplicates", 1, 0.0)], "tallies differ"
    ),
}

if __name__ == "__main__":
    MUTANTS[os.environ["CHAOS_MUTANT"]].mutate()
    main()
