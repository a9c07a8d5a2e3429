"""How far back the store reaches: from when on there are articles, and tallies of which width.

Whoever counts holds the reach while it does; whoever changes it waits for them, and they for it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, select, text
from sqlalchemy.exc import OperationalError

from alerts.series import BUCKET_SECONDS
from monitor.store.engine import reading, writing
from monitor.store.schema import housekeeping, tallies
from monitor.stories import STORY_HORIZON, Counts, TallyKey

HOUR_SECONDS = 3_600
DAY_SECONDS = 86_400
NEVER = -(2**62)
"""Before any bucket: nothing was rolled up."""
_LOCK = (0x756E6465, 1)
_LOCK_NOT_AVAILABLE = "55P03"
PATIENCE_MILLISECONDS = 500
"""Others queue behind whoever waits to change the reach, so that it must not wait for long."""


class Busy(RuntimeError):
    """Somebody counts for long: the reach was not changed, and nothing with it."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Bucket starts are in seconds since the epoch."""

    articles_from: datetime | None
    """Those published before are removed, but for what is needed; None: none ever was."""
    five_minutes_from: int
    """Tallies of buckets before are of hours,"""
    hours_from: int
    """and those before of days."""

    @property
    def whole(self) -> bool:
        """Whether all that ever came in is there as it came."""
        return self.articles_from is None and self.five_minutes_from == NEVER

    def takes(self, published: datetime) -> bool:
        """Whether an article may be added or changed: all that it is counted with are here."""
        return self.takes_from is None or published >= self.takes_from

    @property
    def takes_from(self) -> datetime | None:
        """From when on articles may be added or changed; None: all may."""
        edge = self.articles_from
        return None if edge is None else edge + STORY_HORIZON + timedelta(seconds=1)

    def width_seconds(self, start: int) -> int:
        """Of the tally that a bucket is counted in."""
        if start >= self.five_minutes_from:
            return BUCKET_SECONDS
        return HOUR_SECONDS if start >= self.hours_from else DAY_SECONDS

    def start_of(self, start: int) -> int:
        """Of the tally that a bucket is counted in."""
        return start - start % self.width_seconds(start)

    def in_their_width(self, changes: Mapping[TallyKey, Counts]) -> dict[TallyKey, Counts]:
        """What changes in the tallies as they are, where `changes` are of five minutes."""
        wider: dict[TallyKey, Counts] = {}
        for (dimension, key, bucket), counts in changes.items():
            wider.setdefault((dimension, key, self.start_of(bucket)), Counts()).add(counts)
        return {key: counts for key, counts in wider.items() if counts}


def wider_start(width_seconds: int) -> ColumnElement[int]:
    """Start of the bucket of so many seconds that a tally lies in. Databases cut a remainder off
    towards zero: before 1970 it is negative."""
    past = (tallies.c.bucket % width_seconds + width_seconds) % width_seconds
    return tallies.c.bucket - past


def read_reach(connection: Connection) -> Reach:
    """As it is now; it may change at once."""
    row = connection.execute(
        select(
            housekeeping.c.articles_from,
            housekeeping.c.five_minutes_from,
            housekeeping.c.hours_from,
        )
    ).one()
    return Reach(row.articles_from, row.five_minutes_from, row.hours_from)


def reach_of_store(engine: Engine) -> Reach:
    """As it is now; it may change at once."""
    with reading(engine) as connection:
        return read_reach(connection)


def held_reach(connection: Connection) -> Reach:
    """As it is until the transaction ends. On SQLite one writes at a time anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock_shared(:space, :lock)"),
            dict(zip(("space", "lock"), _LOCK, strict=True)),
        )
    return read_reach(connection)


@contextmanager
def changing_reach(engine: Engine) -> Iterator[Connection]:
    """A write transaction in which nobody counts. Raises Busy, Unavailable."""
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SET LOCAL lock_timeout = {PATIENCE_MILLISECONDS}"))
            try:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:space, :lock)"),
                    dict(zip(("space", "lock"), _LOCK, strict=True)),
                )
            except OperationalError as error:
                if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                    raise
                raise Busy from error
            connection.execute(text("SET LOCAL lock_timeout = 0"))
        yield connection
