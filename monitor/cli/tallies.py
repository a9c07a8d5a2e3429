"""`undertone tallies`: the counts."""

from dataclasses import asdict
from datetime import datetime

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.options import Moment, as_json, configured, prepare_data_dir, print_json
from monitor.settings import Settings
from monitor.store.engine import open_store
from monitor.store.readers import BUCKET_WIDTHS_SECONDS, DIMENSIONS, tally_rows


@click.command()
@click.option("--dimension", type=click.Choice(DIMENSIONS), help="Only this dimension.")
@click.option("--key", help="Only this topic, company, source or language.")
@click.option("--from", "since", type=Moment(), help="From this time on (or 7d for a week ago).")
@click.option("--to", "until", type=Moment(), help="Before this time.")
@click.option(
    "--bucket", type=click.Choice(list(BUCKET_WIDTHS_SECONDS)), default="1h", show_default=True
)
@configured
@as_json
def tallies(
    settings: Settings,
    dimension: str | None,
    key: str | None,
    since: datetime | None,
    until: datetime | None,
    bucket: str,
    as_json: bool,
) -> None:
    """Print stories and articles by dimension, key and bucket of time.

    Tallies that were rolled up with age are of hours or days; "of" says which.

    undertone tallies --dimension topic --key credit --from 7d --bucket 1d
    """
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    names = ("dimension", "key", "bucket", "stories", "articles", "negative", "neutral", "positive")
    widths = {seconds: name for name, seconds in BUCKET_WIDTHS_SECONDS.items()}
    table = Table(*names, "of", box=None)
    for row in tally_rows(engine, dimension, key, since, until, BUCKET_WIDTHS_SECONDS[bucket]):
        if as_json:
            print_json(asdict(row))
        else:
            values = asdict(row) | {"bucket": row.bucket.strftime("%Y-%m-%d %H:%M")}
            table.add_row(*(str(values[name]) for name in names), widths[row.width_seconds])
    if not as_json:
        Console().print(table)
