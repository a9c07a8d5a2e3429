"""`undertone backtest`: what the rules would have found."""

from datetime import datetime, timedelta
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.cli.options import (
    Moment,
    as_json,
    configured,
    prepare_data_dir,
    print_json,
    stored_span,
)
from monitor.evidence import with_evidence
from monitor.failures import UsageError
from monitor.replays import backtest as run_backtest
from monitor.settings import Settings
from monitor.store.engine import open_store
from monitor.store.sight import Sight


@click.command()
@click.option("--from", "since", type=Moment(), help="Show alerts from this time on.")
@click.option("--to", "until", type=Moment(), help="Replay up to this time.")
@click.option("--rules", "rules_path", type=click.Path(path_type=Path), help="Another rule file.")
@configured
@as_json
def backtest(
    settings: Settings,
    since: datetime | None,
    until: datetime | None,
    rules_path: Path | None,
    as_json: bool,
) -> None:
    """Run the rules over stored history, by the same code that runs live; nothing is sent.

    History before --from is used too: from it the rules learn what is usual.
    """
    prepare_data_dir(settings)
    rules = (settings.read_rules(rules_path) if rules_path else settings.rule_file).rules
    engine = open_store(settings.store_url)
    first, last = stored_span(settings, engine)
    since = since or first
    until = until or last
    if until <= since:
        raise UsageError(f"--to ({until}) is not after --from ({since})")
    table = Table("since", "until", "rule", "about", "negative", "usual", "headline", box=None)
    found = run_backtest(engine, rules, since, until)
    lateness = {rule.name: rule.lateness for rule in rules}
    for alert in found:
        complete = with_evidence(engine, alert, Sight(lateness[alert.rule]))
        if as_json:
            print_json(complete.as_json())
            continue
        table.add_row(
            f"{alert.started:%Y-%m-%d %H:%M}",
            f"{alert.resolved:%m-%d %H:%M}" if alert.resolved else "open",
            alert.rule,
            f"{alert.dimension} {alert.key}",
            f"{alert.negative}/{alert.stories}",
            f"{alert.baseline:.0%}",
            Text(complete.top[0].title if complete.top else ""),
        )
    if not as_json:
        Console().print(table)
        weeks = (until - since) / timedelta(weeks=1)
        click.echo(f"{len(found)} alerts in {weeks:.1f} weeks")
