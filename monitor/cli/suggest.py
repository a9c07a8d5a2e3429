"""`undertone rules suggest`: a rule file proposed for known incidents."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from monitor.cli.backtest_tables import delay_text
from monitor.cli.options import (
    Moment,
    as_json,
    configured,
    judged_span,
    prepare_data_dir,
    print_json,
)
from monitor.failures import UsageError
from monitor.rule_grid import DETECTORS
from monitor.settings import Settings

if TYPE_CHECKING:
    from monitor.rule_suggestions import Part, Proposal, Search

QUICK_FIRST = ("volume", "surge", "cusum")
SEARCHING = 0.6
"""Of the time that is given; the rest is for the test."""


class Budget(click.ParamType[float]):
    """False alarms a day, as rule files have them."""

    name = "rate"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        from alerts.rule_fields import parse_rate

        try:
            return value if isinstance(value, float) else parse_rate(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command()
@click.option(
    "--events",
    "events_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Known incidents, as `undertone backtest` reads them.",
)
@click.option(
    "--budget",
    type=Budget(),
    default="1 per 7d",
    show_default=True,
    help="False alarms that you put up with, of all rules of a proposal together.",
)
@click.option("--from", "since", type=Moment(), help="Judge alerts from this time on.")
@click.option("--to", "until", type=Moment(), help="Use history up to this time.")
@click.option(
    "--choose-on",
    type=click.FloatRange(0.2, 0.9),
    default=2 / 3,
    show_default="two thirds",
    help="The first part of the time, on which settings are chosen.",
)
@click.option(
    "--detector",
    "detectors",
    multiple=True,
    type=click.Choice(list(DETECTORS)),
    help="Only rules of this kind; may be repeated.",
)
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, 600),
    default=10.0,
    show_default=True,
    help="How long it may take, about. Fewer settings are tried in less.",
)
@click.option(
    "--shuffles",
    type=click.IntRange(1, 100),
    show_default="as many as the budget takes, at most 5",
    help="How often labels are shuffled.",
)
@click.option("--seed", default=1, show_default=True, help="Of the shuffles.")
@configured
@as_json
def suggest(
    settings: Settings,
    events_path: Path,
    budget: float,
    since: datetime | None,
    until: datetime | None,
    choose_on: float,
    detectors: tuple[str, ...],
    minutes: float,
    shuffles: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Propose rules that find known incidents within a budget of false alarms.

    For each kind of detector (surge, cusum, volume) a few settings are tried for each dimension
    that the incidents are about. Those are chosen that find most incidents in the first two thirds
    of the time and raise no more false alarms there than the budget, counted as
    `undertone rules simulate` counts them: with the labels shuffled. On the last third they are
    only tested, and both figures are told: it is the second that a desk may hope for.

    Prints a rule file. The kind that did best in the first part is in force in it, the others
    stand below as comments. History before --from, by default two weeks, only teaches the rules.

    \b
        undertone rules suggest --events incidents.csv > proposed.yaml
        undertone rules check proposed.yaml
        undertone backtest --rules proposed.yaml --rules rules.yaml --events incidents.csv
    """
    from monitor.incident_file import read_incidents
    from monitor.rule_suggestions import Search, propose
    from monitor.store.engine import open_store

    watched = settings.watchlist_file.names("company"), settings.watchlist_file.names("theme")
    incidents = read_incidents(events_path, *watched)
    prepare_data_dir(settings)
    engine = open_store(settings.store_url)
    since, until = judged_span(settings, engine, since, until)
    split = since + choose_on * (until - since)
    search = Search(incidents, since, split, until, budget, shuffles, seed)
    if not search.known:
        raise UsageError(
            f"no incident lies between {since:%Y-%m-%d} and {split:%Y-%m-%d}, on which settings "
            "are chosen; move it with --from and --choose-on"
        )
    # What is quick first: time that it does not need is left to the others.
    wanted = [name for name in QUICK_FIRST if name in detectors or not detectors]
    deadline = time.monotonic() + 60 * minutes
    proposals = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json) as bar:
        task = bar.add_task("history", total=len(wanted))

        def on_trial(told: str) -> None:
            bar.update(task, description=told)

        for place, detector in enumerate(wanted):
            own = (deadline - time.monotonic()) / (len(wanted) - place)
            proposals.append(
                propose(engine, search, detector, SEARCHING * own, time.monotonic, on_trial)
            )
            bar.update(task, advance=1)
    proposals.sort(key=lambda proposal: proposal.rank)
    text = _file(events_path, search, proposals)
    if as_json:
        print_json(_plain(search, proposals, text))
        return
    console = Console(stderr=True)
    console.print(_table(proposals))
    for proposal in proposals:
        for note in _notes(proposal):
            console.print(note, style="yellow", highlight=False, markup=False)
    click.echo(text, nl=False)


