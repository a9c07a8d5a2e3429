"""`undertone distill` and `--tier` as a user runs them."""

import json
import shlex
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from models.manifest import read_manifest, write_manifest
from monitor.cli import cli
from monitor.failures import UsageError
from tests.unit.models.tiny import LESSONS, bundled_tiers, write_tiny

LABELS = "text,sentiment\n" + "".join(f"{text},{label}\n" for text, label in LESSONS.items())


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    path = tmp_path / "labels.csv"
    path.write_text(LABELS, encoding="utf-8")
    return path


def test_a_student_of_ones_own_model(
    tmp_path: Path, labels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = write_tiny(tmp_path / "teacher")
    archives = tmp_path / "archives"
    archives.mkdir()
    row = {"published": "2026-01-05T09:00:00Z", "source": "Wire", "title": "Bank at record loss"}
    (archives / "news.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    command = [
        "distill", "--teacher", str(tmp_path / "teacher"), "--layers", "1", "--neurons", "24",
        "--train", str(labels), "--valid", str(labels), "--texts", str(archives),
        "--epochs", "2", "--no-bf16", "--output", str(tmp_path / "fast"),
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", ["undertone", *command])
    # What validates is never trained on: only the archive's title is left to read.
    answer = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert answer.exit_code == 0
    assert f"1 texts for {teacher.identifier} to answer" in answer.stderr
    made = read_manifest(tmp_path / "fast")
    assert (made.name, made.method, made.teacher) == ("fast", "distilled", teacher.identifier)
    assert made.max_tokens == teacher.max_tokens
    config = json.loads((tmp_path / "fast" / "config.json").read_text(encoding="utf-8"))
    assert config["intermediate_size"] == 24
    assert [(item.name, item.licence) for item in made.data] == [
        ("labels.csv", "own"), ("news.jsonl", "not stated"),
    ]  # fmt: skip
    assert made.command == shlex.join(["undertone", *command])


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ((), "either --recipe or --teacher"),
        (("--recipe", "en", "--teacher", "bundled:en"), "give no --teacher and no --train"),
        (("--recipe", "en"), "--recipe en needs --data"),
        (("--teacher", "bundled:en"), "needs --data"),
        (("--teacher", "bundled:en", "--valid", "{labels}"), "--valid validates --train"),
        (("--recipe", "zh", "--titles"), "--titles needs --texts"),
        (("--teacher", "bundled:fr", "--train", "{labels}"), "is no bundled model"),
        (("--teacher", "{folder}/none", "--train", "{labels}"), "no such model directory"),
        (("--teacher", "bundled:en", "--train", "{labels}", "--layers", "0,6"), "has 0 to 5"),
        (("--teacher", "bundled:en", "--train", "{labels}", "--layers", "all"), "write which"),
        (("--teacher", "bundled:en", "--train", "{labels}", "--neurons", "1537"), "has 1536 in"),
        (("--teacher", "bundled:en", "--train", "{labels}", "--max-tokens", "65"), "reads 64"),
        (("--teacher", "bundled:en", "--train", "{folder}/none.csv"), "no such file"),
        (("--teacher", "bundled:en", "--train", "{labels}", "--texts", "{folder}"), "no archive"),
    ],
)
def test_what_is_wrong_is_said(
    tmp_path: Path, labels: Path, options: tuple[str, ...], reason: str
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    given = [option.format(labels=labels, folder=empty) for option in options]
    command = ["distill", *given, "--output", str(tmp_path / "fast")]
    found = CliRunner().invoke(cli, command)
    assert reason in str(found.exception)
    assert not (tmp_path / "fast").exists()


def test_a_teacher_with_topics_of_its_own_needs_labels_of_its_own(tmp_path: Path) -> None:
    teacher = write_tiny(tmp_path / "teacher")
    own = tuple(f"own {topic}" for topic in teacher.topics)
    changed = msgspec.structs.replace(teacher, topics=own, topic_thresholds={})
    write_manifest(tmp_path / "teacher", changed)
    command = ["distill", "--teacher", str(tmp_path / "teacher"), "--data", str(tmp_path)]
    found = CliRunner().invoke(cli, [*command, "--output", str(tmp_path / "fast")])
    assert "topics of its own: give --train" in str(found.exception)


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return bundled_tiers(tmp_path / "bundled", monkeypatch)


def test_scores_come_from_the_tier_that_is_asked_for(tmp_path: Path, bundled: Path) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("shares plunge\n", encoding="utf-8")

    def model(*options: str) -> str:
        command = ["score", "--json", str(texts), "--data-dir", str(tmp_path / "var"), *options]
        answer = CliRunner().invoke(cli, command, catch_exceptions=False)
        return str(json.loads(answer.stdout)["model"]).partition("@")[0]

    assert model() == "tiny-en"
    assert model("--tier", "fast") == "tiny-en-fast"
    config = tmp_path / "undertone.yaml"
    config.write_text("models:\n  tier: fast\n", encoding="utf-8")
    assert model("--config", str(config)) == "tiny-en-fast"
    assert model("--config", str(config), "--tier", "accurate") == "tiny-en"


def test_doctor_says_the_tier(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERTONE_MODELS__TIER", "fast")

    def finding() -> tuple[bool, str]:
        command = ["doctor", "--json", "--data-dir", str(tmp_path / "var")]
        rows = map(json.loads, CliRunner().invoke(cli, command).stdout.splitlines())
        return next((row["works"], row["finding"]) for row in rows if row["part"] == "models")

    works, found = finding()
    assert works and "tier fast" in found and "en: tiny-en-fast@" in found
    (bundled / "en-fast").rename(tmp_path / "elsewhere")
    works, found = finding()
    assert works and "en: tiny-en@" in found


def test_evaluate_and_bench_take_a_tier(tmp_path: Path, bundled: Path, labels: Path) -> None:
    out = tmp_path / "figures.json"
    command = ["evaluate", str(labels), "--tier", "fast", "--output", str(out)]
    assert CliRunner().invoke(cli, command, catch_exceptions=False).exit_code == 0
    assert json.loads(out.read_text(encoding="utf-8"))[0]["model"] == "bundled"
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(LESSONS), encoding="utf-8")
    bench = ["bench", "--json", "--texts", str(texts), "--seconds", "1"]
    answer = CliRunner().invoke(cli, [*bench, "--tier", "fast"], catch_exceptions=False)
    found = json.loads(answer.stdout)
    assert found["model"].startswith("tiny-en-fast@") and found["label_agreement"] == 1.0


def test_a_tier_is_for_bundled_models_only(tmp_path: Path, labels: Path) -> None:
    for command in (["evaluate", str(labels)], ["bench"]):
        found = CliRunner().invoke(cli, [*command, "--tier", "fast", "--model", "bundled:en"])
        assert isinstance(found.exception, UsageError)
        assert "give it or --model" in str(found.exception)
