"""The bus of one machine: topics, partitions, groups and offsets in a SQLite file.

Several processes share the file (write-ahead log). Within a group one member at a time holds a
topic, by a lease that it renews while it polls; another waits in reserve and takes over when the
lease runs out.
"""

import logging
import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from monitor.bus.embedded_file import BusFile
from monitor.bus.protocol import Positions, Record, TopicPartition
from monitor.bus.topics import AS_USUAL, FoundTopic, TopicSettings, differences, missing
from monitor.failures import Unavailable, UsageError
from monitor.record_headers import Headers

LOG = logging.getLogger(__name__)
_headers = msgspec.json.Decoder(Headers)
LEASE_SECONDS = 10.0
POLL_INTERVAL_SECONDS = 0.02
RESERVE_INTERVAL_SECONDS = 0.05
"""Asking for a lease that another holds is a write."""
TRIM_EVERY_RECORDS = 5_000


class EmbeddedBus(BusFile):
    """A bus in one SQLite file; a topic's retention is how long read records are kept."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._wanted: dict[str, TopicSettings] = {}

    def identity(self) -> str:
        with self._answers() as connection:
            (value,) = connection.execute("SELECT value FROM identity").fetchone()
            return str(value)

    def create_topics(
        self, topics: Sequence[str], partitions: int, wanted: TopicSettings = AS_USUAL
    ) -> None:
        with self.transaction() as connection:
            for topic in topics:
                if wanted.create:
                    connection.execute(
                        "INSERT INTO topics VALUES (?, ?) ON CONFLICT DO NOTHING",
                        (topic, partitions),
                    )
                row = connection.execute(
                    "SELECT partitions FROM topics WHERE topic = ?", (topic,)
                ).fetchone()
                if row is None:
                    raise UsageError(f"{missing(topic)} in {self._path}")
                # One file is one replica, and nothing of a topic is configured but its retention.
                found = FoundTopic(topic, row[0], wanted.replication_factor, {})
                for difference in differences(found, partitions, wanted):
                    raise UsageError(str(difference))
                connection.executemany(
                    "INSERT INTO heads VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
                    [(topic, partition) for partition in range(partitions)],
                )
                self._wanted[topic] = wanted
        if not wanted.keep_unread:
            # There are few of them: too few for the look at every so many records that are sent.
            for topic in topics:
                self.trim(topic, time.time())

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
                    "SELECT log.offset, key, value, headers FROM log"
                    " LEFT JOIN headers USING (topic, partition, offset)"
                    " WHERE topic = ? AND partition = ? AND log.offset >= ? AND log.offset < ?"
                    " ORDER BY log.offset LIMIT 1",
                    (topic, partition, first, until),
                ).fetchone()
            if row is None:
                return
            offset, key, value, headers = row
            yield Record(topic, partition, offset, key, value, _decoded(headers))
            first = offset + 1

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

    def trim(self, topic: str, now: float) -> None:
        """Drop records that are older than the retention, and that every group has read where the
        topic keeps what is unread. The file gets smaller by them."""
        wanted = self._wanted.get(topic, AS_USUAL)
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM log WHERE topic = ?1 AND appended < ?2 AND (NOT ?3 OR offset <"
                " coalesce((SELECT min(next_offset) FROM offsets"
                "  WHERE offsets.topic = ?1 AND offsets.partition = log.partition), 0))",
                (topic, now - wanted.retention_seconds, wanted.keep_unread),
            )
            # By range, not row by row: there is a row for each record that is kept.
            kept_from = connection.execute(
                "SELECT topic, partition, coalesce((SELECT min(offset) FROM log"
                " WHERE log.topic = heads.topic AND log.partition = heads.partition), next_offset)"
                " FROM heads WHERE topic = ?",
                (topic,),
            ).fetchall()
            connection.executemany(
                "DELETE FROM headers WHERE topic = ? AND partition = ? AND offset < ?", kept_from
            )
        with self._answers() as connection:
            # As a script: a single step of it frees a single page.
            connection.executescript("PRAGMA incremental_vacuum")


class EmbeddedProducer:
    def __init__(self, bus: EmbeddedBus) -> None:
        self._bus = bus
        self._pending: dict[TopicPartition, list[tuple[str, bytes | None, Headers]]] = {}
        self._sent_since_trim: dict[str, int] = {}

    def send(
        self, topic: str, partition: int, key: str, value: bytes | None, headers: Headers = ()
    ) -> None:
        self._pending.setdefault((topic, partition), []).append((key, value, headers))

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
                        for number, (key, value, _) in enumerate(records)
                    ],
                )
                connection.executemany(
                    "INSERT INTO headers VALUES (?, ?, ?, ?)",
                    [
                        (topic, partition, first + number, msgspec.json.encode(headers))
                        for number, (_, _, headers) in enumerate(records)
                        if headers
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
        self._paused = False

    def poll(self, max_records: int, timeout_seconds: float) -> list[Record]:
        deadline = time.monotonic() + timeout_seconds
        seen = None
        while True:
            held = self._hold_lease()
            # Before the read, so that what is written meanwhile is read the next time.
            version = self._bus.version()
            if held and not self._paused and version != seen:
                records = self._read(max_records)
                if records:
                    return records
                seen = version
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                return []
            interval = POLL_INTERVAL_SECONDS if held else RESERVE_INTERVAL_SECONDS
            time.sleep(min(interval, remaining))

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
        if not held:
            self._start_positions()
        # Only now: where the positions are not to be had, the next poll asks again.
        self._lease_until = now + LEASE_SECONDS
        return True

    def _start_positions(self) -> None:
        assigned = [(self._topic, number) for number in range(self._bus.partitions(self._topic))]
        committed = self._bus.committed(self._topic, self._group)
        known = self._positions_of(assigned) if self._positions_of else {}
        wanted = {
            partition: known.get((topic, partition), committed.get(partition, 0))
            for topic, partition in assigned
        }
        # As on Kafka: a file that was put back from before does not have what was read of it.
        ends = self._bus.end_offsets(self._topic)
        self._next = {
            partition: offset if offset <= ends.get(partition, 0) else 0
            for partition, offset in wanted.items()
        }
        # A caller that was killed between its store and us left the group's offset behind.
        self.commit(known)

    def _read(self, max_records: int) -> list[Record]:
        records: list[Record] = []
        with self._bus._answers() as connection:
            for partition, position in self._next.items():
                rows = connection.execute(
                    "SELECT log.offset, key, value, headers FROM log"
                    " LEFT JOIN headers USING (topic, partition, offset)"
                    " WHERE topic = ? AND partition = ? AND log.offset >= ?"
                    " ORDER BY log.offset LIMIT ?",
                    (self._topic, partition, position, max_records - len(records)),
                ).fetchall()
                records += [
                    Record(self._topic, partition, offset, key, value, _decoded(headers))
                    for offset, key, value, headers in rows
                ]
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
            row = connection.execute(
                "SELECT owner FROM leases WHERE grp = ? AND topic = ?", (self._group, self._topic)
            ).fetchone()
            if row is None or row[0] != self._owner:
                LOG.info("offsets of %s were not committed, the group has moved on", self._group)
                return
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

    def restart(self, partition: TopicPartition) -> None:
        # All partitions are one lease: whether it is still ours is asked with it.
        self._lease_until = 0.0

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def close(self) -> None:
        with self._bus.transaction() as connection:
            connection.execute(
                "DELETE FROM leases WHERE grp = ? AND topic = ? AND owner = ?",
                (self._group, self._topic, self._owner),
            )


def _decoded(headers: bytes | None) -> Headers:
    return () if headers is None else _headers.decode(headers)


def _is_alive(process: int) -> bool:
    """Whether a process of this machine still runs; the bus file is never shared by machines."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
