"""`undertone backfill`: archives into the store."""

from __future__ import annotations

import itertools
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.archives import RefusedRow, read_archive
from models.watchlist import Watchlist
from monitor.backfill import BackfillResult
from monitor.backfill import backfill as run_backfill
from monitor.cli.options import as_json, configured, parse_mapping, prepare_data_dir, print_json
from monitor.failures import UsageError
from monitor.settings import Settings
from monitor.store.engine import open_store

if TYPE_CHECKING:
    from models.scorer import Scorer

SHOWN_REFUSALS = 20


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--map", "pairs", multiple=True, help="Another column name: --map title=headline.")
@click.option("--source", help="Source of rows that name none.")
@configured
@as_json
def backfill(
    settings: Settings,
    paths: tuple[Path, ...],
    pairs: tuple[str, ...],
    source: str | None,
    as_json: bool,
) -> None:
    """Score and count archives of past news: JSON lines, CSV or Parquet, plain, .gz or .zst.

    A row is an article: published, source, title, text, language, url; --map gives other column
    names. What is stored already is left out, so a backfill can be interrupted and repeated. It
    sends no alert. Rules learn from it what is usual, and `undertone backtest` shows what they
    would have found.

    A row that cannot be read is named with its line and its reason, and the others are taken in;
    the exit code is 1 then. Mend such rows and run it again.

        undertone backfill --map title=headline news-2025.csv.gz
    """
    for path in paths:
        if not path.is_file():
            raise UsageError(f"{path}: no such file")
    mapping = parse_mapping(pairs)
    # All are opened before the first is read: a mistake in the last one shows at once.
    archives = [read_archive(path, mapping, source) for path in paths]
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    refused = 0

    def show(row: RefusedRow) -> None:
        nonlocal refused
        refused += 1
        if refused <= SHOWN_REFUSALS:
            click.secho(f"refused: {row}", fg="yellow", err=True)
        elif refused == SHOWN_REFUSALS + 1:
            click.secho("more rows were refused; only their number is shown", fg="yellow", err=True)

    def scorer() -> Scorer:
        from monitor.scoring import load_scorer

        return load_scorer(settings)

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, disable=as_json) as progress:
        bar = progress.add_task("rows", total=None)

        def on_progress(result: BackfillResult) -> None:
            progress.update(bar, completed=result.read)

        result = run_backfill(
            engine,
            scorer,
            Watchlist(settings.watchlist_file.companies),
            itertools.chain.from_iterable(archives),
            settings.bus.partitions,
            show,
            on_progress,
        )
    print_json(asdict(result))
    if refused:
        raise click.exceptions.Exit(1)
