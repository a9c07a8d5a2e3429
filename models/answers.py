"""What every model in service answers, and opening one by its name."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.backends.devices import known_device
from models.backends.options import PLAIN, BackendOptions
from models.confusion import Confusion
from models.directories import resolve
from models.layout import LINEAR
from models.linear import LinearModel
from models.manifest import MANIFEST, ModelError
from models.reference import Reference


class Answers(Protocol):
    """A model that scores tokenised texts."""

    identifier: str
    reads_companies: bool
    """Whether it was trained with the mark of `models.companies`."""
    max_tokens: int
    topics: tuple[str, ...]
    """What its topic probabilities are of, in their order."""
    backend_reason: str
    """What runs it, and why."""
    reference: Reference | None
    """What it saw and said when it was made, where that is known."""

    confusion: Confusion | None
    """How it did on labelled texts, where that is known."""

    cut_texts: int
    """How many of the texts that it has tokenised were longer than it reads."""

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        """What it reads of each text, in its own units."""

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        """Tokens of each tokenised text, and those of them that the model does not know."""

    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        """Probabilities (n, 3) and (n, topics), and which topics passed."""


def open_model(
    spec: str, language: str, options: BackendOptions = PLAIN, max_tokens: int | None = None
) -> Answers:
    """A model of ours by `bundled:NAME` or directory, else a Hugging Face classifier.

    Raises ModelError, with a message for the user.
    """
    if spec.startswith("bundled:") or (Path(spec) / MANIFEST).is_file():
        return load_model(resolve(spec), options, max_tokens)
    if Path(spec).is_dir() and not (Path(spec) / "config.json").is_file():
        raise ModelError(f"{spec}: neither {MANIFEST} nor config.json is in this directory")
    from models.in_service import BundledModel
    from models.stand_in import StandIn

    topics = BundledModel(f"bundled:{'zh' if language == 'zh' else 'en'}", options, max_tokens)
    return StandIn(spec, topics, options, max_tokens or 64)


def load_model(
    directory: Path, options: BackendOptions = PLAIN, max_tokens: int | None = None
) -> Answers:
    """A model directory of ours. Raises ModelError."""
    if (directory / LINEAR).is_file():
        # It runs on none, but the name may be wrong: a network looks itself.
        known_device(options.device)
        return LinearModel(directory)
    # It imports transformers, which takes seconds: models of n-grams need none of it.
    from models.in_service import BundledModel

    return BundledModel(str(directory), options, max_tokens)
