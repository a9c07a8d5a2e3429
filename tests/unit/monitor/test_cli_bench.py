"""`undertone bench` as a user runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.failures import UsageError
from tests.unit.models.tiny import LESSONS, write_tiny


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    write_tiny(tmp_path / "tiny")
    texts = tmp_path / "texts.txt"
    texts.write_text("\n".join(LESSONS), encoding="utf-8")
    return ["--model", str(tmp_path / "tiny"), "--texts", str(texts), "--seconds", "1"]


def test_figures_for_programs(options: list[str]) -> None:
    answer = CliRunner().invoke(cli, ["bench", "--json", *options], catch_exceptions=False)
    found = json.loads(answer.stdout)
    assert set(found) == {
        "texts_per_second", "tokens_per_second", "latency_ms", "loaded_latency_ms",
        "ratio_pipeline_1", "ratio_pipeline_32", "ratio_sentence_calls", "peak_share",
        "peak_shares", "padding_waste", "label_agreement", "model", "backend", "texts", "machine",
    }  # fmt: skip
    assert set(found["latency_ms"]) == {"p50", "p95", "p99"}
    assert {"cpu", "cores", "flags", "torch", "transformers", "peak_gflops"} <= set(
        found["machine"]
    )
    assert found["label_agreement"] >= 0.99


def test_figures_for_people(options: list[str]) -> None:
    answer = CliRunner().invoke(cli, ["bench", *options], catch_exceptions=False)
    for told in ("texts a second", "against the pipeline, batch 32", "of the peak, single"):
        assert told in answer.stdout


def test_the_whole_way(options: list[str]) -> None:
    command = ["bench", "pipeline", "--json", "--articles", "10", *options]
    found = json.loads(CliRunner().invoke(cli, command, catch_exceptions=False).stdout)
    assert found["articles"] == 10 and found["ratio_bare"] > 0


def test_what_is_wrong_is_said(options: list[str]) -> None:
    before = CliRunner().invoke(cli, ["bench", *options, "pipeline"])
    assert isinstance(before.exception, UsageError)
    assert "write options behind 'pipeline'" in str(before.exception)
    found = CliRunner().invoke(cli, ["bench", "--model", "bundled:fr"])
    assert "is no bundled model" in str(found.exception)
