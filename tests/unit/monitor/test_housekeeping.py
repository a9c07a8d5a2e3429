"""The detect role removes what is older than it is kept; too short a retention is refused."""

import json
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.bus.opening import open_bus
from monitor.cli import cli
from monitor.events import SCORED
from monitor.failures import UsageError
from monitor.roles import run_detect
from monitor.rule_reach import reach_of
from monitor.settings import Settings, load_settings
from monitor.store.engine import open_store
from monitor.store.ingestion import Advance, apply
from monitor.store.readers import article_count
from tests.unit.monitor.stories_data import START, scored

RULES = """
rules:
  - {name: short, detector: threshold, dimension: topic, share: 0.5, window: 24h, cooldown: 1h}
  - {name: long, detector: threshold, dimension: topic, share: 0.5, window: 5d, lateness: 23h}
"""


def settings_of(folder: Path, retention: str, rules: str = RULES) -> Settings:
    (folder / "rules.yaml").write_text(rules, encoding="utf-8")
    path = folder / "undertone.yaml"
    path.write_text(
        f"data_dir: {folder}\nrules: rules.yaml\nsample: false\nstore:\n  retention: {retention}\n",
        encoding="utf-8",
    )
    return load_settings(path, {})


def test_less_than_a_rule_reads_is_refused_by_its_name(tmp_path: Path) -> None:
    tallies = "five_minute_tallies_days: {}, hourly_tallies_days: {}"
    named = f"{{articles_days: 36, alerts_days: 6, {tallies.format(6, 33)}}}"
    with pytest.raises(UsageError) as refused:
        _ = settings_of(tmp_path, named).rule_file
    said = str(refused.value).splitlines()
    # Window 5d, lateness 23h, cooldown 6h, one bucket; the news of a story reaches 3d further, and
    # an alert is held beside the 28d before.
    assert [line.split(" is ")[0] for line in said] == [
        "store.retention.articles_days",
        "store.retention.alerts_days",
        "store.retention.five_minute_tallies_days",
        "store.retention.hourly_tallies_days",
    ]
    assert all("rule 'long'" in line for line in said)
    assert "set it to 37 at least" in said[0]
    assert "set it to 7 at least" in said[2]
    assert "set it to 34 at least" in said[3]
    least = f"{{articles_days: 37, alerts_days: 7, {tallies.format(7, 34)}}}"
    assert settings_of(tmp_path, least).rule_file.rules


def test_a_rule_that_learns_reads_what_it_learns_from(tmp_path: Path) -> None:
    learning = "rules:\n  - {name: learns, detector: surge, dimension: topic, window: 24h}\n"
    with pytest.raises(UsageError, match="rule 'learns' may read 122 days back"):
        _ = settings_of(tmp_path, "{five_minute_tallies_days: 121}", learning).rule_file
    (rule,) = settings_of(tmp_path, "{}", learning).rule_file.rules
    assert reach_of(rule) == timedelta(days=121, hours=6)


@pytest.mark.parametrize(
    ("retention", "reason"),
    [
        ("{hourly_tallies_days: 400}", "goes with five_minute_tallies_days"),
        ("{five_minute_tallies_days: 200, hourly_tallies_days: 100}", "must not be below"),
        ("{articles_days: 0}", "greater than or equal to 1"),
        ("{article_days: 9}", "articles_days"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, retention: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        settings_of(tmp_path, retention)


def test_the_detect_role_keeps_house_and_status_tells(tmp_path: Path) -> None:
    only_short = "".join(RULES.splitlines(keepends=True)[:3]).replace("topic", "source")
    settings = settings_of(tmp_path, "{articles_days: 5, five_minute_tallies_days: 2}", only_short)
    open_bus(settings).close()
    engine = open_store(settings.store_url)
    mark = START + timedelta(days=20)
    news = [scored(f"{hour}", f"Story {hour}", hour) for hour in range(0, 480, 8)]
    apply(engine, news, Advance("aggregate", (SCORED, 0), 0, 60, mark, START))
    stop = threading.Event()
    role = threading.Thread(target=run_detect, args=(settings, stop))
    role.start()
    deadline = time.monotonic() + 60
    while article_count(engine) > 15 and time.monotonic() < deadline:
        time.sleep(0.05)
    stop.set()
    role.join()
    told = CliRunner().invoke(
        cli, ["status", "--json", "--config", f"{tmp_path / 'undertone.yaml'}"]
    )
    status = json.loads(told.stdout)
    assert status["articles"] == 15
    assert status["oldest_article"].startswith("2026-03-16T00:00:00")
    removed = status["housekeeping"]
    assert (removed["articles_removed"], removed["alerts_removed"]) == (45, 0)
    shown = CliRunner().invoke(
        cli,
        [
            *("tallies", "--dimension", "all", "--bucket", "5m", "--json"),
            *("--config", f"{tmp_path / 'undertone.yaml'}"),
        ],
    )
    widths = [json.loads(line)["width_seconds"] for line in shown.stdout.splitlines()]
    assert widths == [3_600] * 54 + [300] * 6
