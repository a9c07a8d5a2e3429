"""Up to when a replay has been sent, so that a restart goes on there."""

import hashlib
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, select

from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.schema import replay_progress


def replay_id(settings: str, archive: Path, bus: str) -> str:
    """What tells a replay from another: its settings, the file as it is, and the bus it is for."""
    state = archive.stat()
    told = f"{settings}\n{archive.resolve()}\n{state.st_size}\n{state.st_mtime_ns}\n{bus}"
    return hashlib.sha256(told.encode()).hexdigest()


def sent_through(engine: Engine, replay: str) -> datetime | None:
    """All that was published before this time is on the bus; None for a replay not yet begun."""
    query = select(replay_progress.c.through).where(replay_progress.c.replay == replay)
    with reading(engine) as connection:
        through: datetime | None = connection.execute(query).scalar()
    return through


def save_sent(engine: Engine, replay: str, through: datetime) -> None:
    """Keep that all published before `through` is on the bus."""
    with writing(engine) as connection:
        statement = insert_for(connection)(replay_progress).values(replay=replay, through=through)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[replay_progress.c.replay],
                set_={"through": statement.excluded.through},
            )
        )
