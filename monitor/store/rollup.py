"""Rolling tallies up by age: five minutes to hours, hours to days.

A step adds the tallies of an hour (or a day) to the one at its start, deletes the others and moves
the store's reach, in one transaction in which nobody counts. So a tally's width follows from its
start alone, and who counts a late article later finds the one that it belongs to.
"""

from sqlalchemy import Connection, Engine, delete, func, select, update

from monitor.store.engine import reading
from monitor.store.ingestion import insert_for
from monitor.store.reach import (
    DAY_SECONDS,
    HOUR_SECONDS,
    changing_reach,
    read_reach,
    wider_start,
)
from monitor.store.readers import DIMENSIONS
from monitor.store.schema import housekeeping, tallies

_COUNTS = ("stories", "articles", "negative", "neutral", "positive", "negative_sum")


def roll_up_an_hour(engine: Engine, before: int) -> int | None:
    """Roll up the oldest five minutes, an hour of them, if they are older than the UTC day that
    `before` lies in (seconds since the epoch); how many rows went, None where none are as old.
    Raises Busy, Unavailable."""
    return _roll_up(engine, "five_minutes_from", HOUR_SECONDS, before - before % DAY_SECONDS)


def roll_up_a_day(engine: Engine, before: int) -> int | None:
    """Roll up the oldest hours, likewise; never five minutes."""
    with reading(engine) as connection:
        hours_until = read_reach(connection).five_minutes_from
    before = min(before, hours_until)
    return _roll_up(engine, "hours_from", DAY_SECONDS, before - before % DAY_SECONDS)


def _roll_up(engine: Engine, edge: str, width_seconds: int, before: int) -> int | None:
    with reading(engine) as connection:
        begin: int = getattr(read_reach(connection), edge)
        if begin >= before:
            return None
        # Whatever counts at all counts here.
        first: int | None = connection.execute(
            select(func.min(tallies.c.bucket)).where(
                tallies.c.dimension == "all", tallies.c.bucket >= begin
            )
        ).scalar()
    end = before
    if first is not None and first < before:
        end = first - first % width_seconds + width_seconds
    with changing_reach(engine) as connection:
        if getattr(read_reach(connection), edge) != begin:
            return 0
        gone = _join(connection, begin, end, width_seconds)
        connection.execute(
            update(housekeeping).values(
                {edge: end, "tallies_rolled_up": housekeeping.c.tallies_rolled_up + gone}
            )
        )
    return gone


def _join(connection: Connection, begin: int, end: int, width_seconds: int) -> int:
    """Add the tallies with `begin` <= start < `end` to those at the starts of wider ones."""
    start = wider_start(width_seconds)
    inner = (
        # By name, so that the index is of use.
        tallies.c.dimension.in_(DIMENSIONS),
        tallies.c.bucket >= begin,
        tallies.c.bucket < end,
        tallies.c.bucket % width_seconds != 0,
    )
    sums = (
        select(
            tallies.c.dimension,
            tallies.c.key,
            start.label("bucket"),
            *(func.sum(tallies.c[name]).label(name) for name in _COUNTS),
        )
        .where(*inner)
        .group_by(tallies.c.dimension, tallies.c.key, start)
    )
    insert = insert_for(connection)(tallies).from_select(
        ["dimension", "key", "bucket", *_COUNTS], sums
    )
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=[tallies.c.dimension, tallies.c.key, tallies.c.bucket],
            set_={name: tallies.c[name] + insert.excluded[name] for name in _COUNTS},
        )
    )
    return connection.execute(delete(tallies).where(*inner)).rowcount
