"""`undertone backtest`: what the rules would have found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from monitor.cli.options import (
    Moment,
    as_json,
    configured,
    prepare_data_dir,
    print_json,
    stored_span,
    write_report,
)
from monitor.failures import UsageError
from monitor.settings import DEFAULT_RULES, Settings
from monitor.store.engine import open_store
from monitor.store.reach import reach_of_store

if TYPE_CHECKING:
    from alerts.incidents import Incident
    from alerts.rules import AnyRule


@click.command()
@click.option(
    "--rules",
    "rules_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Another rule file; several are compared side by side.",
)
@click.option("--from", "since", type=Moment(), help="Show alerts from this time on.")
@click.option("--to", "until", type=Moment(), help="Replay up to this time.")
@click.option(
    "--events",
    "events_path",
    type=click.Path(path_type=Path),
    help="Known incidents to hold the rules against: CSV, YAML or JSON lines.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write tables and plots to this file; it loads nothing from outside.",
)
@click.option(
    "--plots",
    "max_plots",
    type=click.IntRange(0, 1_000),
    default=10,
    show_default=True,
    help="Plots a rule in the page, those with incidents first.",
)
@configured
@as_json
def backtest(
    settings: Settings,
    rules_paths: tuple[Path, ...],
    since: datetime | None,
    until: datetime | None,
    events_path: Path | None,
    html: Path | None,
    max_plots: int,
    as_json: bool,
) -> None:
    """Run the rules over stored history, by the same code that runs live; nothing is sent.

    History before --from is used too: from it the rules learn what is usual. Give --from some weeks
    after the beginning of the history, else the first alerts are of rules that know nothing yet.

    --events names incidents that should have raised an alert:

    \b
        name,first_story,company,topic,key
        737 MAX grounded,2019-03-10T08:12Z,Boeing,,
        Rout of the stock markets,2018-10-10,,markets,all

    An alert about any of the keys meets the incident when it starts between the beginning of that
    UTC day and `end`, by default three days on; the incident is found when one starts within 24
    hours of the first story. A day alone says that the hour is unknown: no delay is told then.
    Fields: name, first_story, end, company, topic, source, language, and key for anything
    (`all`, `topic markets`). Several names are parted by `;`. In YAML they stand in a list under
    `incidents:`.

    \b
        undertone backtest
        undertone backtest --from 2018-02-01 --events incidents.csv
        undertone backtest --from 2018-02-01 --events incidents.csv --html report.html
        undertone backtest --rules mine.yaml --rules theirs.yaml --events incidents.csv --json
    """
    from monitor.backtest_page.page import page
    from monitor.backtest_page.traces import Traces
    from monitor.cli.backtest_tables import alert_table, counted, report_tables
    from monitor.incident_file import read_incidents
    from monitor.rule_reports import differences, file_report, in_range

    if html is not None and not html.absolute().parent.is_dir():
        raise UsageError(f"{html}: no such folder: {html.absolute().parent}")
    paths = list(dict.fromkeys(rules_paths)) or [settings.rules or DEFAULT_RULES]
    files = [(path, settings.read_rules(path).rules) for path in paths]
    watched = settings.watchlist_file.names("company"), settings.watchlist_file.names("theme")
    incidents = read_incidents(events_path, *watched) if events_path else []
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    first, last = stored_span(settings, engine)
    since = since or first
    until = until or last
    if until <= since:
        raise UsageError(f"--to ({until}) is not after --from ({since})")
    rolled_up_to = reach_of_store(engine).five_minutes_from
    if since.timestamp() < rolled_up_to:
        click.secho(
            f"tallies before {datetime.fromtimestamp(rolled_up_to, UTC):%Y-%m-%d %H:%M} are rolled "
            "up: most rules see nothing of that time, and find no incident in it",
            fg="yellow",
            err=True,
        )
    within = in_range(incidents, since, until)
    _require_incidents(incidents, within, since, until)
    traces = {
        (str(path), rule.name): Traces(since, until)
        for path, rules in files
        for rule in rules
        if html is not None
    }
    reports = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json) as bar:
        task = bar.add_task("rules", total=sum(len(rules) for _, rules in files))

        def on_rule(rule: AnyRule) -> None:
            bar.update(task, advance=1, description=rule.name)

        for path, rules in files:
            observers = {name: told for (file, name), told in traces.items() if file == str(path)}
            reports.append(
                file_report(engine, path, rules, within, since, until, observers, on_rule)
            )
    changes = list(differences(reports))
    outside = len(incidents) - len(within)
    if html is not None:
        named = str(events_path) if events_path else None
        write_report(html, page(reports, changes, traces, named, outside, max_plots))
    is_report = bool(incidents) or len(reports) > 1
    if as_json:
        rows = [item.as_json() for item in reports] + [item.as_json() for item in changes]
        for row in rows if is_report else rows[0]["alerts"]:
            print_json(row)
        return
    console = Console()
    if is_report:
        for part in report_tables(reports, changes, outside, bool(incidents)):
            console.print(part, highlight=False, soft_wrap=isinstance(part, str))
    else:
        console.print(alert_table(reports[0].alerts))
    weeks = (until - since) / timedelta(weeks=1)
    told = "; ".join(counted(len(report.alerts), "alert") for report in reports)
    click.echo(f"{told} in {weeks:.1f} weeks, {since:%Y-%m-%d} to {until:%Y-%m-%d}")


def _require_incidents(
    incidents: Sequence[Incident], within: Sequence[Incident], since: datetime, until: datetime
) -> None:
    """Raises UsageError where there are incidents, and none is of that time."""
    if incidents and not within:
        first = min(incident.first_story for incident in incidents)
        last = max(incident.first_story for incident in incidents)
        raise UsageError(
            f"no incident lies between {since:%Y-%m-%d} and {until:%Y-%m-%d}; "
            f"they are of {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )
