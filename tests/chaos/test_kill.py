"""On one machine, too, roles that are killed leave the tallies and alerts of an undisturbed run."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from alerts.series import BUCKET_SECONDS
from ingest.archives import read_archive
from ingest.article import Article
from monitor.cli.init import TEMPLATES
from monitor.settings import load_settings
from monitor.store.engine import open_store, reading
from monitor.store.ingestion import watermarks
from monitor.store.schema import articles, detector_progress
from monitor.stories import bucket_of
from tests.chaos.world import small_models
from tests.integration.test_run import json_lines, undertone
from tests.paths import ROOT, needs_shared, shared

COUNT = 1_000
KILLED = ("aggregate", "score", "aggregate", "score", "ingest", "detect")
ROLES = ("ingest", "score", "aggregate", "detect")
SECONDS_AN_ARTICLE = 0.1
LONGEST_LATENESS_SECONDS = 21_600


class Run:
    """The roles as processes of their own, over one replay."""

    def __init__(self, folder: Path, models: Mapping[str, str], last_published: datetime) -> None:
        folder.mkdir()
        self.last_published = last_published
        self._log = (folder / "log").open("wb")
        self.config = folder / "undertone.yaml"
        self.config.write_text(
            "data_dir: var\nsample: false\ndefault_feeds: false\nchannels: []\n"
            f"models: {json.dumps({**models, 'threads': 1})}\n"
            f"watchlist: {json.dumps(str(TEMPLATES / 'watchlist.yaml'))}\n"
            f"replays:\n  - path: {shared('data', 'archives', 'flash-2026.jsonl.gz')}\n"
            f"    limit: {COUNT}\n",
            encoding="utf-8",
        )
        settings = load_settings(self.config, {})
        settings.data_dir.mkdir()
        self.engine: Engine = open_store(settings.store_url)
        self._processes = {role: self._start(role) for role in ROLES}

    def _start(self, role: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "monitor", role, "--config", str(self.config)]
        return subprocess.Popen(command, stdout=self._log, stderr=self._log)

    def kill(self, role: str) -> None:
        self._processes[role].send_signal(signal.SIGKILL)
        assert self._processes[role].wait(10) == -signal.SIGKILL
        self._processes[role] = self._start(role)

    def close(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
            process.kill()
        self.engine.dispose()
        self._log.close()

    def stored(self) -> int:
        with reading(self.engine) as connection:
            return int(connection.execute(select(func.count()).select_from(articles)).scalar_one())

    def finished(self) -> bool:
        """Whether all is counted and every rule has folded all that is settled."""
        marks = watermarks(self.engine, "aggregate", "scored", 1)
        if marks is None:
            return False
        # The last watermark closes the bucket of the last article.
        if marks[1].timestamp() < bucket_of(self.last_published) + BUCKET_SECONDS:
            return False
        with reading(self.engine) as connection:
            settled = list(connection.execute(select(detector_progress.c.settled)).scalars())
        due = bucket_of(marks[1]) - LONGEST_LATENESS_SECONDS - BUCKET_SECONDS
        return bool(settled) and all(value is not None and value >= due for value in settled)

    def ask(self, *arguments: str) -> list[dict[str, Any]]:
        answer = undertone(*arguments, "--json", "--config", str(self.config))
        assert answer.returncode == 0, answer.stderr
        return json_lines(answer.stdout)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120 + SECONDS_AN_ARTICLE * COUNT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def last_published() -> datetime:
    """When the last article of the replay was published."""
    rows = read_archive(shared("data", "archives", "flash-2026.jsonl.gz"))
    return sorted(row.published for row in rows if isinstance(row, Article))[COUNT - 1]


def outcome(
    folder: Path, models: Mapping[str, str], killed: Sequence[str]
) -> tuple[list[Any], list[Any]]:
    """Tallies and alerts; the roles are killed one after the other, at random points."""
    draw = random.Random(COUNT)
    points = sorted(draw.sample(range(COUNT), len(killed)))
    with ExitStack() as stack:
        run = Run(folder, models, last_published())
        stack.callback(run.close)
        for point, role in zip(points, killed, strict=True):
            wait_for(lambda point=point: run.stored() >= point)  # type: ignore[misc]
            time.sleep(draw.uniform(0, 0.3))
            run.kill(role)
        wait_for(run.finished)
        # One more round of the detector sees the last watermark.
        time.sleep(3)
        return run.ask("tallies"), run.ask("alerts", "list")


@needs_shared
@pytest.mark.timeout(600)
def test_kills_change_nothing(tmp_path: Path) -> None:
    models = small_models(tmp_path, ROOT)
    tallies, alerts = outcome(tmp_path / "undisturbed", models, ())
    assert alerts
    assert sum(row["articles"] for row in tallies if row["dimension"] == "all") > 0.95 * COUNT
    assert outcome(tmp_path / "killed", models, KILLED) == (tallies, alerts)
