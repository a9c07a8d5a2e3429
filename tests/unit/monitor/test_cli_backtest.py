"""`undertone backtest` as a user runs it, over a store with one crisis in it."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.failures import UsageError
from monitor.store.engine import open_store
from monitor.store.ingestion import apply
from monitor.yamlfile import YamlFileError
from tests.unit.monitor.stories_data import scored

CRISIS_HOUR = 24 * 35 + 9  # 2026-04-05 09:00
RULES = """
rules:
  - {name: topics, detector: surge, dimension: topic, window: 24h, false_alarms: 1 per 7d}
  - {name: source-half, detector: threshold, dimension: source, share: 0.5}
  - {name: companies, detector: volume, dimension: entity, window: 24h}
"""
HOSTILE = "<script>alert(1)</script>"
STRICT = """
rules:
  - {name: topics, detector: threshold, dimension: topic, share: 0.97, min_stories: 200}
"""
EVENTS = """name,first_story,topic,source
The <b>crisis</b>,2026-04-05T09:00Z,credit,
Nothing,2026-04-02,,wire
Another year,2030-01-01,credit,
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory: 40 days of calm news, and a day on which all of it is bad."""
    folder = tmp_path_factory.mktemp("backtest")
    calm = [
        scored(f"{hour}", f"Story {hour}", hour, negative=0.1 if hour % 5 else 0.9)
        for hour in range(0, 24 * 40, 2)
    ]
    bad = [
        scored(
            f"bad{number}",
            f"Crisis {number} <img src=http://evil.example/x>",
            CRISIS_HOUR + number / 2,
            entities=("Bank", HOSTILE),
        )
        for number in range(40)
    ]
    apply(open_store(f"sqlite:///{folder / 'undertone.db'}"), calm + bad, None)
    for name, text in (("rules", RULES), ("strict", STRICT)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    (folder / "events.csv").write_text(EVENTS, encoding="utf-8")
    return folder


def run(place: Path, *options: str) -> str:
    command = ["backtest", "--data-dir", str(place), "--from", "2026-03-15", *options]
    return CliRunner().invoke(cli, command, catch_exceptions=False).stdout


def rows(place: Path, *options: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(place, "--json", *options).splitlines()]


def test_what_was_found_and_what_it_cost(place: Path) -> None:
    rules, events = str(place / "rules.yaml"), str(place / "events.csv")
    (report,) = rows(place, "--rules", rules, "--events", events)
    alerts = rows(place, "--rules", rules)
    assert report["alerts"] == alerts
    topics, source, companies = report["rules"]
    assert (topics["rule"], topics["incidents"], topics["found"]) == ("topics", 1, 1)
    assert (source["rule"], source["incidents"], source["found"]) == ("source-half", 1, 0)
    crisis, nothing = report["incidents"]
    (first,) = [item for item in alerts if item["id"] == crisis["alerts"][0]]
    assert (crisis["found"], crisis["about"]) == (True, ["topic credit"])
    assert first["started"].startswith("2026-04-05T1")
    assert 0 < crisis["delay_seconds"] == topics["median_delay_seconds"] < 12 * 3_600
    assert (nothing["found"], nothing["delay_seconds"], nothing["dated_by_day"]) == (
        False,
        None,
        True,
    )
    total = report["total"]
    assert (total["found"], total["incidents"], total["recall"]) == (1, 2, 0.5)
    assert total["incidents_with_an_hour"] == 1
    assert (total["found_within_12h"], total["found_within_24h"]) == (1, 1)
    assert total["alerts"] == len(alerts) == sum(item["alerts"] for item in report["rules"])
    assert (companies["incidents"], companies["recall"], companies["precision"]) == (0, None, 0)
    assert total["alerts_a_week"] == pytest.approx(len(alerts) / report["weeks"], rel=1e-3)
    # One bucket an hour or two: the crisis' stories come twice an hour, half of them beside others.
    assert topics["buckets_folded"] == source["buckets_folded"] > 480
    assert topics["replay_seconds"] > 0
    assert report["models"] == ["test@0"]


def test_files_are_compared(place: Path) -> None:
    files = [str(place / "rules.yaml"), str(place / "strict.yaml")]
    options = ["--rules", files[0], "--rules", files[1], "--events", str(place / "events.csv")]
    lax, strict, more, less = rows(place, *options)
    assert (lax["rules_file"], strict["rules_file"]) == tuple(files)
    assert (lax["total"]["found"], strict["total"]["alerts"]) == (1, 0)
    assert (more["only_in"], more["against"]) == tuple(files)
    assert more["incidents"] == ["The <b>crisis</b>"]
    assert more["alerts"] == [alert["id"] for alert in lax["alerts"]]
    assert (less["incidents"], less["alerts"]) == ([], [])
    page = run(place, *options)
    assert "rules.yaml has and strict.yaml has not" in page
    assert "1 incident: The <b>crisis</b>" in page
    assert "outside that time: 1 incident, left out" in page
    # Without incidents they are compared by their alerts.
    assert "rules.yaml has and strict.yaml has not" in run(place, *options[:4])


def test_alerts_of_one_file(place: Path) -> None:
    shown = run(place, "--rules", str(place / "rules.yaml"))
    assert "4 alerts in 3.7 weeks" in shown
    assert "topics" in shown
    assert "precision" not in shown


class Page(HTMLParser):
    """Elements, addresses and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.addresses: list[str | None] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "style")]

    def handle_data(self, data: str) -> None:
        self.words += data


def test_the_page_holds_everything_and_loads_nothing(place: Path, tmp_path: Path) -> None:
    html, rules = tmp_path / "report.html", place / "rules.yaml"
    options = ["--rules", str(rules), "--rules", str(place / "strict.yaml"), "--html", str(html)]
    events = ["--events", str(place / "events.csv")]
    (report, *_) = rows(place, *options, *events)
    page = Page(html.read_text(encoding="utf-8"))
    assert not page.elements & {"script", "img", "link", "iframe"}
    assert "url(" not in html.read_text(encoding="utf-8")
    assert all(value is not None and value.startswith("background: #") for value in page.addresses)
    for told in (
        f"entity {HOSTILE}",
        "The <b>crisis</b>",
        "Crisis 0 <img src=http://evil.example/x>",
        report["sha256"],
        report["rules"][0]["rule_hash"],
        "test@0",
        RULES,
        "strict.yaml has and",
        "1 outside it left out",
    ):
        assert told in page.words, told
    # topic credit, source wire, two companies; and topic credit by the strict file.
    assert html.read_text(encoding="utf-8").count("<svg") == 5
    rows(place, *options, *events, "--plots", "1")
    page = Page(html.read_text(encoding="utf-8"))
    assert "Not plotted: Bank (alerts: 1)." in page.words
    rows(place, *options)
    assert "Incidents: none were given" in Page(html.read_text(encoding="utf-8")).words


def test_what_is_wrong_is_told(place: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no incident lies between 2026-03-15 and 2026-03-20"):
        run(place, "--to", "2026-03-20", "--events", str(place / "events.csv"))
    with pytest.raises(UsageError, match="no such folder"):
        run(place, "--html", str(tmp_path / "none" / "x.html"))
    bad = tmp_path / "bad.csv"
    bad.write_text("name,first_story,topic\nA,2026-04-05,markts\n", encoding="utf-8")
    with pytest.raises(YamlFileError, match="2:1: topic: 'markts' is no topic"):
        run(place, "--events", str(bad))
