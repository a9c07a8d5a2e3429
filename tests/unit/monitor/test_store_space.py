"""The file of a SQLite store gets smaller by what was deleted."""

import contextlib
import sqlite3
from pathlib import Path

from sqlalchemy import delete

from monitor.store.engine import give_space_back, open_store, writing
from monitor.store.ingestion import apply
from monitor.store.schema import articles
from tests.unit.monitor.stories_data import scored

PAGES = 1_000_000
PAGE_BYTES = 4_096


def test_the_file_shrinks_by_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    engine = open_store(f"sqlite:///{path}")
    apply(engine, [scored(f"{number}", f"Story {number} " * 40) for number in range(2_000)], None)
    full = _size(path)
    with writing(engine) as connection:
        connection.execute(delete(articles))
    assert _size(path) == full
    give_space_back(engine, 10)
    assert _size(path) == full - 10 * PAGE_BYTES
    give_space_back(engine, PAGES)
    assert _size(path) < full / 2
    engine.dispose()


def _size(path: Path) -> int:
    """Of the file, once what is in the log beside it has been moved there."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return path.stat().st_size
