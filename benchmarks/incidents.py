"""How many known incidents a rule file finds in time, and what else it announces.

    undertone backtest --json --config … > alerts.jsonl
    python -m benchmarks.incidents alerts.jsonl press-2018-2019.incidents.csv answers.yaml

An incidents file has the columns `date_utc`, `key`, `description` and `first_headline_published`.
The answers name, for every key, the alerts that would be right: `entity Boeing`, `topic legal`,
`all`. `alerts/incidents.py` says when an alert meets an incident. `--events FILE` writes the
incidents as `undertone backtest --events` reads them.
"""

import csv
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from alerts.alert import Alert
from alerts.incidents import Incident, judge


def read_incidents(path: Path, answers: dict[str, list[str]]) -> list[Incident]:
    """The incidents of a file. Raises KeyError for one that has no answer."""
    incidents = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            published = row["first_headline_published"]
            first_story = datetime.fromisoformat(published).astimezone(UTC)
            assert row["date_utc"] == f"{first_story:%Y-%m-%d}", row
            right = tuple(_key(answer) for answer in answers[row["key"]])
            by_day = first_story.time() == time()
            name = row["description"]
            incidents.append(Incident(name, first_story, right, dated_by_day=by_day))
    return incidents


def write_events(path: Path, incidents: Sequence[Incident]) -> None:
    """The incidents as a file for `undertone backtest --events`."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "first_story", "key"])
        for item in incidents:
            moment = item.first_story
            about = "; ".join(_about(*key) for key in item.about)
            stamp = moment.date() if item.dated_by_day else moment
            writer.writerow([item.name, stamp.isoformat(), about])


def _key(answer: str) -> tuple[str, str]:
    dimension, _, key = answer.partition(" ")
    return dimension, key or dimension


def _about(dimension: str, key: str) -> str:
    return "all" if dimension == "all" else f"{dimension} {key}"


@click.command()
@click.argument("alerts_path", type=click.Path(exists=True, path_type=Path))
@click.argument("incidents_path", type=click.Path(exists=True, path_type=Path))
@click.argument("answers_path", type=click.Path(exists=True, path_type=Path))
@click.option("--weeks", type=float, required=True, help="Length of the archive.")
@click.option("--since", default="", help="Leave out alerts before this time: the rules learn.")
@click.option("--show-others", is_flag=True, help="List the alerts that belong to no incident.")
@click.option("--events", type=click.Path(path_type=Path), help="Write the incidents there.")
def main(
    alerts_path: Path,
    incidents_path: Path,
    answers_path: Path,
    weeks: float,
    since: str,
    show_others: bool,
    events: Path | None,
) -> None:
    """Print found and missed incidents, and other alerts a week by rule and severity."""
    answers = YAML(typ="safe").load(answers_path)
    lines = alerts_path.read_bytes().splitlines()
    alerts = [msgspec.json.decode(line, type=Alert) for line in lines]
    alerts = [alert for alert in alerts if f"{alert.started:%Y-%m-%dT%H:%M:%SZ}" >= since]
    incidents = read_incidents(incidents_path, answers)
    if events is not None:
        write_events(events, incidents)
    judgement = judge(alerts, incidents, weeks)
    table = Table("day", "incident", "found by", box=None)
    for outcome in judgement.outcomes:
        hits = [alert for alert in outcome.alerts if outcome.incident.found_by(alert)]
        names = sorted({f"{alert.rule} ({_about(alert.dimension, alert.key)})" for alert in hits})
        day = f"{outcome.incident.begins:%Y-%m-%d}"
        table.add_row(day, outcome.incident.name, ", ".join(names) or "-")
    met = {alert.id for outcome in judgement.outcomes for alert in outcome.alerts}
    others = [alert for alert in alerts if alert.id not in met]
    console = Console(width=200 if not sys.stdout.isatty() else None)
    console.print(table)
    if show_others:
        for alert in others:
            headline = alert.top[0].title if alert.top else ""
            about = _about(alert.dimension, alert.key)
            console.print(f"{alert.started:%Y-%m-%dT%H:%M}", alert.rule, about, headline, sep="  ")
    click.echo(f"found {judgement.found} of {len(incidents)} incidents")
    click.echo(
        f"alerts {len(alerts)}, of no incident {len(others)}: {len(others) / weeks:.1f} a week"
    )
    for rule, count in Counter(alert.rule for alert in others).most_common():
        click.echo(f"  {rule}: {count / weeks:.1f} a week")


if __name__ == "__main__":
    main()
