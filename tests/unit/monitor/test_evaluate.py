"""`undertone evaluate`, from its arguments to what it writes."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from monitor.cli import cli

ROWS = [
    {"text": "Bank collapses after fraud, shares plunge", "sentiment": "negative", "source": "A"},
    {"text": "Profit doubles and the outlook is raised", "sentiment": "positive", "source": "A"},
    {"text": "The annual meeting is on 3 May", "sentiment": "neutral", "source": "B"},
]


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS), encoding="utf-8")
    return path


def evaluate(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["evaluate", *(str(argument) for argument in arguments)])


def test_tables_json_and_page(labels: Path, tmp_path: Path) -> None:
    html, output = tmp_path / "report.html", tmp_path / "figures.json"
    found = evaluate(
        labels, "--compare", "bundled", "bundled:zh", "--by", "source", "--baselines",
        "--html", html, "--output", output,
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    for part in ("precision", "majority class", "VADER", "by source", "points accuracy"):
        assert part in found.output
    rows = json.loads(output.read_text(encoding="utf-8"))
    assert [row["model"] for row in rows] == ["bundled", "bundled:zh"]
    assert rows[1]["comparison"]["verdict"] in found.output
    assert "<svg" in html.read_text(encoding="utf-8")
    (line,) = evaluate(labels, "--json").stdout.splitlines()
    assert json.loads(line)["accuracy"] == rows[0]["accuracy"]


def test_what_is_wrong_is_said_before_anything_is_loaded(labels: Path) -> None:
    for arguments, message in (
        ((), "name a file of labelled texts"),
        (("--compare", "bundled", "bundled:zh"), "after the two models"),
        (("--compare", "bundled", labels), "--compare takes two models"),
        ((labels, "--compare", "bundled", "bundled"), "name two different models"),
        ((labels, "--model", "bundled:en", "--compare", "bundled", "bundled:zh"), "either --model"),
        ((labels, "--by", "topic"), "--by topic: source and language are known"),
        ((labels, "--train", labels), "give --baselines too"),
        ((labels, "--html", "nowhere/report.html"), "no such folder"),
        ((labels.with_name("none.csv"),), "no such file"),
        ((labels, "--without", labels), "nothing to evaluate"),
    ):
        found = evaluate(*arguments)
        assert found.exit_code == 1
        assert isinstance(found.exception, ValueError) and message in str(found.exception)
    assert "requires 2 arguments" in evaluate(labels, "--compare", "bundled").output


def test_baselines_without_their_packages(labels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    found = evaluate(labels, "--baselines")
    assert "pip install 'undertone-monitor[train]'" in str(found.exception)
