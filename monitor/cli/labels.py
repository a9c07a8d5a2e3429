"""`undertone labels`: what people say of articles, and which articles to ask them about."""

import getpass
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from monitor.cli.options import Moment, as_json, configured, prepare_data_dir, print_json
from monitor.corrections import correction_of
from monitor.failures import DataError
from monitor.settings import Settings
from monitor.store import labels as label_store
from monitor.store.engine import open_store

SHOWN_ID = 12
"""Of an id as much as tells one article from another."""


@click.group()
def labels() -> None:
    """Correct the models: label articles, list what they are unsure of, export for training.

    \b
        undertone labels queue
        undertone labels add 3f2a9c --sentiment negative --topics credit,banks
        undertone labels export --output ours.jsonl
        undertone train --train ours.jsonl --output our-model

    A label never changes a score, a count or an alert: those stay what they were at the time.
    """


@labels.command()
@click.argument("article_id", metavar="ARTICLE")
@click.option("--sentiment", help="negative, neutral or positive.")
@click.option("--topics", help="All its topics, with commas; '' says that it has none.")
@click.option("--company", default="", help="Of this company in the text, not of the whole text.")
@click.option("--note", default="", help="Why.")
@click.option("--by", help="Who says so.  [default: your user name]")
@configured
@as_json
def add(
    settings: Settings,
    article_id: str,
    sentiment: str | None,
    topics: str | None,
    company: str,
    note: str,
    by: str | None,
    as_json: bool,
) -> None:
    """Keep a label of an article; the beginning of its id is enough.

    Labels that were given before are kept; the newest one is in force.
    """
    prepare_data_dir(settings)
    values: dict[str, Any] = {"company": company, "note": note, "by": by or _user()}
    if sentiment is not None:
        values["sentiment"] = sentiment
    if topics is not None:
        values["topics"] = [topic.strip() for topic in topics.split(",") if topic.strip()]
    correction = correction_of(values)
    if isinstance(correction, list):
        raise DataError("\n".join(f"--{problem}" for problem in correction))
    engine = open_store(settings.store_url)
    found = label_store.article_of(engine, article_id)
    label = found and label_store.add(engine, found, correction, datetime.now(UTC))
    if not label:
        raise DataError(f"no article, or more than one, has an id that begins with '{article_id}'")
    if as_json:
        print_json(asdict(label))
    else:
        click.echo(f"label {label.id} of article {label.article_id} is kept")


@labels.command("list")
@click.option("--article", help="Only of this article.")
@click.option("--history", is_flag=True, help="Also labels that later ones stand over.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, newest first.")
@configured
@as_json
def list_(
    settings: Settings, article: str | None, history: bool, limit: int | None, as_json: bool
) -> None:
    """List the labels in force, newest first."""
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    if history:
        found = label_store.history(engine, article, limit)
    else:
        found = label_store.current(engine, None if article is None else [article], limit)
    names = ("company", "sentiment", "topics", "by", "when", "note")
    table = Table(_article_column(), *names, box=None)
    for label in found:
        if as_json:
            print_json(asdict(label))
            continue
        table.add_row(
            label.article_id[:SHOWN_ID],
            Text(label.company),
            label.sentiment or "-",
            "-" if label.topics is None else ", ".join(label.topics) or "none",
            Text(label.by),
            label.labelled.strftime("%Y-%m-%d %H:%M"),
            Text(label.note),
        )
    if not as_json:
        Console().print(table)


@labels.command()
@click.option(
    "--below",
    type=click.FloatRange(0, 1),
    help="Less confident than this.  [default: models.low_confidence]",
)
@click.option(
    "--from", "since", type=Moment(), help="Published from this time on.  [default: the last week]"
)
@click.option("--to", "until", type=Moment(), help="Published before this time.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@configured
@as_json
def queue(
    settings: Settings,
    below: float | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the articles that the model is least sure of, and that nobody has labelled yet."""
    prepare_data_dir(settings)
    limit_of_confidence = settings.models.low_confidence if below is None else below
    engine = open_store(settings.store_url)
    names = ("confidence", "label", "published", "source", "title")
    table = Table(_article_column(), *names, box=None)
    for item in label_store.uncertain(engine, limit_of_confidence, since, until, limit):
        if as_json:
            print_json(asdict(item))
            continue
        table.add_row(
            item.id[:SHOWN_ID],
            f"{item.confidence:.0%}",
            item.label,
            item.published.strftime("%Y-%m-%d %H:%M"),
            Text(item.source),
            Text(item.title),
        )
    if not as_json:
        Console().print(table)


@labels.command()
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="File that is written: .jsonl or .csv.",
)
@click.option("--companies", is_flag=True, help="Also labels of companies, as a list of each row.")
@click.option(
    "--hashes",
    is_flag=True,
    help="Content hash, source and time in place of the text; `train --texts` finds it again.",
)
@click.option(
    "--weight",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="What each row counts for in training.",
)
@configured
def export(settings: Settings, output: Path, companies: bool, hashes: bool, weight: float) -> None:
    """Write the labels in force with their texts, as `undertone train --train` reads them.

    A text may be too confidential, or not yours, to leave the store: with --hashes the labels go
    alone, and meet their texts again in archives of the same news.

    \b
        undertone labels export --hashes --output hashes.jsonl
        undertone train --train hashes.jsonl --texts archives/ --output our-model
    """
    from monitor.label_export import export_rows, write_rows

    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    labelled = label_store.labelled_articles(engine)
    rows = export_rows(labelled, settings.watchlist_file, companies, hashes, weight)
    click.echo(f"{output}: {write_rows(output, rows)} labelled texts")


def _article_column() -> Column:
    """Whole at any width: it is what `add` is given."""
    return Column("article", no_wrap=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        # A container may run under a number without a name.
        return ""
