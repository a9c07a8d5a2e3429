"""How many known incidents a rule file finds in time, and what else it announces.

    undertone backtest --json --config … > alerts.jsonl
    python -m benchmarks.incidents alerts.jsonl press-2018-2019.incidents.csv answers.yaml

An incidents file has the columns `date_utc`, `key`, `description` and `first_headline_published`.
The answers name, for every key, the alerts that would be right: `entity Boeing`, `topic legal`,
`all`. An incident is found when one of them starts between the beginning of its day and 24 hours
after its first headline.
"""

import csv
import json
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

BUCKET = timedelta(minutes=5)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Incident:
    """A known crisis, and the alerts (`dimension key`) that would be right for it."""

    key: str
    description: str
    begins: datetime
    onset: datetime
    right: tuple[str, ...]

    def answered_by(self, alert: dict[str, Any]) -> bool:
        """Whether an alert is of the right key and starts in time."""
        started = datetime.fromisoformat(alert["started"])
        return _about(alert) in self.right and (
            self.begins <= started <= max(self.onset + DAY, self.begins + DAY) + BUCKET
        )

    def explains(self, alert: dict[str, Any], days: int = 3) -> bool:
        """Whether an alert of the right key is of this incident's aftermath."""
        started = datetime.fromisoformat(alert["started"])
        return _about(alert) in self.right and (
            self.begins <= started <= self.begins + timedelta(days=days)
        )


def read_incidents(path: Path, answers: dict[str, list[str]]) -> list[Incident]:
    """The incidents of a file. Raises KeyError for one that has no answer."""
    incidents = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            begins = datetime.fromisoformat(row["date_utc"]).replace(tzinfo=UTC)
            onset = datetime.fromisoformat(row["first_headline_published"])
            right = tuple(answers[row["key"]])
            incidents.append(Incident(row["key"], row["description"], begins, onset, right))
    return incidents


def _about(alert: dict[str, Any]) -> str:
    return "all" if alert["dimension"] == "all" else f"{alert['dimension']} {alert['key']}"


@click.command()
@click.argument("alerts_path", type=click.Path(exists=True, path_type=Path))
@click.argument("incidents_path", type=click.Path(exists=True, path_type=Path))
@click.argument("answers_path", type=click.Path(exists=True, path_type=Path))
@click.option("--weeks", type=float, required=True, help="Length of the archive.")
@click.option("--since", default="", help="Leave out alerts before this time: the rules learn.")
@click.option("--show-others", is_flag=True, help="List the alerts that belong to no incident.")
def main(
    alerts_path: Path,
    incidents_path: Path,
    answers_path: Path,
    weeks: float,
    since: str,
    show_others: bool,
) -> None:
    """Print found and missed incidents, and other alerts a week by rule and severity."""
    answers = YAML(typ="safe").load(answers_path)
    alerts = [json.loads(line) for line in alerts_path.read_text(encoding="utf-8").splitlines()]
    alerts = [alert for alert in alerts if alert["started"] >= since]
    incidents = read_incidents(incidents_path, answers)
    table = Table("day", "incident", "found by", box=None)
    found = 0
    for incident in incidents:
        hits = [alert for alert in alerts if incident.answered_by(alert)]
        found += bool(hits)
        names = sorted({f"{alert['rule']} ({_about(alert)})" for alert in hits})
        table.add_row(f"{incident.begins:%Y-%m-%d}", incident.description, ", ".join(names) or "-")
    others = [a for a in alerts if not any(incident.explains(a) for incident in incidents)]
    console = Console(width=200 if not sys.stdout.isatty() else None)
    console.print(table)
    by_rule = Counter(alert["rule"] for alert in others)
    if show_others:
        for alert in others:
            headline = alert["top"][0]["title"] if alert["top"] else ""
            console.print(alert["started"][:16], alert["rule"], _about(alert), headline, sep="  ")
    click.echo(f"found {found} of {len(incidents)} incidents")
    click.echo(
        f"alerts {len(alerts)}, of no incident {len(others)}: {len(others) / weeks:.1f} a week"
    )
    for rule, count in by_rule.most_common():
        click.echo(f"  {rule}: {count / weeks:.1f} a week")


if __name__ == "__main__":
    main()
