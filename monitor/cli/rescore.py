"""`undertone rescore`: stored articles by another model."""

from __future__ import annotations

import os
import uuid
from datetime import datetime
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from models.labels import SENTIMENTS
from monitor.cli.options import Moment, as_json, configured, prepare_data_dir, print_json
from monitor.failures import DataError, UsageError
from monitor.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from monitor.score_changes import ScoreChanges


@click.command()
@click.option(
    "--model",
    "name",
    metavar="PATH|VERSION",
    help="A directory, a version of the registry or bundled:NAME.  [default: what is in service]",
)
@click.option("--from", "since", type=Moment(), help="Published from this time on.  [default: all]")
@click.option("--to", "until", type=Moment(), help="Published before this time.")
@click.option("--source", help="Only articles of this source.")
@click.option("--language", help="Only articles in this language, as stored (en, zh, ja).")
@click.option("--adopt", is_flag=True, help="Make the new scores the ones that count.")
@click.option("--history", is_flag=True, help="List past adoptions; nothing is scored.")
@configured
@as_json
def rescore(
    settings: Settings,
    name: str | None,
    since: datetime | None,
    until: datetime | None,
    source: str | None,
    language: str | None,
    adopt: bool,
    history: bool,
    as_json: bool,
) -> None:
    """Score stored articles again with another model, and say what that changes.

    The new scores are kept beside those that count, and touch no count and no alert, until they
    are adopted. Look first, then adopt; what was scored is not scored again:

    \b
        undertone rescore --model our-model --from 2026-01-01
        undertone models promote our-model --on our-test-set.csv
        undertone rescore --model our-model --from 2026-01-01 --adopt

    With --adopt tallies, console and rules go over to the new scores. What they replace is kept
    with its time, so `undertone explain` still recomputes every alert as it was. While scores are
    exchanged no alert is raised; what is due then comes right afterwards. New articles are scored
    by the model in service: promote it first.

    Companies are found by the present watchlist. Either step can be interrupted and repeated; a
    repeat goes on where it was. Articles whose scores are by that model already are left alone.
    """
    from monitor.store.engine import open_store

    if history and (name or since or until or source or language or adopt):
        raise UsageError("--history goes alone")
    if since is not None and until is not None and since >= until:
        raise UsageError(f"--from {since:%Y-%m-%d %H:%M} is not before --to {until:%Y-%m-%d %H:%M}")
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    if history:
        _show_history(engine, as_json)
        return

    from models.watchlist import Watchlist
    from monitor.rescoring import adopt as adopt_beside
    from monitor.rescoring import changes_beside, not_in_service, open_models, score_beside, targets
    from monitor.store.rescores import Selection

    opened = open_models(settings, name)
    chosen = targets(engine, opened.by_language, language)
    if not chosen:
        named = ", ".join(opened.by_language.values())
        which = "" if language is None else f" in {language}"
        raise DataError(f"no article{which} is stored that {named} is made for")
    selection = Selection(chosen, since, until, source)
    watchlist = Watchlist(settings.watchlist_file.companies)
    with _Bars(as_json) as bars:
        scored = score_beside(engine, opened.scorer, watchlist, selection, bars.show)
        if adopt:
            owner = f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
            changes = adopt_beside(engine, selection, settings.bus.partitions, owner, bars.show)
        else:
            changes = changes_beside(engine, selection)
    others = not_in_service(settings, opened.by_language)
    if as_json:
        print_json(
            {"models": chosen, "scored": scored, "adopted": adopt, "in_service_otherwise": others}
            | changes.as_json()
        )
        return
    _show_changes(changes)
    done = "now count" if adopt else "are kept beside; --adopt makes them count"
    click.echo(f"{scored} articles scored; the scores of {changes.articles} {done}")
    for key, serving in others.items():
        click.secho(f"new articles in {key} are scored by {serving}", fg="yellow", err=True)


class _Bars:
    """A bar for each thing that is done, on standard error."""

    def __init__(self, hidden: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=hidden,
        )
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> _Bars:
        self._progress.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.stop()

    def show(self, what: str, done: int, of: int) -> None:
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what)
        self._progress.update(self._bars[what], completed=done, total=max(of, done))


def _show_changes(changes: ScoreChanges) -> None:
    if not changes.articles:
        return
    console = Console()
    table = Table("before \\ after", *SENTIMENTS, box=None)
    for before in SENTIMENTS:
        after = changes.labels.get(before, {})
        table.add_row(before, *(str(after.get(label, 0)) for label in SENTIMENTS))
    console.print(table)
    share = changes.labels_changed / changes.articles
    console.print(
        f"{changes.labels_changed} of {changes.articles} labels change ({share:.1%}), "
        f"{changes.companies_changed} readings of companies"
    )
    if changes.topics:
        topics = Table("topic", "gained", "lost", box=None)
        for topic, change in sorted(changes.topics.items()):
            topics.add_row(Text(topic), str(change.gained), str(change.lost))
        console.print(topics)


def _show_history(engine: Engine, as_json: bool) -> None:
    from monitor.store.adoptions import past_adoptions

    table = Table("began", "ended", "models", "published", "source", "articles", "labels", box=None)
    for item in past_adoptions(engine):
        selection = item.selection
        if as_json:
            print_json(
                {
                    "began": item.began,
                    "ended": item.ended,
                    "models": selection.models,
                    "from": selection.since,
                    "to": selection.until,
                    "source": selection.source,
                }
                | item.changes.as_json()
            )
            continue
        table.add_row(
            f"{item.began:%Y-%m-%d %H:%M}",
            "under way, or broken off" if item.ended is None else f"{item.ended:%Y-%m-%d %H:%M}",
            Text(", ".join(sorted(set(selection.models.values())))),
            " to ".join(
                "-" if time is None else f"{time:%Y-%m-%d %H:%M}"
                for time in (selection.since, selection.until)
            ),
            Text(selection.source or "all"),
            str(item.changes.articles),
            str(item.changes.labels_changed),
        )
    if not as_json:
        Console().print(table)
