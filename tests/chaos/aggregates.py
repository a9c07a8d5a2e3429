"""One to four aggregate processes on four partitions: equal tallies, and what they wait for.

    python -m tests.chaos.aggregates [ARTICLES]

The same scored articles are counted anew into an empty PostgreSQL each time. Told are the time that
it took, how idle the processors were, and what the database's sessions waited for while they were
at work, by its own account (`pg_stat_activity`, looked at twenty times a second).
"""

import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from monitor.failures import Unavailable
from monitor.store.engine import reading
from tests.chaos.outcome import Rows, stored_tallies
from tests.chaos.roles import running
from tests.chaos.run import CALM_SECONDS, MODULE
from tests.chaos.world import PARTITIONS, Servers, Stream, World, servers, world

LOOK_SECONDS = 0.05
WAITS = text(
    "SELECT coalesce(wait_event_type || ' ' || wait_event, 'at work') AS what, count(*) AS sessions"
    " FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
    " AND pid <> pg_backend_pid() GROUP BY 1"
)


def main(articles: int) -> int:
    with tempfile.TemporaryDirectory(prefix="undertone-chaos-") as name:
        folder = Path(name)
        with servers(folder, 1) as found:
            stream = Stream.of(articles, 0)
            with world(found, stream, folder / "scored") as place:
                with running(place.config, MODULE):
                    assert place.wait(CALM_SECONDS + articles / 100)
                expected = stored_tallies(place.engine)
                equal = [_count(found, place, number, expected) for number in range(1, 5)]
    return 0 if all(equal) else 1


def _count(found: Servers, before: World, processes: int, expected: Rows) -> bool:
    found.database.create()
    place = World(found, before.stream, before.config, before.hook)
    try:
        with running(place.config, MODULE, {"aggregate": processes}), _waits(place.engine) as waits:
            while not place.stored():
                time.sleep(LOOK_SECONDS)
            begun, idle_before = time.monotonic(), _idle_seconds()
            while not place.counted():
                time.sleep(LOOK_SECONDS)
            taken, idle = time.monotonic() - begun, _idle_seconds() - idle_before
        equal = stored_tallies(place.engine) == expected
    finally:
        place.close()
    total = sum(waits.values()) or 1
    shares = {what: round(count / total, 3) for what, count in waits.most_common(6)}
    said = {
        "aggregates": processes,
        "partitions": PARTITIONS,
        "articles_per_second": round(len(place.stream.articles) / taken),
        "idle_processors": round(idle / taken, 2),
        "sessions": shares,
        "tallies_equal": equal,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()
    return equal


@contextmanager
def _waits(engine: Engine) -> Iterator[Counter[str]]:
    seen: Counter[str] = Counter()
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_SECONDS):
            try:
                with reading(engine) as connection:
                    for row in connection.execute(WAITS):
                        seen[row.what] += row.sessions
            except Unavailable:
                continue

    thread = threading.Thread(target=look, name="waits", daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _idle_seconds() -> float:
    """Of all processors together, since the machine was started."""
    return float(Path("/proc/uptime").read_text(encoding="ascii").split()[1])


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
