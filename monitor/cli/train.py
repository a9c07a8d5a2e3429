"""`undertone train`: a model from labelled texts."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import click

from monitor.cli.train_progress import TrainingBar
from monitor.cli.training_data import own_corpus, recipe_corpus, student_reading
from monitor.failures import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from models.training.adapters import Method
    from models.training.fit import Progress as Step
    from models.training.fit import Schedule
    from models.training.plan import BornAgain, TrainingPlan
    from models.training.recipes import Corpus, Recipe
    from models.training.start import Start

OWN_BATCH_TEXTS = 32
METHODS = ("full", "lora", "adalora", "linear")
LEARNING_RATES = {"full": 5e-5, "lora": 5e-4, "adalora": 2e-3, "linear": 0.0}
EPOCHS = {"full": 4, "lora": 6, "adalora": 8, "linear": 1}


@click.command()
@click.option("--recipe", type=click.Choice(["en", "zh"]), help="Make a bundled model again.")
@click.option("--data", type=click.Path(path_type=Path, file_okay=False), help="The recipe's sets.")
@click.option(
    "--texts",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Archives with the texts of rows that have a content_hash and no text.",
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
    help="Validation texts; without them a tenth of the training texts, near-duplicates together.",
)
@click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    help="Language of the texts; without it that of most of them.",
)
@click.option(
    "--start",
    help="Model to go on from: bundled:en, a model directory.  [default: the bundled model]",
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False),
    help="Start from an encoder's folder (config.json, model.safetensors, tokenizer.json) instead.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    help="All weights, low-rank additions, low-rank with a budget that moves, or n-grams.",
)
@click.option("--rank", type=click.IntRange(1, 256), default=32, show_default=True)
@click.option("--epochs", type=click.IntRange(1, 100))
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True))
@click.option("--batch-size", type=click.IntRange(1, 4096))
@click.option("--accumulate", type=click.IntRange(1, 64), default=1, help="Parts of a batch.")
@click.option(
    "--max-tokens",
    type=click.IntRange(8, 512),
    help="Tokens read of a text.  [default: what holds 95 in 100 of them whole, at most 256]",
)
@click.option("--patience", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option("--seed", type=int, default=2026, show_default=True)
@click.option(
    "--refit/--no-refit",
    default=None,
    help="Whether to train anew with the validation texts too, once they have shown what is best: "
    "twice the time.  [default: only --method linear, and without --valid]",
)
@click.option(
    "--wide/--no-wide",
    default=None,
    help="Whether n-grams, which remember texts that recur, are put beside the encoder where the "
    "validation texts show that they help.  [default: yes, without --recipe]",
)
@click.option(
    "--born-again",
    type=click.IntRange(0, 100),
    help="Passes of a second training, in which the trained model goes on and learns its own "
    "answers beside the labels.  [default: with --recipe the recipe's, else 0]",
)
@click.option("--own-topics", is_flag=True, help="The data's topics are the model's, not ours.")
@click.option("--bf16/--no-bf16", default=None, help="Half the precision.  [default: measured]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--search", type=click.IntRange(2, 1000), help="Try so many settings (Optuna).")
@click.option("--licence", default="own", help="Licence of the data, for the model's manifest.")
@click.option("--wandb", help="Weights & Biases project to log to.")
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
    output: Path,
    licence: str,
    search: int | None,
    wandb: str | None,
    **options: Any,
) -> None:
    """Train a model on labelled texts, and write a directory that `models` settings can name.

    A row is a text with a sentiment, with topics, or with both; it may name companies with a
    sentiment each. In place of its text it may have the content_hash of it. Training goes on from
    the bundled model of the language, so that a few hundred labels help. The run can be
    interrupted: the same command goes on where it was.

    \b
        undertone train --train labels.csv --output our-model
        undertone train --train hashes.jsonl --texts archives/ --output our-model

    A bundled model is made again by its recipe:

    \b
        undertone train --recipe en --data DIR --texts DIR --output models/bundled/en
    """
    if bool(recipe) == bool(train_files):
        raise UsageError("give either --recipe or --train")
    from models.training.recipes import RECIPES

    if recipe:
        chosen = RECIPES[recipe]
        corpus = recipe_corpus(chosen, data, texts)
    else:
        corpus = own_corpus(
            train_files, valid_files, texts, licence, options["own_topics"], options["seed"]
        )
        chosen = RECIPES[options["language"] or _language(corpus)]
    if options["wide"] and options["method"] == "linear":
        raise UsageError("--wide puts n-grams beside an encoder; --method linear is n-grams alone")
    if options["born_again"] is None:
        is_encoder = options["method"] != "linear"
        options["born_again"] = chosen.born_again_epochs if recipe and is_encoder else 0
    if options["born_again"] and options["method"] == "linear":
        raise UsageError("--born-again trains an encoder again; --method linear has none")
    # Texts that were taken from the training texts may teach once they have validated.
    taken = not recipe and not valid_files
    if options["refit"] is None:
        options["refit"] = options["method"] == "linear" and taken
    if options["wide"] is None:
        options["wide"] = not recipe
    options["wide_learns_all"] = taken
    # What is wrong with the texts is told before these are imported, which takes seconds.
    from models.training.device import keep_freed_memory
    from models.training.logs import tensorboard_log, wandb_log
    from models.training.run import train as run_training
    from models.training.run import workplace_of
    from models.training.search import search as run_search

    keep_freed_memory()
    plan = _plan(chosen, bool(recipe), corpus, output, options)
    click.echo(f"{len(plan.train)} texts to train on, {len(plan.valid)} to validate", err=True)
    with TrainingBar() as bar:
        listeners: list[Callable[[Step], None]] = [bar.show]
        if log := tensorboard_log(output.with_name(output.name + ".logs")):
            listeners.append(log)
        if wandb:
            listeners.append(wandb_log(wandb, output.name))

        def tell(step: Step) -> None:
            for listener in listeners:
                listener(step)

        if any(workplace_of(output).rglob("*.safetensors")):
            bar.say("going on from an interrupted run, if it was this one")
        if search:
            manifest = run_search(plan, search, output, tell, bar.trial)
        else:
            manifest = run_training(plan, output, tell)
    if plan.wide:
        click.echo(_wide_told(manifest.metrics.get("wide")), err=True)
    click.echo(f"{output}: {manifest.identifier}")


def _wide_told(figures: Mapping[str, float] | None) -> str:
    if figures is None:
        return "n-grams beside the encoder do not help: left out"
    return (
        f"n-grams beside the encoder, weight {figures['weight']:.2f}: macro-F1 of the sentiment on "
        f"the validation texts {figures['sentiment_f1']:.4f}, without them "
        f"{figures['sentiment_f1_without']:.4f}"
    )


def _language(corpus: Corpus) -> str:
    from models.languages import route

    chinese = sum(route(example.language) == "zh" for example in corpus.train)
    return "zh" if 2 * chinese > len(corpus.train) else "en"


def _plan(
    recipe: Recipe, is_recipe: bool, corpus: Corpus, output: Path, options: Mapping[str, Any]
) -> TrainingPlan:
    from models.backends.devices import pick_device
    from models.labels import TOPICS
    from models.loading import open_tokenizer
    from models.training.device import fast_in_bf16
    from models.training.lengths import tokens_to_read
    from models.training.plan import TrainingPlan

    method: Method | Literal["linear"] = options["method"] or (
        cast("Method", recipe.method) if is_recipe else "full"
    )
    device = pick_device(options["device"])
    topics = TOPICS
    if options["own_topics"]:
        topics = tuple(sorted({topic for row in corpus.train for topic in row.topics or ()}))
        if not topics:
            raise UsageError("--own-topics: the training texts name no topic")
    bf16 = options["bf16"]
    if bf16 is None:
        bf16 = method != "linear" and fast_in_bf16(device)
    start = _start(recipe, is_recipe, options)
    max_tokens = options["max_tokens"] or recipe.max_tokens
    if not (options["max_tokens"] or is_recipe or method == "linear"):
        network, tokenizer_path, _ = start.open(topics)
        tokenizer = open_tokenizer(tokenizer_path, max_tokens)
        max_tokens = tokens_to_read(tokenizer, network.backbone, corpus.train, max_tokens)
    schedule = _schedule(recipe, is_recipe, method, bf16, max_tokens, options)
    return TrainingPlan(
        name=recipe.name if is_recipe else output.name,
        languages=(recipe.language,),
        start=start,
        method=method,
        rank=options["rank"],
        schedule=schedule,
        train=corpus.train,
        valid=corpus.valid,
        sources=corpus.sources,
        command=shlex.join(["undertone", *sys.argv[1:]]),
        device=device,
        topics=topics,
        held_out=corpus.real,
        refit=options["refit"],
        wide=options["wide"] and method != "linear",
        wide_learns_all=options["wide_learns_all"],
        born_again=_born_again(recipe, is_recipe, corpus, schedule, options),
    )


def _born_again(
    recipe: Recipe,
    is_recipe: bool,
    corpus: Corpus,
    schedule: Schedule,
    options: Mapping[str, Any],
) -> BornAgain | None:
    if not options["born_again"]:
        return None
    from models.training.plan import BornAgain

    rate = options["learning_rate"] or (
        recipe.born_again_learning_rate if is_recipe else schedule.learning_rate
    )
    return BornAgain(options["born_again"], rate, student_reading(corpus, []))


def _schedule(
    recipe: Recipe,
    is_recipe: bool,
    method: str,
    bf16: bool,
    max_tokens: int,
    options: Mapping[str, Any],
) -> Schedule:
    from models.training.fit import Schedule

    return Schedule(
        learning_rate=options["learning_rate"]
        or (recipe.learning_rate if is_recipe else LEARNING_RATES[method]),
        epochs=options["epochs"] or (recipe.epochs if is_recipe else EPOCHS[method]),
        batch_size=options["batch_size"] or (recipe.batch_size if is_recipe else OWN_BATCH_TEXTS),
        max_tokens=max_tokens,
        accumulate=options["accumulate"],
        patience=options["patience"],
        class_weight_power=recipe.class_weight_power,
        seed=options["seed"],
        bf16=bf16,
    )


def _start(recipe: Recipe, is_recipe: bool, options: Mapping[str, Any]) -> Start:
    from models.directories import resolve
    from models.manifest import Base, read_manifest
    from models.training.start import from_base, from_model

    base, start = options["base"], options["start"]
    if base is not None and start is not None:
        raise UsageError("give either --base or --start")
    if base is None and not is_recipe:
        directory = resolve(start or f"bundled:{recipe.language}")
        return from_model(directory, read_manifest(directory))
    if base is None and not recipe.base.package:
        raise UsageError(
            f"the {recipe.language} base ({recipe.base.name}) is not a package: give --base DIR"
        )
    known = recipe.base
    if base is not None and (known.package or base.name not in known.name):
        known = Base(name=base.name, licence="not stated", package="", sha256="")
    return from_base(known, recipe.pooling, base)
