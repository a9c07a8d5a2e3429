"""`undertone alerts`: what has fired."""

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from alerts.alert import Event
from alerts.channels.terminal import panel
from alerts.messages import Message
from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.failures import DataError
from monitor.roles import alert_link
from monitor.settings import Settings
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store

ID_CHARACTERS = 16


@click.group()
def alerts() -> None:
    """The alerts: list them, or show one with its evidence."""


@alerts.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are not resolved.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, newest first.")
@configured
@as_json
def list_(settings: Settings, only_open: bool, limit: int | None, as_json: bool) -> None:
    """List alerts, newest first, each with its headlines."""
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    states = alert_store.OPEN_STATES if only_open else None
    table = Table(box=None)
    # Whole, however narrow the terminal is: it is what `show` and `explain` are given.
    table.add_column("alert", no_wrap=True, min_width=ID_CHARACTERS)
    for name in ("state", "since", "rule", "about", "negative", "headline"):
        table.add_column(name)
    for alert in alert_store.listing(engine, states, limit):
        if as_json:
            print_json(alert.as_json())
            continue
        table.add_row(
            alert.id,
            Text(alert.state, "red" if alert.state == "firing" else "green"),
            alert.started.strftime("%Y-%m-%d %H:%M"),
            alert.rule,
            f"{alert.dimension} {alert.key}",
            f"{alert.negative}/{alert.stories}",
            Text(alert.top[0].title if alert.top else ""),
        )
    if not as_json:
        Console().print(table)


@alerts.command()
@click.argument("alert_id", metavar="ALERT")
@configured
@as_json
def show(settings: Settings, alert_id: str, as_json: bool) -> None:
    """Show one alert; the beginning of its id is enough."""
    prepare_data_dir(settings)
    found = alert_store.find(open_store(settings.store_url), alert_id)
    if found is None:
        raise DataError(f"no alert, or more than one, has an id that begins with '{alert_id}'")
    if as_json:
        print_json(found.as_json())
    else:
        event: Event = "resolved" if found.state == "resolved" else "firing"
        Console().print(panel(Message(event, found, alert_link(settings, found.id))))
