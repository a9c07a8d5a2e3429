"""`undertone run` as a user starts it: the sample ends in an alert, everywhere it should show."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.directories import BUNDLED
from tests.servers import free_port


def undertone(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.5)


@pytest.mark.timeout(240)
def test_the_sample_ends_in_an_alert(tmp_path: Path) -> None:
    port, data = free_port(), str(tmp_path / "var")
    config = tmp_path / "undertone.yaml"
    config.write_text("default_feeds: false\ndata_dir: var\n", encoding="utf-8")
    log = tmp_path / "output"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "monitor", "run", "--config", str(config), "--port", str(port)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:

        def alerts() -> list[dict[str, Any]]:
            found = undertone("alerts", "list", "--json", "--data-dir", data)
            return json_lines(found.stdout)

        def surges() -> list[dict[str, Any]]:
            about = {"rule": "company-surge", "key": "Caldrennick Bank"}
            return [item for item in alerts() if about.items() <= item.items()]

        # The log costs nothing to ask; the command starts a process each time.
        wait_for(lambda: "Critical:" in log.read_text(encoding="utf-8"), seconds=120)
        wait_for(lambda: bool(surges()), seconds=30)
        (alert,) = surges()
        assert list(alert)[:13] == [
            "id", "rule", "dimension", "key", "state", "started", "value", "lower", "upper",
            "baseline", "stories", "negative", "top",
        ]  # fmt: skip
        assert alert["state"] == "firing"
        assert alert["top"] and all(
            "sample" in s["source"] or "示例" in s["source"] for s in alert["top"]
        )
        title = alert["top"][0]["title"]

        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            page = client.get("/")
            assert "Caldrennick Bank" in page.text
            assert "default-src 'self'" in page.headers["content-security-policy"]
            assert title.split("，")[0] in client.get(f"/alerts/{alert['id']}").text
            assert client.get("/alerts/unknown").status_code == 404
            explained = f"/alerts/{alert['id']}/explanation"
            assert client.get(f"/api{explained}").json()["differences"] == []
            assert "Equal" in client.get(explained).text
            assert client.get("/api/alerts/unknown/explanation").status_code == 404
            assert client.get("/healthz").text == "ok\n"
            assert client.get("/readyz").json()["newest_article"] is not None
            counted = 'undertone_articles_counted_total{result="inserted"} 360.0'
            wait_for(lambda: counted in client.get("/metrics").text, seconds=60)
            metrics = client.get("/metrics").text
            assert "undertone_publish_to_scored_seconds_bucket" in metrics

        tallies = json_lines(
            undertone(
                "tallies", "--dimension", "all", "--bucket", "1d", "--json", "--data-dir", data
            ).stdout
        )
        assert sum(row["articles"] for row in tallies) == 360
        assert sum(row["stories"] for row in tallies) == sum(
            row[name] for row in tallies for name in ("negative", "neutral", "positive")
        )
        told = undertone("explain", "--all", "--json", "--config", str(config))
        assert [row["differences"] for row in json_lines(told.stdout)] == [[]] * len(alerts())
        assert told.returncode == 0
        with closing(sqlite3.connect(tmp_path / "var" / "undertone.db")) as store, store:
            store.execute("UPDATE articles SET title = 'Other words' WHERE title = ?", [title])
        shown = undertone("explain", alert["id"], "--config", str(config))
        assert shown.returncode == 4
        assert "not equal: top, evidence" in shown.stdout
        second = undertone("run", "--config", str(config), "--port", str(free_port()))
        assert second.returncode == 2
        assert "already runs" in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_errors_are_clear_and_end_with_their_code(tmp_path: Path) -> None:
    config = tmp_path / "bad.yaml"
    config.write_text("web:\n  prot: 9000\n", encoding="utf-8")
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    not_parquet = tmp_path / "news.parquet"
    not_parquet.write_text("published,title\n", encoding="utf-8")
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "rules:\n  - name: a\n    detector: threshold\n    dimension: all\n    shar: 0.5\n"
    )
    twice = tmp_path / "twice.yaml"
    feed = "  - {name: a, url: 'https://example.com/a'}\n"
    twice.write_text(f"feeds:\n{feed}{feed}", encoding="utf-8")
    data = ("--data-dir", str(tmp_path / "var"))
    cases = [
        (
            ("run", "--config", str(config)),
            2,
            "bad.yaml:2:3: unknown key 'prot' (did you mean 'port'?)",
        ),
        (("backfill", str(tmp_path / "none.csv"), *data), 2, "no such file"),
        (("backfill", str(empty), *data), 1, "empty.jsonl"),
        (("backfill", str(not_parquet), *data), 1, "news.parquet"),
        (("rules", "check", str(rules)), 2, "did you mean 'share'?"),
        (("alerts", "show", "nothing", *data), 1, "no alert"),
        (("score", "--json", str(tmp_path / "none.txt")), 2, "no such file"),
        (("evaluate", str(tmp_path / "none.csv")), 1, "no such file"),
        (("run", "--config", str(twice)), 2, "two feeds have the address https://example.com/a"),
        (("feed",), 2, "Did you mean 'feeds'?"),
    ]
    for arguments, code, message in cases:
        found = undertone(*arguments)
        assert (found.returncode, message in found.stderr) == (code, True), found.stderr
        assert "Traceback" not in found.stderr


def test_what_an_archive_holds_amiss_is_named_and_the_rest_counted(tmp_path: Path) -> None:
    rows = [
        {"published": "2026-01-05T09:00:00Z", "source": "Wire", "title": "Shares fall at Acme"},
        {"published": "2026-01-05T09:01:00Z", "source": "Wire"},
        {"published": "yesterday", "source": "Wire", "title": "Profit doubles"},
    ]
    news = tmp_path / "news.jsonl"
    lines = [json.dumps(row) for row in rows] + ["{half a row"]
    news.write_text("\n".join(lines) + "\n", encoding="utf-8")
    data = ("--data-dir", str(tmp_path / "var"))
    found = undertone("backfill", str(news), *data)
    assert found.returncode == 1
    for place, reason in (
        ("news.jsonl:2", "title"),
        ("news.jsonl:3", "yesterday"),
        ("news.jsonl:4", "JSON"),
    ):
        assert f"{place}: " in found.stderr and reason in found.stderr
    (tally,) = json_lines(undertone("tallies", "--dimension", "all", "--json", *data).stdout)
    assert tally["articles"] == 1


def test_what_is_not_there_is_said_without_its_password(tmp_path: Path) -> None:
    nobody = free_port()
    (tmp_path / "kafka.yaml").write_text(
        f"bus:\n  kind: kafka\n  bootstrap_servers: 127.0.0.1:{nobody}\n", encoding="utf-8"
    )
    (tmp_path / "store.yaml").write_text(
        f"store:\n  url: postgresql://desk:kq0XyzSecret@127.0.0.1:{nobody}/undertone\n",
        encoding="utf-8",
    )
    for name, what in (("kafka", "Kafka"), ("store", "postgresql")):
        found = undertone("status", "--config", str(tmp_path / f"{name}.yaml"))
        assert found.returncode == 1, found.stderr
        assert what in found.stderr and str(nobody) in found.stderr
        assert "kq0XyzSecret" not in found.stderr and "Traceback" not in found.stderr


def test_a_port_in_use_ends_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = undertone("run", "--data-dir", str(tmp_path / "var"), "--port", str(port))
    assert found.returncode == 2
    assert f"port {port} on 127.0.0.1" in found.stderr and "Traceback" not in found.stderr


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    model = tmp_path / "en"
    shutil.copytree(BUNDLED / "en", model)
    heads = bytearray((model / "heads.safetensors").read_bytes())
    heads[-1] ^= 1
    (model / "heads.safetensors").write_bytes(heads)
    config = tmp_path / "undertone.yaml"
    config.write_text(f"models:\n  english: {json.dumps(str(model))}\n", encoding="utf-8")
    texts = tmp_path / "texts.txt"
    texts.write_text("Shares fall\n", encoding="utf-8")
    found = undertone("score", str(texts), "--config", str(config))
    assert found.returncode == 1
    assert "heads.safetensors" in found.stderr and "Traceback" not in found.stderr


def test_scores_come_in_order_without_a_daemon(tmp_path: Path) -> None:
    texts = [
        "Profit doubles and shares jump to a record",
        "公司债券违约，股价跌停",
        "",
        "The meeting is on Tuesday",
    ]
    file = tmp_path / "texts.txt"
    file.write_text("\n".join(texts) + "\n", encoding="utf-8")
    found = undertone("score", "--json", str(file))
    rows = json_lines(found.stdout)
    assert [row["text"] for row in rows] == texts
    assert [row["language"] for row in rows][:2] == ["en", "zh"]
    assert [row["label"] for row in rows][:2] == ["positive", "negative"]
    assert len(rows[0]["topics"]) == 17
    assert all(abs(sum(row["sentiment"].values()) - 1) < 0.001 for row in rows)


def test_a_line_of_a_megabyte_is_cut_and_counted(tmp_path: Path) -> None:
    file = tmp_path / "texts.txt"
    file.write_text("Shares fall\n" + "Bank fails " * 90_000 + "\nShares rise\n", encoding="utf-8")
    found = undertone("score", "--json", str(file))
    rows = json_lines(found.stdout)
    assert [row["label"] for row in rows[::2]] == ["negative", "positive"]
    assert "longer than their model reads, so that only their beginning counted: 1" in found.stderr


def test_rows_are_answered_in_order_also_where_one_is_amiss(tmp_path: Path) -> None:
    aldi = "Aldi soars to a record profit while Tesco collapses in a fraud scandal"
    chinese = "谷歌暴跌，濒临破产；微软利润大涨，创历史新高"
    asked: list[dict[str, Any] | None] = [
        {"text": aldi, "companies": ["Tesco", "Aldi", "Lidl"]},
        None,
        {"text": chinese, "companies": ["Microsoft", "谷歌"], "language": "zh", "id": 3},
        {"text": "Shares fall"},
    ]
    file = tmp_path / "rows.jsonl"
    lines = ["{half a row" if row is None else json.dumps(row) for row in asked]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found = undertone("score", "--json", "--jsonl", str(file))
    assert found.returncode == 1
    assert "rows.jsonl:2: " in found.stderr and "Traceback" not in found.stderr
    rows = json_lines(found.stdout)
    assert [row.get("text") for row in rows] == [aldi, None, chinese, "Shares fall"]
    assert rows[1]["line"] == 2 and "JSON" in rows[1]["error"]
    labels = [[(c["name"], c["label"]) for c in row.get("companies", [])] for row in rows]
    assert labels[0][:2] == [("Tesco", "negative"), ("Aldi", "positive")]
    assert labels[0][2][0] == "Lidl"
    assert labels[2] == [("Microsoft", "positive"), ("谷歌", "negative")]
    assert labels[3] == []
    assert list(rows[0])[-1] == "companies" and len(rows[0]["topics"]) == 17
    assert all(
        abs(sum(company["sentiment"].values()) - 1) < 0.001
        for row in rows
        for company in row.get("companies", [])
    )


def test_a_slow_pipe_gets_its_answers_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "monitor", "score", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        for text in (b"Shares fall", "股价大涨".encode()):
            process.stdin.write(text + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["text"] == text.decode()
        process.stdin.write(b"no line end")
        process.stdin.close()
        assert json.loads(process.stdout.readline())["text"] == "no line end"
        assert process.stdout.read() == b""
    assert process.returncode == 0
