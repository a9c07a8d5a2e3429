"""An installation over real servers: what chaos strikes, and what comes out of it."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import Engine, func, select

from alerts.series import BUCKET_SECONDS
from ingest.archives import read_archive
from ingest.article import Article
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.cli.init import TEMPLATES
from monitor.failures import Unavailable
from monitor.settings import DEFAULT_RULES, load_settings
from monitor.store import follow_ups
from monitor.store.engine import connect_store, reading
from monitor.store.ingestion import watermarks
from monitor.store.schema import articles, detector_progress, outbox
from monitor.stories import bucket_of
from tests.chaos import brokers, database, guard, proxy
from tests.integration.test_run import json_lines, undertone
from tests.paths import ROOT, shared
from tests.unit.alerts.servers import Hook, webhook

PARTITIONS = 4
POLL_SECONDS = 10.0
ARCHIVES = ("press-2018-2019", "flash-2026")
"""In order of time, so that what is late does not depend on the faults."""
MODELS = {"english": "en-risk.jsonl", "chinese": "zh-finance.jsonl"}


@dataclass(frozen=True)
class Servers:
    """What outlives a run."""

    brokers: brokers.Brokers
    database: database.Database
    wire: proxy.Wire
    models: Mapping[str, str]


@dataclass(frozen=True)
class Stream:
    """The articles of a run, in order of time; the whole takes `seconds`, or no time if 0."""

    articles: Sequence[Article]
    limits: Mapping[str, int]
    seconds: float

    @staticmethod
    def of(count: int, seconds: float, archives: Sequence[str] = ARCHIVES) -> "Stream":
        taken: list[Article] = []
        limits: dict[str, int] = {}
        for name in archives:
            rows = read_archive(shared("data", "archives", f"{name}.jsonl.gz"))
            found = sorted(
                (row for row in rows if isinstance(row, Article)),
                key=lambda item: (item.published, item.id),
            )[: count - len(taken)]
            limits[name] = len(found)
            taken += found
        return Stream(taken, {name: limit for name, limit in limits.items() if limit}, seconds)

    def replays(self) -> list[dict[str, Any]]:
        begin, plan = 0, []
        for name, limit in self.limits.items():
            part = self.articles[begin : begin + limit]
            begin += limit
            span = (part[-1].published - part[0].published).total_seconds()
            share = self.seconds * limit / len(self.articles)
            plan.append(
                {
                    "path": str(shared("data", "archives", f"{name}.jsonl.gz")),
                    "limit": limit,
                    "speed": span / share if share else 0,
                }
            )
        return plan


class World:
    """One installation on the servers, with topics and a database of its own, which the version in
    `root` has migrated."""

    def __init__(
        self, servers: Servers, stream: Stream, config: Path, hook: Hook, root: Path = ROOT
    ) -> None:
        self.servers = servers
        self.stream = stream
        self.config = config
        self.hook = hook
        command(root, "tallies", "--json", "--config", str(config))
        self.engine: Engine = connect_store(load_settings(config, {}).store_url)
        guard.install(self.engine)
        bus = load_settings(config, {}).bus
        self.bus = KafkaBus(KafkaConnection(bus.bootstrap_servers), bus.topic_prefix)

    def stored(self) -> int:
        with reading(self.engine) as connection:
            return int(connection.execute(select(func.count()).select_from(articles)).scalar_one())

    def unfinished(self) -> str:
        """What is still to be counted, folded or delivered; empty once nothing is."""
        try:
            return self._unfinished()
        except Unavailable as failure:
            return f"the store does not answer: {failure}"

    def counted(self) -> bool:
        """Whether all is counted."""
        marks = watermarks(self.engine, "aggregate", "scored", PARTITIONS)
        last = bucket_of(self.stream.articles[-1].published) + BUCKET_SECONDS
        return marks is not None and marks[1].timestamp() >= last

    def _unfinished(self) -> str:
        marks = watermarks(self.engine, "aggregate", "scored", PARTITIONS)
        if marks is None or not self.counted():
            return f"counted up to {marks and marks[1]}"
        with reading(self.engine) as connection:
            settled = list(connection.execute(select(detector_progress.c.settled)).scalars())
            owed = connection.execute(
                select(func.count())
                .select_from(outbox)
                .where(outbox.c.state.in_(("queued", follow_ups.QUEUED)))
            ).scalar_one()
        lateness = max(rule.lateness for rule in load_settings(self.config, {}).rule_file.rules)
        due = bucket_of(marks[1]) - lateness - BUCKET_SECONDS
        behind = [item for item in settled if not item or item < due]
        if behind or not settled:
            return f"{len(behind)} of {len(settled)} rules settled less than {due}: {behind[:3]}"
        return f"{owed} messages are queued" if owed else ""

    def wait(self, seconds: float) -> bool:
        """Whether it has finished within so long; one more round of the detector sees the end."""
        deadline = time.monotonic() + seconds
        while self.unfinished():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.5)
        time.sleep(3)
        return not self.unfinished()

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        answer = undertone(*arguments, "--json", "--config", str(self.config))
        assert answer.returncode == 0, answer.stderr
        return json_lines(answer.stdout)

    def close(self) -> None:
        self.engine.dispose()
        self.bus.close()


@contextlib.contextmanager
def servers(folder: Path, broker_count: int, root: Path = ROOT) -> Iterator[Servers]:
    """Kafka, PostgreSQL behind a wire, and two small models of n-grams that the version in `root`
    has trained."""
    with contextlib.ExitStack() as left:
        cluster = left.enter_context(brokers.brokers(folder / "kafka", broker_count))
        store = left.enter_context(database.database())
        line = left.enter_context(proxy.wire(store.socket))
        yield Servers(cluster, store, line, small_models(folder, root))


@contextlib.contextmanager
def world(servers: Servers, stream: Stream, folder: Path, root: Path = ROOT) -> Iterator[World]:
    """An installation with nothing in it yet, made by the version in `root`, with its rules."""
    folder.mkdir()
    servers.database.create()
    with contextlib.ExitStack() as left:
        hook = left.enter_context(webhook("/services/T0/B0/chaos"))
        made = World(
            servers, stream, _write_config(servers, stream, folder, hook, root), hook, root
        )
        left.callback(made.close)
        yield made


def _write_config(servers: Servers, stream: Stream, folder: Path, hook: Hook, root: Path) -> Path:
    config = folder / "undertone.yaml"
    settings = {
        "data_dir": "var",
        "sample": False,
        "default_feeds": False,
        "rules": str(root / DEFAULT_RULES.relative_to(ROOT)),
        "watchlist": str(root / (TEMPLATES / "watchlist.yaml").relative_to(ROOT)),
        "models": {**servers.models, "threads": 1},
        "replays": stream.replays(),
        "channels": [{"name": "desk", "type": "slack", "webhook_url": hook.url}],
        "store": {
            "url": f"postgresql://{servers.database.user}@127.0.0.1:{servers.wire.port}/"
            f"{database.NAME}"
        },
        "bus": {
            "kind": "kafka",
            "bootstrap_servers": servers.brokers.addresses,
            "topic_prefix": f"{folder.name}.",
            "partitions": PARTITIONS,
            "replication_factor": servers.brokers.count,
            "max_poll_seconds": POLL_SECONDS,
        },
    }
    with config.open("w", encoding="utf-8") as file:
        YAML().dump(settings, file)
    return config


def small_models(folder: Path, root: Path) -> dict[str, str]:
    """Models that cost next to nothing: the processor is for the rest."""
    for language, texts in MODELS.items():
        train = ["train", "--method", "linear", "--language", language[:2].replace("ch", "zh")]
        train += ["--train", str(root / "models" / "data" / texts)]
        command(root, *train, "--output", str(folder / language))
    return {language: str(folder / language) for language in MODELS}


def command(root: Path, *arguments: str) -> None:
    """Run a command of the version in `root`; raises CalledProcessError."""
    subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        cwd=root,
        check=True,
        capture_output=True,
        timeout=120,
    )
