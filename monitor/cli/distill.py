"""`undertone distill`: a fast model that answers as a slower one does."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.cli.train_progress import TrainingBar
from monitor.cli.training_data import own_corpus, recipe_corpus, student_reading
from monitor.failures import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.manifest import Manifest
    from models.training.plan import TrainingPlan
    from models.training.recipes import Corpus
    from models.training.study import FastRecipe

OWN_LAYERS = "2"
"""Of a teacher of one's own, where nothing else is asked for."""


@click.command()
@click.option("--recipe", type=click.Choice(["en", "zh"]), help="Make a bundled fast model again.")
@click.option("--teacher", help="The slower model: bundled:en, or a model directory.")
@click.option(
    "--layers",
    help="The teacher's layers that are kept: 0,5 are those, 2 is two, evenly picked.  "
    "[default: with --recipe the recipe's, else two]",
)
@click.option(
    "--neurons",
    type=click.IntRange(1, 16_384),
    help="Neurons that are kept of each feed-forward layer: those that the others make up for "
    "least.  [default: with --recipe the recipe's, else all]",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The sets of the language's recipe.",
)
@click.option(
    "--texts",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Archives: the texts of items that are labelled by hash, and with --titles all titles.",
)
@click.option(
    "--titles/--no-titles",
    default=None,
    help="Whether the student also reads the archives' other titles.  "
    "[default: not with --recipe, else yes]",
)
@click.option(
    "--train",
    "train_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labelled texts of your own, instead of the recipe's. May be given several times.",
)
@click.option(
    "--valid",
    "valid_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Validation texts to --train; without them a tenth of it.",
)
@click.option(
    "--epochs",
    type=click.IntRange(0, 1000),
    help="Passes over the texts.  0: the student is cut to size and calibrated, and learns nothing."
    "  [default: the recipe's]",
)
@click.option("--learning-rate", type=click.FloatRange(0, 1, min_open=True))
@click.option("--batch-size", type=click.IntRange(1, 4096))
@click.option(
    "--max-tokens",
    type=click.IntRange(8, 512),
    help="Tokens read of a text.  [default: as many as the teacher reads]",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0.5, 20),
    default=2.0,
    show_default=True,
    help="How much the teacher's sentiments are softened.",
)
@click.option(
    "--labels-weight",
    type=click.FloatRange(0, 10),
    default=0.5,
    show_default=True,
    help="How much the texts' own labels count beside the teacher's answers.",
)
@click.option(
    "--dropout",
    type=click.FloatRange(0, 0.9),
    help="Share of activations that a step leaves out.  [default: as the teacher's]",
)
@click.option("--patience", type=click.IntRange(1, 100), default=4, show_default=True)
@click.option("--seed", type=int, default=2026, show_default=True)
@click.option("--bf16/--no-bf16", default=None, help="Half the precision.  [default: measured]")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--licence", default="own", help="Licence of --train, for the model's manifest.")
@click.option(
    "--output",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory that the model is written to.",
)
def distill(
    recipe: str | None,
    teacher: str | None,
    data: Path | None,
    texts: Path | None,
    titles: bool | None,
    train_files: tuple[Path, ...],
    valid_files: tuple[Path, ...],
    output: Path,
    licence: str,
    **options: Any,
) -> None:
    """Distil a model: a student with some of its teacher's layers learns to answer as it does.

    The teacher answers every text once; the student learns its sentiments, its topics and its
    vector of each text, and the texts' own labels where they have any. It is asked about companies
    as its teacher is. The run can be interrupted: the same command goes on where it was.

    \b
        undertone distill --teacher bundled:en --layers 0,5 --data DIR --texts DIR --output fast-en
        undertone distill --teacher our-model --layers 2 --train labels.csv --output our-fast

    The bundled fast models are made by a recipe:

    \b
        undertone distill --recipe en --data DIR --texts DIR --output models/bundled/en-fast
        undertone distill --recipe zh --texts DIR --output models/bundled/zh-fast

    A recipe reads what its teacher was trained on and nothing else: public sets whose licence
    allows it (English: twitter-financial-news, SEntFiN and NewsMTSC, all MIT), this project's
    written texts, and the archives' items that this project labelled. Other titles of the archives
    are read with --titles only: whose news they are decides whether such a model may be passed on.
    """
    if recipe and (teacher or train_files):
        raise UsageError("--recipe names teacher and texts: give no --teacher and no --train")
    if not recipe and not teacher:
        raise UsageError("give either --recipe or --teacher")
    if valid_files and not train_files:
        raise UsageError("--valid validates --train: give that too")
    titles = (texts is not None and not recipe) if titles is None else titles
    if titles and texts is None:
        raise UsageError("--titles needs --texts: the folder with the archives")
    from models.directories import resolve
    from models.labels import TOPICS
    from models.manifest import read_manifest
    from models.training.device import keep_freed_memory
    from models.training.recipes import RECIPES
    from models.training.run import train
    from models.training.study import FAST_RECIPES

    keep_freed_memory()
    directory = resolve(teacher or f"bundled:{recipe}")
    manifest = read_manifest(directory)
    language = recipe or ("zh" if "zh" in manifest.languages else "en")
    own_topics = manifest.topics != TOPICS
    if train_files:
        corpus = own_corpus(train_files, valid_files, None, licence, own_topics, options["seed"])
    elif own_topics:
        raise UsageError(
            f"{manifest.name} has topics of its own: give --train, with texts labelled by them"
        )
    else:
        corpus = recipe_corpus(RECIPES[language], data, texts)
    fast = FAST_RECIPES[language]
    name = f"{manifest.name}-fast" if recipe else output.name
    read_too = texts if titles else None
    plan = _plan(name, directory, manifest, corpus, fast, recipe is not None, read_too, options)
    click.echo(
        f"{len(plan.train)} texts for {manifest.identifier} to answer and for the student to read, "
        f"{len(plan.valid)} to validate; layers {', '.join(map(str, plan.start.layers))}"
        + (f" of {plan.start.neurons} neurons" if plan.start.neurons else ""),
        err=True,
    )
    with TrainingBar() as bar:
        made = train(plan, output, bar.show)
    click.echo(f"{output}: {made.identifier}")