def _file(events_path: Path, search: Search, proposals: Sequence[Proposal]) -> str:
    """The rule file: the first proposal in force, the others as comments."""
    from monitor.rule_grid import file_text, rate_text

    lines = [
        f"# Proposed by `undertone rules suggest` for {' '.join(str(events_path).split())}.",
        f"# Budget of false alarms: {rate_text(search.budget)}, of all rules below together.",
        f"# Chosen on {search.since:%Y-%m-%d} to {search.split:%Y-%m-%d} "
        f"({len(search.known)} incidents), tested on what follows to {search.until:%Y-%m-%d} "
        f"({len(search.unseen)} incidents).",
    ]
    for place, proposal in enumerate(proposals):
        rules = file_text(proposal.chosen)
        if place == 0:
            rules = rules or "rules: []\n"
        else:
            lines += ["", "# In place of the rules above:"]
            rules = "".join(f"# {line}\n" for line in rules.splitlines())
        lines += [
            "#",
            f"# {proposal.detector}, where chosen: {_told(proposal.known)}",
            f"# {proposal.detector}, where tested: {_told(proposal.tested)}",
            *(f"# {note}" for note in _notes(proposal)),
            "#",
            rules.rstrip("\n"),
        ]
    return "\n".join(lines) + "\n"


def _told(part: Part) -> str:
    """The figures of one part, in a sentence."""
    judgement = part.judgement
    told = [
        f"found {judgement.found} of {len(judgement.outcomes)} incidents",
        f"{judgement.alerts_a_week:.2f} alerts a week",
    ]
    if judgement.precision is not None:
        told.append(f"precision {judgement.precision:.0%}")
    if judgement.median_delay is not None:
        told.append(f"median delay {delay_text(judgement.median_delay)}")
    return "; ".join([*told, f"false alarms per 30 days {_rate(part)}"])


def _rate(part: Part) -> str:
    if part.false_alarms is None:
        return "not measured"
    lower, upper = part.interval
    return f"{30 * part.false_alarms:.2f} ({30 * lower:.2f} to {30 * upper:.2f})"


def _notes(proposal: Proposal) -> list[str]:
    """What was not tried, and what was left out."""
    kept = {candidate.rule.dimension for candidate in proposal.chosen}
    notes = []
    for choice in proposal.choices:
        about = f"{proposal.detector} on {choice.dimension}"
        if choice.tried < choice.of:
            notes.append(f"{about}: time for {choice.tried} of {choice.of} settings")
        if choice.unmeasured:
            notes.append(
                f"{about}: left out, no time to measure {choice.unmeasured} settings that found "
                "something; give --minutes more"
            )
        elif choice.trial is None:
            notes.append(f"{about}: left out, no settings found an incident within the budget")
        elif choice.dimension not in kept:
            notes.append(f"{about}: left out, it found nothing that the others do not")
    return notes


def _table(proposals: Sequence[Proposal]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("detector")
    table.add_column("part")
    for name in ("found", "precision", "alerts\na week", "median\ndelay"):
        table.add_column(name, justify="right")
    table.add_column("false alarms per 30 days", justify="right")
    for proposal in proposals:
        for name, part in (("chosen", proposal.known), ("tested", proposal.tested)):
            judgement = part.judgement
            median, precision = judgement.median_delay, judgement.precision
            table.add_row(
                proposal.detector if name == "chosen" else "",
                name,
                f"{judgement.found} of {len(judgement.outcomes)}",
                "-" if precision is None else f"{precision:.0%}",
                f"{judgement.alerts_a_week:.2f}",
                "-" if median is None else delay_text(median),
                _rate(part),
            )
    return table


def _plain(search: Search, proposals: Sequence[Proposal], text: str) -> dict[str, Any]:
    from monitor.rule_reports import figures

    def part(item: Part) -> dict[str, Any]:
        measured = item.false_alarms is not None
        return {
            **figures(item.judgement),
            "false_alarms_a_day": item.false_alarms,
            "false_alarms_interval_a_day": list(item.interval) if measured else None,
        }

    return {
        "since": search.since,
        "split": search.split,
        "until": search.until,
        "budget_a_day": search.budget,
        "proposals": [
            {
                "detector": proposal.detector,
                "rules": [dict(candidate.fields) for candidate in proposal.chosen],
                "chosen": part(proposal.known),
                "tested": part(proposal.tested),
                "notes": _notes(proposal),
            }
            for proposal in proposals
        ],
        "rule_file": text,
    }
