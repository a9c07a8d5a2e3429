"""Counting a model's confusion on labelled texts, and keeping it in the model's manifest."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from models.answers import open_model
from models.confusion import TASKS, Confusion, Counts
from models.evaluation.report import answers
from models.labels import SENTIMENTS
from models.manifest import Manifest, read_manifest, write_manifest
from models.scorer import Scorer
from models.training.examples import Example


def confusion_of(on: str, examples: Sequence[Example], scorer: Scorer) -> Confusion:
    """What a scorer makes of labelled texts, by the languages that it finds them to be in."""
    told = [example for example in examples if example.sentiment is not None]
    scores = answers(scorer, told)
    counts: dict[str, dict[str, Counts]] = {}
    for index, example in enumerate(told):
        by_language = counts.setdefault(TASKS[bool(example.company)], {})
        table = by_language.setdefault(
            scores.languages[index], {name: dict.fromkeys(SENTIMENTS, 0) for name in SENTIMENTS}
        )
        table[str(example.sentiment)][scores.label(index)] += 1
    return Confusion(on, counts)


def keep_confusion(directory: Path, on: str, examples: Sequence[Example]) -> Manifest:
    """Count a model directory's confusion on texts that it did not learn from, into its manifest.

    What the model answers, and its identifier, stay as they are. Raises ModelError.
    """
    manifest = read_manifest(directory)
    model = open_model(str(directory), manifest.languages[0])
    found = confusion_of(on, examples, Scorer({"en": model, "zh": model}))
    return write_manifest(directory, msgspec.structs.replace(manifest, confusion=found))
