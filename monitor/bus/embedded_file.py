"""The SQLite file of the embedded bus: its tables, and a connection for each thread."""

import contextlib
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from monitor.failures import Unavailable

BUSY_TIMEOUT_SECONDS = 30.0

# Headers have a table of their own, so that a version that knows none goes on writing to the log.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (
    topic TEXT PRIMARY KEY, partitions INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS identity (
    one INTEGER PRIMARY KEY CHECK (one = 1), value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heads (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL,
    PRIMARY KEY (topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    key TEXT NOT NULL, value BLOB, appended REAL NOT NULL,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS headers (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, headers BLOB NOT NULL,
    PRIMARY KEY (topic, partition, offset)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS offsets (
    grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL, PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    grp TEXT NOT NULL, topic TEXT NOT NULL, owner TEXT NOT NULL, process INTEGER NOT NULL,
    expires REAL NOT NULL, PRIMARY KEY (grp, topic)) WITHOUT ROWID;
"""


class BusFile:
    """The file, made where it is missing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        with self._answers() as connection:
            connection.executescript(_SCHEMA)
            connection.execute(
                "INSERT INTO identity VALUES (1, ?) ON CONFLICT DO NOTHING", (uuid.uuid4().hex,)
            )

    def close(self) -> None:
        with self._guard:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

    def version(self) -> int:
        """Changes with each commit that another connection has made: a look that costs hardly
        anything. What this thread has written itself changes nothing."""
        with self._answers() as connection:
            (value,) = connection.execute("PRAGMA data_version").fetchone()
            return int(value)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A write transaction: all of it, or nothing."""
        with self._answers() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def _answers(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection; SQLite's operational errors become Unavailable."""
        try:
            connection = getattr(self._local, "connection", None)
            if connection is None:
                connection = sqlite3.connect(
                    self._path,
                    timeout=BUSY_TIMEOUT_SECONDS,
                    isolation_level=None,
                    check_same_thread=False,
                )
                # First, or never: WAL writes a new file's first page. Later it would only wait for
                # writers.
                if connection.execute("PRAGMA page_count").fetchone() == (0,):
                    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                connection.execute("PRAGMA journal_mode = WAL")
                # Each commit is on the disk: after a power cut the log would else end before what
                # the store, or a feed's state in it, says was read of it or sent to it.
                connection.execute("PRAGMA synchronous = FULL")
                self._local.connection = connection
                with self._guard:
                    self._connections.append(connection)
            yield connection
        except sqlite3.OperationalError as error:
            raise Unavailable(f"bus file {self._path}: {error}") from error
