"""`undertone train`: a model from labelled texts."""

from __future__ import annotations

import hashlib
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from monitor.failures import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.manifest import Base

SHOWN_MISSING = 20


@click.command()
@click.option("--recipe", type=click.Choice(["en", "zh"]), help="Make a bundled model again.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The recipe's sets.")
@click.option(
    "--texts",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Archives with the texts of the recipe's labelled items.",
)
@click.option(
    "--train",
    "train_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labelled texts: CSV, JSON lines or Parquet. May be given several times.",
)
@click.option(
    "--valid",
    "valid_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Validation texts; without them a tenth of the training texts.",
)
@click.option("--language", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of another base encoder (config.json, model.safetensors, tokenizer.json).",
)
@click.option("--method", type=click.Choice(["full", "lora"]), help="What is trained.")
@click.option("--epochs", type=click.IntRange(1, 100))
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True))
@click.option(
    "--bf16/--no-bf16", default=False, help="Half the precision, where the CPU is fast in it."
)
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that the model is written to.",
)
def train(
    recipe: str | None,
    data: Path | None,
    texts: Path | None,
    train_files: tuple[Path, ...],
    valid_files: tuple[Path, ...],
    language: str,
    base: Path | None,
    method: str | None,
    epochs: int | None,
    learning_rate: float | None,
    bf16: bool,
    output: Path,
) -> None:
    """Train a model on labelled texts, and write a directory that `models` settings can name.

    A row is a text with a sentiment, with topics, or with both. The run can be interrupted: the
    same command goes on after the last whole epoch.

        undertone train --train labels.csv --output our-model

    A bundled model is made again by its recipe:

        undertone train --recipe en --data DIR --texts DIR --output models/bundled/en
    """
    if bool(recipe) == bool(train_files):
        raise UsageError("give either --recipe or --train")
    from dataclasses import replace

    from models.manifest import DataSource
    from models.training.examples import read_labelled, split, without
    from models.training.fit import Progress as Step
    from models.training.fit import Schedule
    from models.training.recipes import RECIPES, Corpus
    from models.training.run import TrainingPlan
    from models.training.run import train as run_training

    chosen = RECIPES[recipe or language]
    if recipe:
        if data is None and recipe == "en":
            raise UsageError(
                "--recipe en needs --data: the folder with tfns-sentiment, tfns-topic, sentfin"
            )
        corpus = chosen.corpus(data or Path(), _found_texts(chosen.labelled_items, texts))
    else:
        examples = [example for path in train_files for example in read_labelled(path)]
        valid = [example for path in valid_files for example in read_labelled(path)]
        if not valid:
            first, second, third = split(examples)
            examples, valid = [*first, *third], second
        sources = tuple(
            DataSource(
                name=path.name,
                rows=len(read_labelled(path)),
                licence="own",
                sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )
            for path in train_files
        )
        corpus = Corpus(without(examples, valid), without(valid, []), {}, sources)
    if not chosen.base.package and base is None:
        raise UsageError(
            f"the {language} base ({chosen.base.name}) is not a package: give --base DIR"
        )
    schedule = Schedule(
        learning_rate=learning_rate or chosen.learning_rate,
        epochs=epochs or chosen.epochs,
        batch_size=chosen.batch_size,
        max_tokens=chosen.max_tokens,
        bf16=bf16,
    )
    plan = TrainingPlan(
        name=chosen.name if recipe else output.name,
        languages=(chosen.language,),
        base=chosen.base if base is None else replace_base(chosen.base, base),
        base_path=base,
        pooling=chosen.pooling,
        method=method or chosen.method,
        schedule=replace(schedule),
        train=corpus.train,
        valid=corpus.valid,
        sources=corpus.sources,
        command=shlex.join(["undertone", *sys.argv[1:]]),
    )
    click.echo(f"{len(plan.train)} texts to train on, {len(plan.valid)} to validate", err=True)
    columns = (
        TextColumn("epoch {task.fields[epoch]}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%  loss {task.fields[loss]:.3f}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("train", total=None, epoch=1, loss=0.0)

        def show(step: Step) -> None:
            bar.update(
                task, total=step.steps, completed=step.step, epoch=step.epoch + 1, loss=step.loss
            )
            if step.valid:
                figures = ", ".join(f"{name} {value:.4f}" for name, value in step.valid.items())
                bar.console.print(f"epoch {step.epoch + 1}: {figures}")

        manifest = run_training(plan, output, show)
    click.echo(f"{output}: {manifest.identifier}")


def _found_texts(labelled: Mapping[str, Mapping[str, Any]], folder: Path | None) -> dict[str, str]:
    """The texts of labelled items, with a word on those that were not found."""
    from monitor.labelled_texts import texts_by_hash

    found = texts_by_hash(folder, labelled.keys()) if folder and labelled else {}
    missing = [row for digest, row in labelled.items() if digest not in found]
    if missing:
        reason = f"not in {folder}" if folder else "give --texts DIR, with the archives"
        click.secho(f"{len(missing)} labelled items are left out: {reason}", fg="yellow", err=True)
    for row in missing[:SHOWN_MISSING] if folder else ():
        click.echo(f"  {row['published']} {row['source']} {row['content_hash']}", err=True)
    return found


def replace_base(base: Base, folder: Path) -> Base:
    """The same record for another folder of weights."""
    import msgspec

    if (folder / "model.safetensors").is_file() and not base.package:
        return base
    return msgspec.structs.replace(
        base, name=folder.name, licence="not stated", package="", sha256=""
    )
