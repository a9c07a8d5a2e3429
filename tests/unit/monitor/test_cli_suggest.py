"""`undertone rules suggest` as a user runs it, over a store with three crises in it."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from alerts.incidents import Incident, judge
from alerts.rule_fields import parse_rate
from monitor.cli import cli
from monitor.failures import UsageError
from monitor.incident_file import read_incidents
from monitor.replays import SimulatedRate
from monitor.rule_grid import DETECTORS, candidates, file_text, rate_text
from monitor.rule_suggestions import Part, Search, propose
from monitor.store.engine import open_store
from monitor.store.ingestion import apply
from monitor.yamlfile import YamlFileError
from tests.unit.monitor.stories_data import START, scored

DAYS = 60
CRISES = (20, 35, 50)
EVENTS = "name,first_story,topic\n" + "".join(
    f"Crisis of day {day},{START + timedelta(days=day, hours=9):%Y-%m-%dT%H:%MZ},credit\n"
    for day in CRISES
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory: calm news about a topic, and three days on which all of it is bad."""
    folder = tmp_path_factory.mktemp("suggest")
    calm = [
        scored(f"{hour}", f"Story {hour}", hour, negative=0.1 if hour % 5 else 0.9)
        for hour in range(0, 24 * DAYS, 2)
    ]
    bad = [
        scored(f"bad{day}-{n}", f"Crisis {day} {n}", 24 * day + 9 + n / 4)
        for day in CRISES
        for n in range(24)
    ]
    apply(open_store(f"sqlite:///{folder / 'undertone.db'}"), calm + bad, None)
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    return folder


def run(place: Path, *options: str) -> str:
    command = ["rules", "suggest", "--data-dir", str(place), "--shuffles", "1", *options]
    if "--events" not in options:
        command += ["--events", str(place / "events.csv")]
    return CliRunner().invoke(cli, command, catch_exceptions=False).stdout


def test_a_file_that_finds_the_incidents_within_the_budget(place: Path, tmp_path: Path) -> None:
    options = ["--detector", "volume", "--detector", "surge", "--budget", "1 per 20d"]
    answer: dict[str, Any] = json.loads(run(place, *options, "--json"))
    assert {item["detector"] for item in answer["proposals"]} == {"volume", "surge"}
    first = answer["proposals"][0]
    assert (first["chosen"]["found"], first["chosen"]["incidents"]) == (2, 2)
    assert (first["tested"]["found"], first["tested"]["incidents"]) == (1, 1)
    for item in answer["proposals"]:
        assert item["chosen"]["false_alarms_a_day"] <= answer["budget_a_day"] == 0.05
        assert item["chosen"]["false_alarms_interval_a_day"][1] > 0
    text = run(place, *options)
    assert text == answer["rule_file"]
    assert "where chosen: found 2 of 2 incidents" in text
    assert "where tested: found 1 of 1 incidents" in text
    path = tmp_path / "proposed.yaml"
    for content in (text, _other(text)):
        path.write_text(content, encoding="utf-8")
        checked = CliRunner().invoke(cli, ["rules", "check", str(path)], catch_exceptions=False)
        assert "1 rules, all right" in checked.stdout
    assert text.count("\n  - name: ") == 1


def _other(text: str) -> str:
    """The rules that stand as comments."""
    rest = text.partition("# In place of the rules above:\n")[2]
    return "".join(
        line.removeprefix("# ")
        for line in rest.splitlines(keepends=True)
        if line.startswith(("# rules:", "#   "))
    )


def test_what_comes_later_only_tests(place: Path) -> None:
    engine = open_store(f"sqlite:///{place / 'undertone.db'}")
    incidents = read_incidents(place / "events.csv", [])
    since, split, until = (START + timedelta(days=day) for day in (14, 45, DAYS))
    told: list[str] = []

    def proposed(known: int) -> tuple[list[Any], Any]:
        search = Search(incidents[:known], since, split, until, 1 / 4, 1, 1)
        found = propose(engine, search, "volume", 1e6, lambda: 0.0, told.append)
        return [item.fields for item in found.chosen], found.known.judgement.found

    assert proposed(2) == proposed(3)
    assert told[:2] == ["volume on topic: 1 of 9", "volume on topic: 2 of 9"]


