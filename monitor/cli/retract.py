"""`undertone retract`: an article that its publisher has taken back."""

from datetime import UTC, datetime

import click

from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.failures import DataError
from monitor.settings import Settings
from monitor.store.engine import open_store
from monitor.store.labels import article_of
from monitor.store.retraction import retract as take_back


@click.command()
@click.argument("article_id", metavar="ARTICLE")
@configured
@as_json
def retract(settings: Settings, article_id: str, as_json: bool) -> None:
    """Take back an article that its publisher has retracted; the beginning of its id is enough.

    It counts no more, and is not counted again unless its publisher changes it. What it was is
    kept, so that alerts that it was part of can be explained; one that would not have fired without
    it gets a follow-up. Ids are to be had from `undertone explain --json`. A correction needs no
    command: it comes as the same article with another text.
    """
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    found = article_of(engine, article_id)
    outcome = "unknown" if found is None else take_back(engine, found, datetime.now(UTC))
    if outcome == "unknown":
        raise DataError(f"no article, or more than one, has an id that begins with '{article_id}'")
    if outcome == "expired":
        raise DataError(f"article {found} is older than the store keeps articles: it is settled")
    if as_json:
        print_json({"id": found, "result": outcome})
    else:
        click.echo(f"article {found} is retracted")
