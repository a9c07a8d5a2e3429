"""`undertone run`: everything, on one machine."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.text import Text

from ingest.archives import read_archive
from monitor.cli.options import prepare_data_dir
from monitor.daemon import Supervisor, check_port, only_one, role_command
from monitor.roles import alert_link
from monitor.settings import load_settings
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration; by default undertone.yaml in this folder, if there is one.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where everything is kept.  [default: ./var]",
)
@click.option("--host", help="Address that the console listens on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port of the console.")
@click.option("--sample/--no-sample", default=None, help="Replay the sample story at the start.")
def run(
    config: Path | None,
    data_dir: Path | None,
    host: str | None,
    port: int | None,
    sample: bool | None,
) -> None:
    """Run all roles: take news in, score it, count it, detect, notify, and show it.

    Without a configuration it keeps everything in ./var, polls two dozen public feeds, and replays
    a sample story about an invented bank that ends in an alert. Stop it with Ctrl-C.
    """
    settings = load_settings(
        config,
        {"data_dir": data_dir, "web.host": host, "web.port": port, "sample": sample},
    )
    folder = prepare_data_dir(settings)
    # Read now, so that a mistake in them is told once and before anything starts.
    _ = settings.rule_file, settings.watchlist_file
    for replay in settings.replays:
        read_archive(replay.path, replay.map)
    with only_one(folder):
        check_port(settings.web.host, settings.web.port)
        engine = open_store(settings.store_url)
        console = Console()
        address = f"http://{settings.web.host}:{settings.web.port}"
        console.print(
            Text.assemble("Undertone is at ", (address, "bold cyan"), " (Ctrl-C stops it)")
        )
        if settings.sample:
            console.print(
                "Replaying a sample: a crisis at Caldrennick Bank, which is invented, as is all "
                "news marked (sample) or （示例）."
            )
        for alert in alert_store.listing(engine, alert_store.OPEN_STATES, limit=5):
            console.print(
                f"Still open: {alert.rule} on {alert.key}, {alert_link(settings, alert.id)}"
            )
        engine.dispose()
        overrides = {
            "--data-dir": data_dir,
            "--host": host,
            "--port": port,
            "--sample": sample,
        }
        flags = {name: str(value) for name, value in overrides.items() if value is not None}
        roles = ("web", "score", "aggregate", "ingest", "detect", "notify")
        sys.stdout.flush()
        sys.exit(Supervisor(roles, role_command(config, flags), folder).run())
