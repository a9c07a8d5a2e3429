"""`undertone status`: how far everything is."""

import click

from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.overview import status_of
from monitor.settings import Settings
from monitor.store.engine import open_store


@click.command()
@configured
@as_json
def status(settings: Settings, as_json: bool) -> None:
    """Show articles, lag, open alerts, deliveries and feeds, from the store and the bus."""
    from monitor.bus.opening import open_bus

    prepare_data_dir(settings)
    values = status_of(settings, open_store(settings.store_url), open_bus(settings))
    if as_json:
        print_json(values)
        return
    for name, value in values.items():
        parts = value if isinstance(value, dict) else {}
        shown = ", ".join(f"{_words(key)} {count}" for key, count in parts.items()) or "none"
        click.echo(f"{_words(name):22} {shown if isinstance(value, dict) else value}")


def _words(name: str) -> str:
    return name.replace("_", " ")
