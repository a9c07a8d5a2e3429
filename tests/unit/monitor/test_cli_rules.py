"""`undertone rules simulate` as a user runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import update

from monitor.cli import cli
from monitor.failures import DataError, UsageError
from monitor.store.engine import open_store
from monitor.store.ingestion import apply
from monitor.store.schema import housekeeping
from tests.unit.monitor.stories_data import scored

RULES = """
rules:
  - {name: turn, detector: cusum, dimension: topic, window: 48h, false_alarms: 1 per 30d}
  - {name: half, detector: threshold, dimension: topic, share: 0.3, min_stories: 4}
  - {name: grave, detector: critical}
"""


@pytest.fixture
def rules(tmp_path: Path) -> list[str]:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return ["rules", "simulate", str(path), "--data-dir", str(tmp_path)]


def fill(directory: Path, days: int) -> None:
    events = [
        scored(f"{hour}", f"Story {hour}", hour, negative=0.1 if hour % 3 else 0.9)
        for hour in range(0, 24 * days, 4)
    ]
    apply(open_store(f"sqlite:///{directory / 'undertone.db'}"), events, None)


def test_rates_for_programs_and_for_people(rules: list[str], tmp_path: Path) -> None:
    fill(tmp_path, 30)
    answer = CliRunner().invoke(cli, [*rules, "--json", "--shuffles", "2"], catch_exceptions=False)
    turn, half = (json.loads(line) for line in answer.stdout.splitlines())
    assert (turn["rule"], turn["asked_a_day"]) == ("turn", pytest.approx(1 / 30))
    assert (half["rule"], half["asked_a_day"]) == ("half", None)
    for found in (turn, half):
        lower, upper = found["interval_a_day"]
        assert lower <= found["a_day"] < upper
        assert found["a_day"] == pytest.approx(found["alarms"] / found["days"], rel=1e-3)
        assert found["days"] == pytest.approx(2 * 16, abs=1)
    answer = CliRunner().invoke(cli, [*rules, "--rule", "half"], catch_exceptions=False)
    assert "half" in answer.stdout
    assert "turn" not in answer.stdout
    assert "5 shuffles of 16 days" in answer.stdout


def test_where_tallies_were_rolled_up_there_is_no_rate(rules: list[str], tmp_path: Path) -> None:
    fill(tmp_path, 30)
    with open_store(f"sqlite:///{tmp_path / 'undertone.db'}").begin() as connection:
        connection.execute(update(housekeeping).values(five_minutes_from=10**10))
    rules += ["--from", "2026-03-05"]
    answer = CliRunner().invoke(cli, [*rules, "--json"], catch_exceptions=False)
    for line in answer.stdout.splitlines():
        found = json.loads(line)
        assert (found["days"], found["a_day"], found["interval_a_day"]) == (0, None, None)
    answer = CliRunner().invoke(cli, rules, catch_exceptions=False)
    assert answer.stdout.count("no history") == 2


def test_what_is_wrong_is_told(rules: list[str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such rule; there are turn, half, grave"):
        CliRunner().invoke(cli, [*rules, "--rule", "x"], catch_exceptions=False)
    with pytest.raises(DataError, match="is empty"):
        CliRunner().invoke(cli, rules, catch_exceptions=False)
    fill(tmp_path, 5)
    with pytest.raises(UsageError, match="longer than two weeks"):
        CliRunner().invoke(cli, rules, catch_exceptions=False)
