"""`undertone models` as a user runs it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from models.layout import HEADS
from models.registry import Registry
from monitor.cli import cli
from monitor.failures import UsageError
from tests.unit.models.tiny import LESSONS, WRONG, write_tiny


class Desk:
    """A folder with two models, a set, and a registry."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.right, self.wrong = str(folder / "right"), str(folder / "wrong")
        write_tiny(folder / "right", name="right")
        write_tiny(folder / "wrong", name="wrong", lessons=WRONG)
        self.set = str(folder / "set.jsonl")
        rows = [json.dumps({"text": text, "sentiment": label}) for text, label in LESSONS.items()]
        (folder / "set.jsonl").write_text("\n".join(rows), encoding="utf-8")
        self.registry = Registry(folder / "var" / "models")

    def run(self, *arguments: str) -> Result:
        data = ("--data-dir", str(self.folder / "var"))
        return CliRunner().invoke(cli, ["models", *arguments, *data])

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.run(*arguments, "--json").stdout.splitlines()]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_worse_model_is_refused_and_a_reason_overrules_that(desk: Desk) -> None:
    assert desk.run("promote", desk.right, "--on", desk.set).exit_code == 0
    right = desk.registry.in_service("en")
    assert right.startswith("right@")
    refused = desk.run("promote", desk.wrong, "--on", desk.set)
    assert refused.exit_code == 1
    assert "sentiment is worse than the model in service" in refused.stderr
    assert "calibration error" in refused.stderr
    assert f"refused: {right} stays in service" in refused.stdout
    assert desk.registry.in_service("en") == right

    reason = ("--force", "--reason", "the old one is too slow")
    (told,) = desk.json("promote", "wrong@", "--on", desk.set, *reason)
    assert (told["verdict"], len(told["reasons"]), told["in_service_before"]) == (
        "promoted", 2, right,
    )  # fmt: skip
    entry = desk.registry.entries()[-1]
    assert (entry.forced, entry.version) == ("the old one is too slow", told["version"])
    assert list(entry.figures) == told["figures"]
    assert entry.figures[0]["high"] < 0

    back = desk.run("rollback")
    assert back.stdout == f"{right} is in service for en again, {told['version']} is not\n"
    assert desk.registry.in_service("en") == right


def test_a_bound_of_ones_own_on_calibration(desk: Desk) -> None:
    found = desk.run("promote", desk.right, "--on", desk.set, "--max-calibration-error", "0")
    assert found.exit_code == 1
    assert "is above 0.00" in found.stderr
    assert desk.registry.in_service("en") == "bundled:en"


def test_what_is_missing_is_said(desk: Desk) -> None:
    for arguments, message in (
        ((), "without labelled texts nobody can say"),
        (("--force",), "--force needs --reason"),
        (("--force", "--reason", " "), "--force needs --reason"),
        (("--reason", "why not", "--on", desk.set), "--reason is for --force"),
    ):
        found = desk.run("promote", desk.right, *arguments)
        assert isinstance(found.exception, UsageError) and message in str(found.exception)
    assert desk.registry.versions() == []
    nothing = desk.run("rollback")
    assert "nothing was before it" in str(nothing.exception)


def test_a_model_of_another_language_needs_force(desk: Desk) -> None:
    assert desk.run("promote", desk.right, "--language", "zh", "--on", desk.set).exit_code == 1
    reason = ("--force", "--reason", "a trial")
    assert desk.run("promote", desk.right, "--language", "zh", *reason).exit_code == 0
    assert desk.registry.in_service("zh").startswith("right@")
    # Promotions for both: a rollback must say which.
    assert desk.run("promote", desk.right, "--on", desk.set).exit_code == 0
    assert "say --language" in str(desk.run("rollback").exception)
    assert desk.run("rollback", "--language", "zh").exit_code == 0


def test_a_configuration_that_names_another_model_is_pointed_out(desk: Desk) -> None:
    config = desk.folder / "undertone.yaml"
    config.write_text("models:\n  english: bundled:en\n  registry: kept\n", encoding="utf-8")
    found = desk.run("promote", desk.right, "--on", desk.set, "--config", str(config))
    assert found.exit_code == 0
    assert "it takes effect where that says registry:en" in found.stderr
    assert Registry(desk.folder / "kept").in_service("en").startswith("right@")


def test_list_and_show(desk: Desk) -> None:
    desk.run("promote", desk.right, "--on", desk.set)
    version = desk.registry.in_service("en")
    broken = desk.registry.register(Path(desk.wrong))
    (desk.registry.directory(broken) / "manifest.json").unlink()
    rows = {row["version"]: row for row in desk.json("list")}
    assert {"bundled:en", "bundled:zh"} <= set(rows)
    assert list(rows)[-2:] == [version, broken]
    assert rows[version]["in_service"] == ["en"]
    assert rows["bundled:zh"]["in_service"] == ["zh"]
    assert (rows[version]["method"], rows[version]["sentiment_f1"]) == ("full", 1.0)
    assert "manifest.json: missing" in rows[broken]["broken"]
    assert version in desk.run("list").stdout

    shown = desk.run("show", version).stdout
    for told in ("lessons: 18 rows, own", "temperature 1", "undertone train", "promoted for en"):
        assert told in shown
    (plain,) = desk.json("show", "bundled:en")
    assert plain["manifest"]["base"]["licence"] == "Apache-2.0"
    assert plain["promotions"] == []
    assert "there are: bundled:en" in str(desk.run("show", "nothing").exception)


def test_verify_names_what_is_not_sound(desk: Desk) -> None:
    version = desk.registry.register(Path(desk.right))
    rows = desk.json("verify")
    assert rows[-1]["model"] == version and all(row["sound"] for row in rows)
    heads = desk.registry.directory(version) / HEADS
    heads.chmod(0o644)
    heads.write_bytes(b"nothing")
    found = desk.run("verify")
    assert found.exit_code == 1
    assert "heads.safetensors: SHA-256" in found.stdout
    assert desk.run("verify", desk.wrong, "bundled:zh").exit_code == 0


def test_doctor_says_what_serves(desk: Desk) -> None:
    desk.run("promote", desk.right, "--on", desk.set)
    version = desk.registry.in_service("en")

    def models() -> dict[str, Any]:
        command = ["doctor", "--json", "--data-dir", str(desk.folder / "var")]
        lines = CliRunner().invoke(cli, command).stdout.splitlines()
        return next(row for row in map(json.loads, lines) if row["part"] == "models")

    found = models()
    assert found["works"] and f"en: {version}," in found["finding"]
    assert "(bundled)" in found["finding"]
    (desk.registry.directory(version) / HEADS).unlink()
    found = models()
    assert not found["works"]
    assert f"{version} is refused" in found["finding"]
    assert "in service instead: en: undertone-en-" in found["finding"]
