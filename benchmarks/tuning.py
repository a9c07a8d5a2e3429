"""What fine-tuning brings on published sets: `python -m benchmarks.tuning --data DIR --set fpb`.

Each run is what `undertone train` does with its defaults, on the train part as it was published (of
FinFE's 2,020 test texts 1,107 also stand there). PhraseBank, which has no test part of its own, is
parted in ten folds. A line of JSON a run goes to
`--output`, where finished runs are not repeated; the means over the runs are printed.
"""

import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import numpy as np
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedKFold

from models.answers import open_model
from models.labels import SENTIMENTS
from models.training.examples import Example, without
from models.training.labelled_files import read_labelled

SETS = {
    "fpb": ("fpb/50Agree.txt", None, "en"),
    "finfe": ("fincuge/finfe-train_list.json", "fincuge/finfe-eval_list.json", "zh"),
    "finnsp": ("fincuge/finnsp-train_list.json", "fincuge/finnsp-eval_list.json", "zh"),
    "finnl": ("fincuge/finnl-train_list.json", "fincuge/finnl-eval_list.json", "zh"),
}
FOLDS = 10
BATCH_TEXTS = 64


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True)
@click.option("--set", "name", type=click.Choice(sorted(SETS)), required=True)
@click.option("--method", default="full", show_default=True)
@click.option("--seeds", default=3, show_default=True)
@click.option("--folds", default=FOLDS, show_default=True, help="So many of the ten.")
@click.option("--more", default="", help="More options of train.")
@click.option("--output", type=click.Path(path_type=Path), required=True)
def main(
    data: Path,
    name: str,
    method: str,
    seeds: int,
    folds: int,
    more: str,
    output: Path,
) -> None:
    done = [json.loads(line) for line in output.read_text().splitlines()] if output.exists() else []
    options = ["--method", method, *shlex.split(more)]
    if name == "finnl":
        options.append("--own-topics")
    found = []
    for seed in range(seeds):
        for fold, (known, test) in enumerate(_parts(data, name, seed, folds)):
            run = {"set": name, "seed": seed, "fold": fold, "options": options}
            figures = next((row["figures"] for row in done if row["run"] == run), None)
            if figures is None:
                figures = _measured(known, test, SETS[name][2], [*options, "--seed", str(seed)])
                with output.open("a") as lines:
                    lines.write(json.dumps({"run": run, "figures": figures}) + "\n")
            found.append(figures)
            click.echo(f"{name} {method} seed {seed} fold {fold}: {figures}")
    for key in found[0]:
        values = [figures[key] for figures in found]
        click.echo(f"mean {key} {np.mean(values):.4f} (spread {np.std(values):.4f})")


def _parts(
    data: Path, name: str, seed: int, folds: int
) -> Iterator[tuple[list[Example], list[Example]]]:
    train_file, test_file, _ = SETS[name]
    examples = read_labelled(data / train_file, name == "finnl")
    if test_file is not None:
        yield examples, read_labelled(data / test_file, name == "finnl")
        return
    labels = [example.sentiment for example in examples]
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for known, test_rows in list(splitter.split(np.zeros(len(labels)), labels))[:folds]:
        test = [examples[row] for row in test_rows]
        yield without([examples[row] for row in known], test), test


def _measured(
    known: Sequence[Example], test: Sequence[Example], language: str, options: Sequence[str]
) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="tuning-") as name:
        folder = Path(name)
        rows = [
            {
                "text": item.text,
                "sentiment": item.sentiment,
                "topics": item.topics and sorted(item.topics),
            }
            for item in known
        ]
        (folder / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = [sys.executable, "-m", "monitor", "train", "--language", language]
        files = ["--train", str(folder / "train.jsonl"), "--output", str(folder / "model")]
        subprocess.run([*command, *files, *options], check=True)
        model = open_model(str(folder / "model"), language)
    answers = [
        model.answer(model.tokenise([item.text for item in test[start : start + BATCH_TEXTS]]))
        for start in range(0, len(test), BATCH_TEXTS)
    ]
    if test[0].sentiment is None:
        target = [[topic in (item.topics or ()) for topic in model.topics] for item in test]
        chosen = np.concatenate([passed for _, _, passed in answers])
        return {"micro_f1": float(f1_score(target, chosen, average="micro"))}
    truth = np.array([SENTIMENTS.index(item.sentiment or "neutral") for item in test])
    found = np.concatenate([probabilities.argmax(-1) for probabilities, _, _ in answers])
    return {
        "accuracy": float((found == truth).mean()),
        "macro_f1": float(f1_score(truth, found, average="macro")),
        "negative_f1": float(f1_score(truth == 0, found == 0)),
    }


if __name__ == "__main__":
    main()
