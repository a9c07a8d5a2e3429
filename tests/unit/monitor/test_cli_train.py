"""`undertone train` as a user runs it: n-grams beside the encoder unless they are refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from models.labels import SENTIMENTS
from models.layout import LINEAR, WIDE
from models.manifest import read_manifest
from models.training.examples import Example
from models.training.recipes import Corpus
from monitor.cli import cli
from monitor.failures import UsageError
from tests.unit.models.tiny_base import tiny_base

NAMES = "abcdefghijklmnopqrst"
ROWS = [
    f"{one} {other} {word},{label}\n"
    for one in NAMES
    for other in NAMES
    for word, label in (("soars", "positive"), ("falls", "negative"), ("files", "neutral"))
]


@pytest.mark.parametrize("options", [(), ("--no-wide",), ("--valid", "{valid}")])
def test_n_grams_unless_refused(tmp_path: Path, options: tuple[str, ...]) -> None:
    (tmp_path / "labels.csv").write_text("text,sentiment\n" + "".join(ROWS), encoding="utf-8")
    valid = tmp_path / "valid.csv"
    valid.write_text("text,sentiment\n" + "".join(ROWS[:240]), encoding="utf-8")
    tiny_base(tmp_path / "base")
    command = [
        "train", "--train", str(tmp_path / "labels.csv"), "--language", "en", "--base",
        str(tmp_path / "base"), "--epochs", "1", "--learning-rate", "1e-6", "--no-bf16",
        "--max-tokens", "24", "--output", str(tmp_path / "model"),
        *(option.format(valid=valid) for option in options),
    ]  # fmt: skip
    answer = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert answer.exit_code == 0, answer.stderr
    made = read_manifest(tmp_path / "model")
    assert (WIDE in made.files) == ("--no-wide" not in options)
    assert ("n-grams beside the encoder, weight" in answer.stderr) == (WIDE in made.files)
    if WIDE in made.files:
        assert f"{made.metrics['wide']['sentiment_f1']:.4f}, without them" in answer.stderr
    assert answer.stdout.strip().endswith(made.identifier)


def test_few_labels_are_not_enough_for_them(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("text,sentiment\n" + "".join(ROWS[:90]), encoding="utf-8")
    tiny_base(tmp_path / "base")
    command = [
        "train", "--train", str(tmp_path / "labels.csv"), "--language", "en", "--base",
        str(tmp_path / "base"), "--epochs", "1", "--no-bf16", "--max-tokens", "24",
        "--output", str(tmp_path / "model"),
    ]  # fmt: skip
    answer = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert "n-grams beside the encoder do not help: left out" in answer.stderr
    assert WIDE not in read_manifest(tmp_path / "model").files


def test_n_grams_stand_beside_no_n_grams(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("text,sentiment\n" + "".join(ROWS[:9]), encoding="utf-8")
    command = [
        "train", "--train", str(tmp_path / "labels.csv"), "--method", "linear", "--wide",
        "--output", str(tmp_path / "model"),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="--wide puts n-grams beside an encoder"):
        CliRunner().invoke(cli, command, catch_exceptions=False, standalone_mode=False)


def test_a_recipe_by_n_grams_is_not_born_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [
        Example(f"{name} is {sentiment}", sentiment, None, "en")
        for name in NAMES
        for sentiment in SENTIMENTS
    ]
    corpus = Corpus(found[9:], found[:9], {}, ())
    monkeypatch.setattr("monitor.cli.train.recipe_corpus", lambda *_: corpus)
    command = [
        "train", "--recipe", "en", "--data", str(tmp_path), "--method", "linear",
        "--output", str(tmp_path / "model"),
    ]  # fmt: skip
    answer = CliRunner().invoke(cli, command, catch_exceptions=False)
    assert answer.exit_code == 0, answer.stderr
    assert LINEAR in read_manifest(tmp_path / "model").files
