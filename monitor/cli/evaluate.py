"""`undertone evaluate`: how good a model is on labelled texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from monitor.cli.options import as_json, print_json, tier_option, write_report
from monitor.failures import DataError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.scorer import Scorer
    from models.tiers import Tier
    from models.training.examples import Example

BUNDLED = "bundled"


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--model",
    default=BUNDLED,
    show_default=True,
    help="Model for all languages: bundled:en, a directory, or a classifier."
    " `bundled` is the bundled one of each language.",
)
@tier_option
@click.option(
    "--compare",
    nargs=2,
    metavar="A B",
    help="Two models on the same texts, with a verdict: McNemar's test on the texts that only one"
    " has right, and an interval of the difference in macro F1.",
)
@click.option("--by", default="", help="Figures by slice too: source, language or source,language.")
@click.option(
    "--baselines",
    "with_baselines",
    is_flag=True,
    help="The majority class, TF-IDF with logistic regression and VADER (English) beside it.",
)
@click.option(
    "--train",
    "train_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="What the baselines learn from, less what stands in the set; without it they are"
    " cross-validated on the set itself. May be given several times.",
)
@click.option(
    "--without",
    "without_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Leave out texts that also stand in this file, such as the training part.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with plots; it needs no other file.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures as JSON."
)
@as_json
def evaluate(
    paths: tuple[Path, ...],
    model: str,
    tier: Tier | None,
    compare: tuple[str, str] | None,
    by: str,
    with_baselines: bool,
    train_paths: tuple[Path, ...],
    without_paths: tuple[Path, ...],
    html: Path | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Print how good a model is on labelled texts: precision, recall, F1 and support by class,
    accuracy and averages with 95% bootstrap intervals, confusion and calibration error.

    PATHS are labelled sets: CSV, JSON lines or Parquet with text and sentiment and/or topics,
    or the published files of Financial PhraseBank, SEntFiN, NewsMTSC, FinCUGE and tfns. Rows that
    name `companies` are a task of their own: sentiment towards each of them.

    \b
        undertone evaluate labels.csv
        undertone evaluate labels.csv --baselines --train train.csv --html report.html
        undertone evaluate labels.csv --compare bundled our-model
    """
    specs = _specs(paths, model, compare)
    if tier and BUNDLED not in specs:
        raise UsageError("--tier chooses among the bundled models: give it or --model")
    ways = _ways(by)
    if train_paths and not with_baselines:
        raise UsageError("--train says what baselines learn from: give --baselines too")
    for path in (html, output):
        if path is not None and not path.absolute().parent.is_dir():
            raise UsageError(f"{path}: no such folder: {path.absolute().parent}")

    from models.backends.options import BackendOptions
    from models.evaluation.baselines import require
    from models.evaluation.page import page
    from models.evaluation.report import report
    from models.labels import TOPICS
    from models.scorer import Scorer
    from models.tiers import bundled_models
    from models.training.labelled_files import read_labelled

    if with_baselines:
        require()
    models = {
        spec: Scorer.load(
            bundled_models(tier or "accurate") if spec == BUNDLED else {"en": spec, "zh": spec},
            BackendOptions(device="auto"),
        )
        for spec in specs
    }
    topics = _topics(models)
    own = topics != TOPICS
    sets = _sets(paths, without_paths, own)
    train = [example for path in train_paths for example in read_labelled(path, own)]
    console, reports = Console(), []
    for name, examples in sets.items():
        for item in report(name, examples, models, ways, with_baselines, train, topics):
            reports.append(item)
            if as_json:
                print_json(item.as_json())
                continue
            from monitor.cli.evaluation_tables import tables

            for part in tables(item):
                console.print(part, highlight=False, soft_wrap=isinstance(part, str))
    rows = [item.as_json() for item in reports]
    if output is not None:
        write_report(output, json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
    if html is not None:
        write_report(html, page(reports))


def _specs(paths: tuple[Path, ...], model: str, compare: tuple[str, str] | None) -> tuple[str, ...]:
    """The models to evaluate, as they were named. Raises UsageError."""
    if compare is None:
        if not paths:
            raise UsageError("name a file of labelled texts: undertone evaluate labels.csv")
        return (model,)
    for spec in compare:
        if Path(spec).is_file():
            raise UsageError(
                f"--compare takes two models, and {spec} is a file: --compare A B labels.csv"
            )
    if not paths:
        raise UsageError(
            "name a file of labelled texts after the two models: --compare A B labels.csv"
        )
    if model != BUNDLED:
        raise UsageError("give either --model or --compare")
    if compare[0] == compare[1]:
        raise UsageError(f"--compare {compare[0]} {compare[1]}: name two different models")
    return compare


def _topics(models: Mapping[str, Scorer]) -> tuple[str, ...]:
    """The topics that the models answer with. Raises UsageError where they differ."""
    found = {scorer.topic_names for scorer in models.values()}
    if len(found) > 1:
        raise UsageError("the two models have different topics: they cannot be compared")
    return found.pop()


def _ways(by: str) -> list[str]:
    from models.evaluation.report import SLICES

    ways = [way.strip() for way in by.split(",") if way.strip()]
    for way in ways:
        if way not in SLICES:
            raise UsageError(f"--by {way}: {' and '.join(SLICES)} are known")
    return ways


def _sets(
    paths: tuple[Path, ...], without_paths: tuple[Path, ...], own_topics: bool
) -> Mapping[str, list[Example]]:
    """The sets by name, less what is held out. Raises DataError where nothing remains."""
    from models.training.examples import without
    from models.training.labelled_files import read_labelled

    sets = {str(path): read_labelled(path, own_topics) for path in paths}
    if not without_paths:
        return sets
    held_out = [example for path in without_paths for example in read_labelled(path)]
    kept = {name: without(examples, held_out) for name, examples in sets.items()}
    for name, examples in kept.items():
        if not examples:
            click.secho(f"{name}: every text stands in --without: left out", fg="yellow", err=True)
    if not any(kept.values()):
        raise DataError("every text of every set stands in --without: nothing to evaluate")
    return {name: examples for name, examples in kept.items() if examples}
