"""Another model's scores beside a live pipeline, and in the place of those that counted."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_run import json_lines, undertone, wait_for
from tests.servers import free_port


def one(*arguments: str) -> dict[str, Any]:
    done = undertone(*arguments)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.timeout(600)
def test_scores_are_exchanged_beside_a_live_pipeline(tmp_path: Path) -> None:
    config = tmp_path / "undertone.yaml"
    config.write_text("default_feeds: false\ndata_dir: var\n", encoding="utf-8")
    store = tmp_path / "var" / "undertone.db"
    log = tmp_path / "output"
    port = str(free_port())

    def count(query: str) -> int:
        with closing(sqlite3.connect(store, timeout=60)) as connection:
            return int(connection.execute(query).fetchone()[0])

    rescore = ("rescore", "--model", "bundled:en-fast", "--json", "--config", str(config))
    with log.open("w") as output:
        pipeline = subprocess.Popen(
            [sys.executable, "-m", "monitor", "run", "--config", str(config), "--port", port],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        wait_for(lambda: "Critical:" in log.read_text(encoding="utf-8"), seconds=240)
        of_the_rule = "SELECT count(*) FROM alerts WHERE rule = 'company-surge'"
        wait_for(lambda: count(of_the_rule) > 0, seconds=60)
        wait_for(lambda: count("SELECT count(*) FROM articles") == 360, seconds=120)
        english = count("SELECT count(*) FROM articles WHERE language = 'en'")
        first = subprocess.Popen(
            [sys.executable, "-m", "monitor", *rescore], stdout=subprocess.PIPE, text=True
        )
        wait_for(
            lambda: count("SELECT count(*) FROM rescores") > 0 or first.poll() is not None, 240
        )
        first.kill()
        first.communicate()
        kept = count("SELECT count(*) FROM rescores")
        assert kept > 0
        told = json_lines(undertone("explain", "--all", "--json", "--config", str(config)).stdout)
        assert told and all(item["equal"] and not item["changed_since"] for item in told)

        beside = one(*rescore)
        assert (beside["scored"], beside["articles"]) == (english - kept, english)
        assert beside["adopted"] is False and beside["in_service_otherwise"].keys() == {"en"}
        assert 0 < beside["labels_changed"] < english
        assert count("SELECT count(*) FROM article_versions") == 0

        adopted = one(*rescore, "--adopt")
        assert (adopted["scored"], adopted["articles"]) == (0, english)
        assert adopted["labels"] == beside["labels"]
        assert count("SELECT count(DISTINCT model) FROM articles WHERE language = 'en'") == 1
        tallied = json_lines(
            undertone(
                "tallies", "--dimension", "language", "--bucket", "1d", "--json",
                "--config", str(config),
            ).stdout
        )  # fmt: skip
        assert sum(row["articles"] for row in tallied if row["key"] == "en") == english
        again = one(*rescore, "--adopt")
        assert (again["scored"], again["articles"], again["labels_changed"]) == (0, 0, 0)

        after = undertone("explain", "--all", "--json", "--config", str(config))
        assert [item["differences"] for item in json_lines(after.stdout)] == [[]] * len(told)
        assert after.returncode == 0
        assert any(
            "rescored" in item["changed_since"].values() for item in json_lines(after.stdout)
        )
        (record,) = json_lines(
            undertone("rescore", "--history", "--json", "--config", str(config)).stdout
        )
        assert record["articles"] == english and record["ended"]
        shown = undertone("rescore", "--model", "bundled:en-fast", "--config", str(config))
        assert "0 articles scored" in shown.stdout
        (alert, *_) = told
        title = alert["articles"][0]["id"]
        assert undertone("retract", title, "--config", str(config)).returncode == 0
        assert undertone("explain", alert["id"], "--config", str(config)).returncode == 0
        gone = undertone("retract", title, "--config", str(config))
        assert gone.returncode == 1 and "no article" in gone.stderr
    finally:
        pipeline.send_signal(signal.SIGTERM)
        assert pipeline.wait(60) == 0


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "var"))
    for arguments, code, message in (
        (("--from", "2026-02-01", "--to", "2026-01-01"), 2, "is not before --to"),
        (("--history", "--adopt"), 2, "--history goes alone"),
        (("--model", "nothing"), 1, "is no directory and no version"),
        (("--model", "bundled:en-fast", "--language", "zh"), 1, "no article in zh is stored"),
        ((), 1, "no article is stored"),
    ):
        done = undertone("rescore", *arguments, *data)
        assert done.returncode == code, done.stderr
        assert message in done.stderr
