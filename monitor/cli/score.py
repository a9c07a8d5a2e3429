"""`undertone score`: the score role, or texts from a file without any daemon."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.init import TEMPLATES
from monitor.cli.lines import chunks_of_lines, opened
from monitor.cli.options import print_json, tier_option
from monitor.cli.roles import role_options, run_role
from monitor.failures import Invalid, UsageError

if TYPE_CHECKING:
    from models.scores import Scores
    from models.watchlist import Watchlist
    from monitor.settings import Settings
    from monitor.text_rows import NumberedRow, TextRow

SHOWN_REFUSALS = 20


@click.command()
@click.argument("file", required=False)
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object a line.")
@click.option("--jsonl", is_flag=True, help="FILE's lines are JSON objects that may ask for more.")
@tier_option
@role_options
def score(file: str | None, as_json: bool, jsonl: bool, **options: Any) -> None:
    """Score texts, or run the score role.

    With FILE (or - for standard input) every line is a text; the answers come in the order of the
    lines, as they are ready, and no daemon is needed:

        undertone score --json headlines.txt

    With --jsonl every line is an object with a text, if you like its language, and up to 100
    companies; the answer says for each company how the text reads for it:

        {"text": "Aldi soars as Tesco slumps", "companies": ["Aldi", "Tesco"]}

    A company of the watchlist is found by all its names (of the one that `undertone init` writes,
    where the configuration names none). A line that is no such object is answered with its number
    and what is wrong with it; the exit code is 1 then.

    Without FILE this is the role: it takes articles from the bus and puts their scores back.
    Several may run; the bus's partitions are shared out among them.
    """
    if file is None:
        if as_json or jsonl:
            raise UsageError("--json needs a FILE of texts, or - for standard input")
        run_role("score", **options)
        return
    from models.watchlist import Watchlist
    from monitor.scoring import load_scorer
    from monitor.settings import load_settings
    from monitor.text_rows import prepare

    settings = load_settings(
        options["config"], {"data_dir": options["data_dir"], "models.tier": options["tier"]}
    )
    refused = 0
    with opened(file) as descriptor:
        watchlist = _watchlist(settings) if jsonl else Watchlist([])
        scorer = load_scorer(settings)
        chunks = _rows(descriptor, jsonl)
        for rows, scores in scorer.stream(chunks, partial(prepare, scorer, watchlist)):
            at = 0
            for numbered in rows:
                row = numbered.row
                if isinstance(row, Invalid):
                    refused += 1
                    _refuse(file, numbered.line, row, refused, as_json)
                    continue
                if as_json:
                    _print_answer(row, scores, at, jsonl)
                else:
                    _show_answer(row, scores, at)
                at += 1 + len(row.asked)
        if scorer.cut_texts:
            click.secho(
                "texts longer than their model reads, so that only their beginning counted: "
                f"{scorer.cut_texts}",
                fg="yellow",
                err=True,
            )
    if refused:
        raise click.exceptions.Exit(1)


def _watchlist(settings: Settings) -> Watchlist:
    from models.watchlist import Watchlist

    if settings.watchlist is None:
        settings = settings.model_copy(update={"watchlist": TEMPLATES / "watchlist.yaml"})
    return Watchlist(settings.watchlist_file.companies)


def _rows(descriptor: int, jsonl: bool) -> Iterator[list[NumberedRow]]:
    from monitor.text_rows import (
        MAX_LINE_BYTES,
        MAX_ROW_BYTES,
        NumberedRow,
        json_row,
        parts,
        text_row,
    )

    read, limit = (json_row, MAX_ROW_BYTES) if jsonl else (text_row, MAX_LINE_BYTES)
    before = 0
    for lines in chunks_of_lines(descriptor, limit):
        yield from parts(
            NumberedRow(number, read(line)) for number, line in enumerate(lines, before + 1)
        )
        before += len(lines)


def _refuse(file: str, line: int, why: Invalid, refused: int, as_json: bool) -> None:
    if as_json:
        print_json({"line": line, "error": why.reason})
    if refused <= SHOWN_REFUSALS:
        name = "standard input" if file == "-" else file
        click.secho(f"{name}:{line}: {why.reason}", fg="yellow", err=True)
    elif refused == SHOWN_REFUSALS + 1:
        click.secho("more lines were refused; only the first are shown", fg="yellow", err=True)


def _print_answer(row: TextRow, scores: Scores, at: int, with_companies: bool) -> None:
    answer: dict[str, object] = {
        "text": row.text,
        "language": scores.languages[at],
        "sentiment": _sentiment(scores, at),
        "label": scores.label(at),
        "topics": {
            topic: round(float(scores.topics[at, number]), 4)
            for number, topic in enumerate(scores.topic_names)
        },
        "model": scores.models[at],
    }
    if with_companies:
        answer["companies"] = [
            {"name": name, "sentiment": _sentiment(scores, index), "label": scores.label(index)}
            for index, name in enumerate(row.asked, at + 1)
        ]
    print_json(answer)


def _show_answer(row: TextRow, scores: Scores, at: int) -> None:
    topics = ", ".join(scores.topics_of(at)) or "-"
    head = f"{scores.label(at):8} {scores.sentiment[at].max():4.0%}  {scores.languages[at]}"
    click.echo(f"{head}  {topics:24} {row.text}")
    for index, name in enumerate(row.asked, at + 1):
        click.echo(f"  {scores.label(index):8} {scores.sentiment[index].max():4.0%}  {name}")


def _sentiment(scores: Scores, at: int) -> dict[str, float]:
    from models.labels import SENTIMENTS

    return {
        name: round(float(value), 4)
        for name, value in zip(SENTIMENTS, scores.sentiment[at], strict=True)
    }
