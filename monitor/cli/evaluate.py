"""`undertone evaluate`: how good a model is on labelled texts."""

from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from monitor.cli.options import as_json, print_json


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="Model for all languages: bundled:en, a directory, or a classifier.")
@click.option(
    "--without",
    "without_paths",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Leave out texts that also stand in this file, such as the training part.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures as JSON."
)
@as_json
def evaluate(
    paths: tuple[Path, ...],
    model: str | None,
    without_paths: tuple[Path, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """Print precision, recall, F1 and support by class, accuracy, macro and weighted averages.

    PATHS are labelled sets: CSV, JSON lines or Parquet with text and sentiment and/or topics,
    or the published files of Financial PhraseBank, SEntFiN, NewsMTSC, FinCUGE and tfns.
    """
    import json

    from models.evaluation import evaluate as run_evaluation
    from models.scorer import DEFAULT_MODELS, Scorer
    from models.training.examples import without
    from models.training.labelled_files import read_labelled

    sets = {path: read_labelled(path) for path in paths}
    held_out = [example for path in without_paths for example in read_labelled(path)]
    scorer = Scorer.load({"en": model, "zh": model} if model else DEFAULT_MODELS)
    console, rows = Console(), []
    for path, examples in sets.items():
        kept = without(examples, held_out) if held_out else examples
        if not kept:
            continue
        scores = scorer.score(
            [example.text for example in kept], [example.language for example in kept]
        )
        for result in run_evaluation(kept, scores):
            row = {"set": str(path), "models": sorted(set(scores.models)), **result.as_json()}
            rows.append(row)
            if as_json:
                print_json(row)
                continue
            table = Table(
                "class",
                "precision",
                "recall",
                "F1",
                "support",
                box=None,
                title=f"{path.parent.name}/{path.name}: {result.task}, {result.texts} texts",
            )
            averages = {"macro": result.macro, "weighted": result.weighted, "micro": result.micro}
            for name, figures in (result.classes | averages).items():
                table.add_row(
                    name,
                    f"{figures.precision:.3f}",
                    f"{figures.recall:.3f}",
                    f"{figures.f1:.3f}",
                    str(figures.support),
                )
            console.print(table)
            error = result.calibration_error
            console.print(
                f"accuracy {result.accuracy:.3f}"
                + (f", calibration error {error:.3f}" if error is not None else "")
                + "\n"
            )
    if output is not None:
        output.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