def test_time_that_runs_out_leaves_one_trial_a_dimension(place: Path) -> None:
    engine = open_store(f"sqlite:///{place / 'undertone.db'}")
    incidents = read_incidents(place / "events.csv", [])
    since, split, until = (START + timedelta(days=day) for day in (14, 45, DAYS))
    search = Search(incidents, since, split, until, 1 / 4, 1, 1)
    seconds = iter(range(1_000))
    found = propose(engine, search, "volume", 0.5, lambda: float(next(seconds)), lambda _: None)
    (choice,) = found.choices
    assert (choice.dimension, choice.tried, choice.of) == ("topic", 1, 9)


def test_nothing_within_the_budget_is_no_rule(place: Path, tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.csv"
    quiet.write_text("name,first_story,topic\nNothing,2026-03-25,markets\n", encoding="utf-8")
    text = run(place, "--detector", "volume", "--events", str(quiet))
    assert "rules: []" in text
    assert "# volume on topic: left out, no settings found an incident within the budget" in text


def test_what_is_wrong_is_told(place: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.csv"
    late.write_text("name,first_story,topic\nA,2026-04-25,credit\n", encoding="utf-8")
    with pytest.raises(UsageError, match="no incident lies between 2026-03-15 and 2026-04-14"):
        run(place, "--events", str(late))
    with pytest.raises(UsageError, match="longer than two weeks"):
        run(place, "--to", "2026-03-10")
    with pytest.raises(YamlFileError, match="no such file"):
        run(place, "--events", str(tmp_path / "none.csv"))
    wrong = CliRunner().invoke(cli, ["rules", "suggest", "--events", "x", "--budget", "often"])
    assert wrong.exit_code == 2
    assert "'often' is no rate; write 1 per 30d" in wrong.stderr


@pytest.mark.parametrize("rate", [100.0, 30.5, 24.0, 3.0, 1.0, 1 / 7, 1 / 21, 1 / 50.3, 1e-6])
def test_a_rate_is_written_as_no_more_than_it_is(rate: float) -> None:
    written = parse_rate(rate_text(rate))
    assert written <= max(rate, 1 / 366) * (1 + 1e-6)
    assert written >= min(rate, 100) * 0.95


@pytest.mark.parametrize("detector", DETECTORS)
def test_every_setting_of_the_grid_is_a_rule(detector: str) -> None:
    for dimension in ("all", "topic", "entity", "source", "language"):
        grid = candidates(detector, dimension, 1 / 7)
        assert len({file_text([item]) for item in grid}) == 9
        assert {item.rule.dimension for item in grid} == {dimension}
        if detector == "surge":
            assert {item.fields.get("ask") for item in grid} == (
                {"tone"} if dimension == "source" else {None}
            )
        if detector == "cusum":
            days = {"entity": 3, "topic": 1}.get(dimension, 2)
            assert {item.rule.window for item in grid} == {days * 86_400}
    at_most = candidates(detector, "topic", 1 / 366)
    assert len(at_most) == 6  # half of the least rate is the least rate


def test_the_budget_is_parted_by_what_the_known_incidents_are_about() -> None:
    def incident(day: int, *dimensions: str) -> Incident:
        about = tuple((dimension, "x") for dimension in dimensions)
        return Incident("A", START + timedelta(days=day), about)

    incidents = [incident(15, "entity"), incident(16, "entity", "topic"), incident(40, "all")]
    since, split, until = (START + timedelta(days=day) for day in (14, 34, 44))
    search = Search(incidents, since, split, until, 0.4, None, 1)
    assert search.parts == {"topic": pytest.approx(0.1), "entity": pytest.approx(0.3)}
    assert (search.known, search.unseen) == (incidents[:2], incidents[2:])
    # In 20 days a rule at one alarm a day raises twenty; one at half of that needs two shuffles.
    assert [search.shuffles_for(rate) for rate in (2.0, 1.0, 0.5, 0.01)] == [1, 1, 2, 5]
    assert Search([], since, split, until, 0.4, 3, 1).shuffles_for(1.0) == 3


def test_the_rate_of_rules_together() -> None:
    one = SimulatedRate("a", None, 10, 100.0)
    part = Part(judge([], [], 1.0), (one, SimulatedRate("b", None, 4, 20.0)))
    assert part.false_alarms == pytest.approx(0.3)
    lower, upper = part.interval
    assert 0.1 < lower < 0.3 - (0.1 - one.interval[0]) < 0.3 < 0.3 + (one.interval[1] - 0.1) < upper
    assert Part(part.judgement, (one,)).interval == pytest.approx(one.interval)
    assert Part(part.judgement, ()).false_alarms is None
