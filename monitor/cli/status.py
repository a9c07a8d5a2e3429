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
        shown = (
            value
            if not isinstance(value, dict)
            else ", ".join(f"{key} {count}" for key, count in value.items()) or "none"
        )
        click.echo(f"{name.replace('_', ' '):22} {shown}")
