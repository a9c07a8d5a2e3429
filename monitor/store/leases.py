"""Leases: one holder at a time for work that must not run twice (replays, detect, notify)."""

import contextlib
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, delete, not_, or_, select

from monitor.failures import Unavailable
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.schema import leases

LEASE_SECONDS = 20
ADOPTION = "adoption"
"""Held while scores are exchanged: nothing is detected then, since they are of two models."""
FORGOTTEN_AFTER = timedelta(days=1)


class Lease:
    """One that whoever asks for it often need not write for each time."""

    def __init__(
        self,
        engine: Engine,
        name: str,
        owner: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._name = name
        self._owner = owner
        self._renewed_at: float | None = None

    def held(self, now: datetime) -> bool:
        """Take the lease, or renew it once a quarter of its time is over. Raises Unavailable."""
        asked_at = self._monotonic()
        if self._renewed_at is not None and asked_at < self._renewed_at + LEASE_SECONDS / 4:
            return True
        self._renewed_at = None
        if hold(self._engine, self._name, self._owner, now):
            self._renewed_at = asked_at
        return self._renewed_at is not None

    def release(self) -> None:
        """Give it back, if it is held."""
        self._renewed_at = None
        release(self._engine, self._name, self._owner)


def hold(engine: Engine, name: str, owner: str, now: datetime) -> bool:
    """Take or renew a lease for `LEASE_SECONDS`; False while another owner holds it."""
    expires = now + timedelta(seconds=LEASE_SECONDS)
    with writing(engine) as connection:
        connection.execute(delete(leases).where(leases.c.expires < now - FORGOTTEN_AFTER))
        insert = insert_for(connection)(leases).values(name=name, owner=owner, expires=expires)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=[leases.c.name],
                set_={"owner": insert.excluded.owner, "expires": insert.excluded.expires},
                where=or_(leases.c.owner == owner, _lapsed(now)),
            )
        )
        holder = connection.execute(select(leases.c.owner).where(leases.c.name == name)).scalar()
    return bool(holder == owner)


def holders(engine: Engine, prefix: str, now: datetime) -> set[str]:
    """Who holds a lease whose name begins so."""
    found = select(leases.c.owner).where(
        leases.c.name.startswith(prefix, autoescape=True), not_(_lapsed(now))
    )
    with reading(engine) as connection:
        return set(connection.execute(found).scalars())


def _lapsed(now: datetime) -> ColumnElement[bool]:
    """One that ends later than a lease can was taken by a clock that was wrong."""
    latest = now + 2 * timedelta(seconds=LEASE_SECONDS)
    return or_(leases.c.expires < now, leases.c.expires > latest)


def release(engine: Engine, name: str, owner: str) -> None:
    """Give a lease back, if it is held by `owner`; where the store does not answer it lapses."""
    with contextlib.suppress(Unavailable), writing(engine) as connection:
        connection.execute(delete(leases).where(leases.c.name == name, leases.c.owner == owner))
