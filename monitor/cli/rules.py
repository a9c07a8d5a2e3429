"""`undertone rules`: checking a rule file, and what its rules do when nothing happens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from alerts.rules import AnyRule, CriticalRule
from monitor.cli.options import (
    Moment,
    as_json,
    configured,
    judged_span,
    prepare_data_dir,
    print_json,
)
from monitor.cli.suggest import suggest
from monitor.failures import UsageError
from monitor.rule_reach import check_retention
from monitor.settings import DEFAULT_RULES, Settings


@click.group()
def rules() -> None:
    """The rules that decide what an alert is."""


@rules.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@configured
def check(settings: Settings, path: Path | None) -> None:
    """Check a rule file: PATH, or the one in force. Errors name file, line and column."""
    chosen = path or settings.rules or DEFAULT_RULES
    found = settings.read_rules(chosen)
    check_retention(settings.store.retention, found.rules)
    for rule in found.rules:
        keys = ", ".join(rule.keys) if rule.keys else "every key"
        click.echo(f"{rule.name}: {rule.detector} on {rule.dimension} ({keys})")
    click.secho(f"{chosen}: {len(found.rules)} rules, all right", fg="green")


@rules.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--from", "since", type=Moment(), help="Count alarms from this time on.")
@click.option("--to", "until", type=Moment(), help="Use history up to this time.")
@click.option("--rule", "named", multiple=True, help="Only this rule; may be repeated.")
@click.option(
    "--shuffles", type=click.IntRange(1, 1_000), default=5, show_default=True, help="How many."
)
@click.option("--seed", default=1, show_default=True, help="The same seed, the same figures.")
@configured
@as_json
def simulate(
    settings: Settings,
    path: Path | None,
    since: datetime | None,
    until: datetime | None,
    named: tuple[str, ...],
    shuffles: int,
    seed: int,
    as_json: bool,
) -> None:
    """How often the rules of PATH, or those in force, fire when nothing happens.

    Each key's labels of the stored history are shuffled in time, so that no share ever turns; what
    fires then is a false alarm. `critical` rules, which look at no share, are left out. The first
    two weeks only teach the rules, unless --from is given.
    """
    from monitor.replays import simulate as run_simulation
    from monitor.store.engine import open_store

    prepare_data_dir(settings)
    found = settings.read_rules(path or settings.rules or DEFAULT_RULES).rules
    unknown = sorted(set(named) - {rule.name for rule in found})
    if unknown:
        raise UsageError(f"--rule {unknown[0]}: no such rule; there are {_names(found)}")
    engine = open_store(settings.store_url)
    since, until = judged_span(settings, engine, since, until)
    table = Table("rule", "asked per 30 days", "found per 30 days", "95% interval", box=None)
    for rule in found:
        if isinstance(rule, CriticalRule) or (named and rule.name not in named):
            continue
        result = run_simulation(engine, rule, since, until, shuffles, seed)
        interval = result.interval if result.days else None
        if as_json:
            print_json(
                {
                    "rule": rule.name,
                    "asked_a_day": result.asked,
                    "alarms": result.alarms,
                    "days": round(result.days, 3),
                    "a_day": result.rate if result.days else None,
                    "interval_a_day": interval,
                }
            )
            continue
        asked = "" if result.asked is None else f"{30 * result.asked:.3g}"
        found_rate, between = "no history", ""
        if interval is not None:
            found_rate = f"{30 * result.rate:.2f}"
            between = f"{30 * interval[0]:.2f} to {30 * interval[1]:.2f}"
        table.add_row(rule.name, asked, found_rate, between)
    if not as_json:
        Console().print(table)
        click.echo(f"{shuffles} shuffles of {(until - since) / timedelta(days=1):.0f} days")


rules.add_command(suggest)


def _names(found: Sequence[AnyRule]) -> str:
    return ", ".join(rule.name for rule in found)