def _plan(
    name: str,
    directory: Path,
    teacher: Manifest,
    corpus: Corpus,
    fast: FastRecipe,
    recipe: bool,
    titles: Path | None,
    options: Mapping[str, Any],
) -> TrainingPlan:
    from models.backends.devices import pick_device
    from models.languages import route
    from models.training.device import fast_in_bf16
    from models.training.fit import Schedule
    from models.training.lessons import Distillation
    from models.training.plan import TrainingPlan
    from models.training.start import from_teacher
    from monitor.unlabelled_texts import unlabelled_titles

    max_tokens = options["max_tokens"] or teacher.max_tokens
    if max_tokens > teacher.max_tokens:
        raise UsageError(
            f"--max-tokens {max_tokens}: the teacher reads {teacher.max_tokens}, choose no more"
        )
    layers, neurons = (fast.layers, fast.neurons) if recipe else (OWN_LAYERS, 0)
    start = from_teacher(
        directory, teacher, options["layers"] or layers, options["neurons"] or neurons
    )
    language = route(teacher.languages[0])
    unlabelled, archives = unlabelled_titles(titles, language) if titles else ([], [])
    device = pick_device(options["device"])
    bf16 = fast_in_bf16(device) if options["bf16"] is None else options["bf16"]
    return TrainingPlan(
        name=name,
        languages=teacher.languages,
        start=start,
        method="full",
        rank=0,
        schedule=Schedule(
            learning_rate=options["learning_rate"] or fast.learning_rate,
            epochs=fast.epochs if options["epochs"] is None else options["epochs"],
            batch_size=options["batch_size"] or fast.batch_size,
            max_tokens=max_tokens,
            patience=options["patience"],
            class_weight_power=0.25,
            seed=options["seed"],
            bf16=bf16,
            dropout=options["dropout"],
        ),
        train=student_reading(corpus, unlabelled),
        valid=corpus.valid,
        sources=(*corpus.sources, *archives),
        command=shlex.join(["undertone", *sys.argv[1:]]),
        device=device,
        topics=teacher.topics,
        held_out=corpus.real,
        distillation=Distillation(
            directory,
            teacher.identifier,
            temperature=options["temperature"],
            labels_weight=options["labels_weight"],
        ),
    )
