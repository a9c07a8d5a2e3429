"""A model is exchanged while the score role runs."""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from models.journal import Promotion, append
from models.layout import HEADS
from models.manifest import MANIFEST, file_sha256
from models.registry import Registry
from models.watchlist import Watchlist
from monitor.bus.embedded import EmbeddedBus
from monitor.events import ARTICLES, SCORED, ArticleEvent, ScoredEvent, decode_scored, encode
from monitor.scoring import load_scorer, model_service
from monitor.settings import ModelSettings, Settings
from monitor.workers.model_watch import count_refusal
from monitor.workers.score import ScoreWorker
from tests.unit.models.tiny import WRONG, write_tiny

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)


def article(number: int) -> ArticleEvent:
    return ArticleEvent(
        id=f"a{number}",
        source="Wire",
        url="",
        title="Shares plunge",
        text="",
        language="en",
        published=NOW,
        first_seen=NOW,
        published_is_estimate=False,
        content_hash=f"h{number}",
    )


def failures() -> float:
    labels = {"role": "score", "kind": "invalid"}
    return REGISTRY.get_sample_value("undertone_failures_total", labels) or 0.0


class Desk:
    """The score role on a bus of its own, and a registry with two versions."""

    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder, models=ModelSettings(device="cpu", threads=1))
        self.registry = Registry(self.settings.model_registry)
        write_tiny(folder / "right", name="right")
        write_tiny(folder / "wrong", name="wrong", lessons=WRONG)
        self.right = self.registry.register(folder / "right")
        self.wrong = self.registry.register(folder / "wrong")
        self.bus = EmbeddedBus(folder / "bus.db")
        self.bus.create_topics((ARTICLES, SCORED), 1)
        self._stop = threading.Event()
        service = model_service(self.settings, count_refusal)
        worker = ScoreWorker(self.bus, service.start(), Watchlist([]), None, service.renewed, 0.05)
        self._thread = threading.Thread(target=worker.run, args=(self._stop,))
        self._thread.start()
        self._producer = self.bus.producer()
        self._consumer = self.bus.consumer(SCORED, "test")
        self._sent = 0

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self._consumer.close()
        self.bus.close()

    def promote(self, version: str) -> None:
        serving = self.registry.in_service("en")
        self.registry.promote(version, "en", expected=serving, by="ann", now=NOW)

    def spoil(self, version: str) -> None:
        """The disk changes what was promoted before anybody has opened it."""
        heads = self.registry.directory(version) / HEADS
        heads.chmod(0o644)
        heads.write_bytes(heads.read_bytes()[:-1] + b"\x07")
        manifest = self.registry.directory(version) / MANIFEST
        entry = Promotion(
            time=NOW,
            language="en",
            action="promote",
            version=version,
            previous=self.registry.in_service("en"),
            manifest_sha256=file_sha256(manifest),
            by="ann",
        )
        append(self.registry.journal, entry)

    def score_one(self) -> ScoredEvent:
        self._sent += 1
        self._producer.send(ARTICLES, 0, "key", encode(article(self._sent)))
        self._producer.flush()
        while True:
            for record in self._consumer.poll(10, 0.2):
                event = decode_scored(record.value)
                assert isinstance(event, ScoredEvent)
                assert event.article.id == f"a{self._sent}"
                return event


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.close()


def test_a_promoted_model_takes_over_and_a_broken_one_does_not(desk: Desk) -> None:
    assert desk.score_one().model.startswith("undertone-en-")
    desk.promote(desk.right)
    until(lambda: desk.score_one().model == desk.right)
    assert desk.score_one().negative > 0.5
    desk.registry.rollback("en", by="ann", now=NOW)
    until(lambda: desk.score_one().model.startswith("undertone-en-"))
    desk.promote(desk.right)
    until(lambda: desk.score_one().model == desk.right)
    before = failures()
    desk.spoil(desk.wrong)
    until(lambda: failures() == before + 1)
    assert desk.score_one().model == desk.right


def test_at_the_start_a_broken_version_is_passed_over(tmp_path: Path) -> None:
    write_tiny(tmp_path / "right", name="right")
    settings = Settings(data_dir=tmp_path, models=ModelSettings(device="cpu"))
    registry = Registry(settings.model_registry)
    version = registry.register(tmp_path / "right")
    registry.promote(version, "en", expected="bundled:en", by="ann", now=NOW)
    assert load_scorer(settings).identifiers["en"] == version
    (registry.directory(version) / HEADS).unlink()
    assert load_scorer(settings).identifiers["en"].startswith("undertone-en-")
