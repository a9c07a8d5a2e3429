"""An installation with one of the stages that read the bus, for tests of dead letters."""

import contextlib
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from kafka import KafkaAdminClient
from kafka.structs import TopicPartition
from sqlalchemy import Engine, select

from models.scorer import Scorer
from models.watchlist import Watchlist
from monitor.bus import Bus, Record
from monitor.bus.embedded import EmbeddedBus
from monitor.bus.opening import open_bus
from monitor.cli import cli
from monitor.events import (
    ARTICLES,
    DEAD_LETTER_TOPICS,
    SCORED,
    ArticleEvent,
    ScoredEvent,
    decode_scored,
    story_key,
)
from monitor.settings import InvalidRecordSettings, Settings, load_settings
from monitor.store.engine import open_store, reading
from monitor.store.ingestion import positions
from monitor.store.schema import articles
from monitor.workers import aggregate, score
from tests.integration.test_run import json_lines
from tests.servers import ON_SMALL_BROKER
from tests.unit.monitor.stories_data import scored

LARGEST_TAKEN_BYTES = 30_000_000
ORIGIN = {"score": ARTICLES, "aggregate": SCORED}


@dataclass(frozen=True)
class Place:
    """A configured installation, and its stage under test."""

    stage: str
    config: Path
    settings: Settings
    bus: Bus
    engine: Engine
    scorer: Scorer | None

    @property
    def origin(self) -> str:
        return ORIGIN[self.stage]

    @property
    def letters(self) -> str:
        return DEAD_LETTER_TOPICS[self.stage]

    def dlq(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        answer = self.plain(*arguments, "--json", code=code)
        return json_lines(answer)

    def plain(self, *arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(
            cli, ["dlq", *arguments, "--config", str(self.config)], catch_exceptions=False
        )
        assert result.exit_code == code, result.output
        return result.stdout

    def send(self, key: str, value: bytes | None) -> None:
        producer = self.bus.producer()
        producer.send(self.origin, 0, key, value)
        producer.close()

    def work(self, limit: InvalidRecordSettings | None = None) -> None:
        """Let the stage read all there is."""
        limit = limit or self.settings.invalid_records
        end = self.bus.end_offsets(self.origin)
        stop = threading.Event()
        failed: list[BaseException] = []

        def run() -> None:
            try:
                if self.stage == "aggregate":
                    aggregate.run(self.bus, self.engine, stop, limit)
                else:
                    assert self.scorer is not None
                    worker = score.ScoreWorker(
                        self.bus, self.scorer, Watchlist([]), watch_seconds=3_600, limit=limit
                    )
                    worker.run(stop)
            except BaseException as error:  # raised on the test's thread
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        deadline = time.monotonic() + 90
        while self.done() != end and thread.is_alive():
            assert time.monotonic() < deadline, f"{self.done()} of {end}"
            time.sleep(0.1)
        stop.set()
        thread.join(60)
        if failed:
            raise failed[0]

    def done(self) -> Mapping[int, int]:
        if self.stage == "score":
            return self.bus.committed(ARTICLES, "score")
        found = positions(self.engine, "aggregate", [(SCORED, 0)])
        return {partition: offset for (_, partition), offset in found.items()}

    def processed(self) -> list[str]:
        """Ids of the articles that came out of the stage."""
        if self.stage == "score":
            events = [decode_scored(record.value) for record in self.bus.read(SCORED, 0)]
            return sorted(event.article.id for event in events if isinstance(event, ScoredEvent))
        with reading(self.engine) as connection:
            return sorted(connection.execute(select(articles.c.id)).scalars())

    def sent(self, first: int = 0) -> list[Record]:
        return list(self.bus.read(self.origin, 0, first))

    def forget(self, before: int) -> None:
        """Let retention take the origin's records below an offset."""
        if isinstance(self.bus, EmbeddedBus):
            with self.bus.transaction() as connection:
                connection.execute(
                    "DELETE FROM log WHERE topic = ? AND offset < ?", (self.origin, before)
                )
        else:
            admin = KafkaAdminClient(bootstrap_servers=self.settings.bus.bootstrap_servers)
            name = self.settings.bus.topic_prefix + self.origin
            admin.delete_records({TopicPartition(name, 0): before})
            admin.close()


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.load()


@pytest.fixture(params=["embedded", "kafka"])
def bus_lines(request: pytest.FixtureRequest) -> str:
    """The bus as the configuration names it; on Kafka its topics take large records."""
    if request.param == "embedded":
        return ""
    if ON_SMALL_BROKER:
        pytest.skip("the small broker takes no record of 20 MB")
    servers, prefix = request.getfixturevalue("kafka"), f"d{uuid.uuid4().hex[:8]}."
    admin = KafkaAdminClient(bootstrap_servers=servers)
    spec = {
        "num_partitions": 1,
        "replication_factor": 1,
        "configs": {"max.message.bytes": str(LARGEST_TAKEN_BYTES)},
    }
    admin.create_topics({prefix + ARTICLES: spec, prefix + SCORED: spec}, wait_for_metadata=True)
    admin.close()
    return f"bus:\n  kind: kafka\n  bootstrap_servers: {servers}\n  topic_prefix: {prefix}\n"


@contextlib.contextmanager
def opened(folder: Path, bus_lines: str, stage: str, scorer: Scorer | None) -> Iterator[Place]:
    config = folder / "undertone.yaml"
    config.write_text(f"data_dir: var\nsample: false\n{bus_lines}", encoding="utf-8")
    settings = load_settings(config, {})
    settings.data_dir.mkdir()
    bus, engine = open_bus(settings), open_store(settings.store_url)
    try:
        yield Place(stage, config, settings, bus, engine, scorer)
    finally:
        bus.close()
        engine.dispose()


@pytest.fixture(params=["aggregate", "score"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, bus_lines: str, scorer: Scorer
) -> Iterator[Place]:
    with opened(tmp_path, bus_lines, request.param, scorer) as found:
        yield found


@pytest.fixture
def counting(tmp_path: Path, bus_lines: str) -> Iterator[Place]:
    """The stage that counts alone: where the stages do not differ."""
    with opened(tmp_path, bus_lines, "aggregate", None) as found:
        yield found


def event(stage: str, name: str) -> ScoredEvent | ArticleEvent:
    """An article of its own story, as the stage reads it."""
    found = scored(name, title=f"Bank fails, says {name}")
    return found if stage == "aggregate" else found.article


def key_of(name: str) -> str:
    return story_key(f"Bank fails, says {name}", name)
