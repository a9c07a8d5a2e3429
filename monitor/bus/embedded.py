"""The bus of one machine: topics, partitions, groups and offsets in a SQLite file.

Several processes share the file (write-ahead log). Within a group one member at a time holds a
topic, by a lease that it renews while it polls; another waits in reserve and takes over when the
lease runs out.
"""

import contextlib
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from monitor.bus.protocol import Positions, Record, TopicPartition
from monitor.failures import Unavailable, UsageError

LEASE_SECONDS = 10.0
POLL_INTERVAL_SECONDS = 0.05
BUSY_TIMEOUT_SECONDS = 30.0
TRIM_EVERY_RECORDS = 5_000

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
CREATE TABLE IF NOT EXISTS offsets (
    grp TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    next_offset INTEGER NOT NULL, PRIMARY KEY (grp, topic, partition)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS leases (
    grp TEXT NOT NULL, topic TEXT NOT NULL, owner TEXT NOT NULL, process INTEGER NOT NULL,
    expires REAL NOT NULL, PRIMARY KEY (grp, topic)) WITHOUT ROWID;
"""


class EmbeddedBus:
    """A bus in one SQLite file; `retention_seconds` is how long read records are kept."""

    def __init__(self, path: Path, retention_seconds: float = 7 * 86_400) -> None:
        self._path = path
        self._retention_seconds = retention_seconds
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        with self._answers() as connection:
            connection.executescript(_SCHEMA)
            connection.execute(
                "INSERT INTO identity VALUES (1, ?) ON CONFLICT DO NOTHING", (uuid.uuid4().hex,)
            )

    def identity(self) -> str:
        with self._answers() as connection:
            (value,) = connection.execute("SELECT value FROM identity").fetchone()
            return str(value)

    def create_topics(self, topics: Sequence[str], partitions: int) -> None:
        with self.transaction() as connection:
            for topic in topics:
                connection.execute(
                    "INSERT INTO topics VALUES (?, ?) ON CONFLICT DO NOTHING", (topic, partitions)
                )
                (existing,) = connection.execute(
                    "SELECT partitions FROM topics WHERE topic = ?", (topic,)
                ).fetchone()
                if existing != partitions:
                    raise UsageError(
                        f"topic '{topic}' has {existing} partitions, {partitions} are configured "
                        f"(bus.partitions)"
                    )
                connection.executemany(
                    "INSERT INTO heads VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                    [(topic, partition) for partition in range(partitions)],
                )

    def partitions(self, topic: str) -> int:
        with self._answers() as connection:
            row = connection.execute(
                "SELECT partitions FROM topics WHERE topic = ?", (topic,)
            ).fetchone()
        if row is None:
            raise Unavailable(f"bus: topic '{topic}' does not exist yet")
        return int(row[0])

    def producer(self) -> "EmbeddedProducer":
        return EmbeddedProducer(self)

    def consumer(
        self, topic: str, group: str, positions: Positions | None = None
    ) -> "EmbeddedConsumer":
        return EmbeddedConsumer(self, topic, group, positions)

    def read(
        self, topic: str, partition: int, first: int = 0, until: int | None = None
    ) -> Iterator[Record]:
        end = self.end_offsets(topic).get(partition, 0)
        until = end if until is None else min(end, until)
        while first < until:
            with self._answers() as connection:
                # One at a time: a record may be large, and a reader may want the first one only.
                row = connection.execute(
                    "SELECT offset, key, value FROM log WHERE topic = ? AND partition = ?"
                    " AND offset >= ? AND offset < ? ORDER BY offset LIMIT 1",
                    (topic, partition, first, until),
                ).fetchone()
            if row is None:
                return
            yield Record(topic, partition, *row)
            first = row[0] + 1

    def end_offsets(self, topic: str) -> dict[int, int]:
        with self._answers() as connection:
            return dict(
                connection.execute(
                    "SELECT partition, next_offset FROM heads WHERE topic = ?", (topic,)
                ).fetchall()
            )

    def committed(self, topic: str, group: str) -> dict[int, int]:
        with self._answers() as connection:
            return dict(
                connection.execute(
                    "SELECT partition, next_offset FROM offsets WHERE topic = ? AND grp = ?",
                    (topic, group),
                ).fetchall()
            )

    def close(self) -> None:
        with self._guard:
            for connection in self._connections:
                connection.close()
            self._connections.clear()

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
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = NORMAL")
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
                self._local.connection = connection
                with self._guard:
                    self._connections.append(connection)
            yield connection
        except sqlite3.OperationalError as error:
            raise Unavailable(f"bus file {self._path}: {error}") from error

    def trim(self, topic: str, now: float) -> None:
        """Drop records that every group has read and that are older than the retention."""
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM log WHERE topic = ?1 AND appended < ?2 AND offset < coalesce("
                " (SELECT min(next_offset) FROM offsets"
                "  WHERE offsets.topic = ?1 AND offsets.partition = log.partition), 0)",
                (topic, now - self._retention_seconds),
            )
        with self._answers() as connection:
            connection.execute("PRAGMA incremental_vacuum")


class EmbeddedProducer:
    def __init__(self, bus: EmbeddedBus) -> None:
        self._bus = bus
        self._pending: dict[TopicPartition, list[tuple[str, bytes | None]]] = {}
        self._sent_since_trim: dict[str, int] = {}

    def send(self, topic: str, partition: int, key: str, value: bytes | None) -> None:
        self._pending.setdefault((topic, partition), []).append((key, value))

    def flush(self) -> None:
        pending, self._pending = self._pending, {}
        if not pending:
            return
        now = time.time()
        with self._bus.transaction() as connection:
            for (topic, partition), records in pending.items():
                row = connection.execute(
                    "UPDATE heads SET next_offset = next_offset + ?"
                    " WHERE topic = ? AND partition = ? RETURNING next_offset",
                    (len(records), topic, partition),
                ).fetchone()
                if row is None:
                    raise Unavailable(f"bus: topic '{topic}' has no partition {partition}")
                first = row[0] - len(records)
                connection.executemany(
                    "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?)",
                    [
                        (topic, partition, first + number, key, value, now)
                        for number, (key, value) in enumerate(records)
                    ],
                )
        for (topic, _), records in pending.items():
            sent = self._sent_since_trim.get(topic, 0) + len(records)
            if sent >= TRIM_EVERY_RECORDS:
                self._bus.trim(topic, now)
                sent = 0
            self._sent_since_trim[topic] = sent

    def close(self) -> None:
        self.flush()


class EmbeddedConsumer:
    def __init__(
        self, bus: EmbeddedBus, topic: str, group: str, positions: Positions | None
    ) -> None:
        self._bus = bus
        self._topic = topic
        self._group = group
        self._positions_of = positions
        self._owner = uuid.uuid4().hex
        self._next: dict[int, int] = {}
        self._lease_until = 0.0

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = time.monotonic() + timeout_seconds
        while True:
            records = self._read(max_records) if self._hold_lease() else []
            if records:
                return records
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return []
            time.sleep(min(POLL_INTERVAL_SECONDS, remaining))

    def _hold_lease(self) -> bool:
        """Renew or take the group's lease; on taking it, ask where to start."""
        now = time.time()
        if now < self._lease_until - LEASE_SECONDS / 2:
            return True
        held = now < self._lease_until
        with self._bus.transaction() as connection:
            row = connection.execute(
                "SELECT owner, process, expires FROM leases WHERE grp = ? AND topic = ?",
                (self._group, self._topic),
            ).fetchone()
            if row is not None and row[0] != self._owner:
                held = False
                if row[2] > now and _is_alive(row[1]):
                    self._next.clear()
                    return False
            connection.execute(
                "INSERT INTO leases VALUES (?, ?, ?, ?, ?) ON CONFLICT (grp, topic) DO UPDATE"
                " SET owner = excluded.owner, process = excluded.process,"
                " expires = excluded.expires",
                (self._group, self._topic, self._owner, os.getpid(), now + LEASE_SECONDS),
            )
        self._lease_until = now + LEASE_SECONDS
        if not held:
            self._start_positions()
        return True

    def _start_positions(self) -> None:
        assigned = [(self._topic, number) for number in range(self._bus.partitions(self._topic))]
        committed = self._bus.committed(self._topic, self._group)
        known = self._positions_of(assigned) if self._positions_of else {}
        self._next = {
            partition: known.get((topic, partition), committed.get(partition, 0))
            for topic, partition in assigned
        }

    def _read(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        with self._bus._answers() as connection:
            for partition, position in self._next.items():
                rows = connection.execute(
                    "SELECT offset, key, value FROM log"
                    " WHERE topic = ? AND partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
                    (self._topic, partition, position, max_records - len(records)),
                ).fetchall()
                records += [Record(self._topic, partition, *row) for row in rows]
                if rows:
                    self._next[partition] = rows[-1][0] + 1
                if len(records) >= max_records:
                    break
        if records and len(self._next) > 1:
            # The partition that was read goes to the end of the line, so that none starves.
            for partition in {record.partition for record in records}:
                self._next[partition] = self._next.pop(partition)
        return records

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        with self._bus.transaction() as connection:
            connection.executemany(
                "INSERT INTO offsets VALUES (?, ?, ?, ?) ON CONFLICT (grp, topic, partition)"
                " DO UPDATE SET next_offset = excluded.next_offset",
                [
                    (self._group, topic, partition, offset)
                    for (topic, partition), offset in positions.items()
                ],
            )

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._next[partition[1]] = offset

    def close(self) -> None:
        with self._bus.transaction() as connection:
            connection.execute(
                "DELETE FROM leases WHERE grp = ? AND topic = ? AND owner = ?",
                (self._group, self._topic, self._owner),
            )


def _is_alive(process: int) -> bool:
    """Whether a process of this machine still runs; the bus file is never shared by machines."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
