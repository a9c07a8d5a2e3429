"""Fitting a wide part beside a trained encoder: the validation part says what it weighs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from scipy.optimize import minimize_scalar
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn import functional

from models.labels import SENTIMENTS
from models.layout import WIDE
from models.manifest import Manifest
from models.training.calibration import scaling
from models.training.examples import Example
from models.training.linear import NEVER, fit_linear
from models.wide import Wide

LEAST_TEXTS = 50
"""A validation part with fewer cannot say whether n-grams help."""
MOST_WEIGHT = 4.0
LEAST_RATIO = 3.84
"""Twice the log likelihood that the texts gain together must be more: of n-grams that do not help,
at most one in twenty would reach it (likelihood-ratio test with one degree of freedom, Wilks
1938)."""


@dataclass(frozen=True, slots=True)
class WidePart:
    """N-grams beside an encoder, and how the two are added."""

    tensors: dict[str, NDArray[np.float32]]
    """As `fit_linear` makes them, without topics; a class that training did not see gets 0, and the
    others are 0 on average, so that the encoder alone speaks of it."""
    strength: float
    weight: float
    """Of the n-grams' logits; the encoder's weigh 1."""
    shift: NDArray[np.float32]
    """(3,): is added to the sum, before the temperature divides it."""
    temperature: float
    figures: dict[str, float]
    """Weight and strength; on the validation part what a text's log likelihood gains, in nats, and
    macro-F1 without and with the n-grams."""

    def save(self, directory: Path) -> None:
        """Write it as a model directory holds it, weight and shift in its tensors."""
        shipped: dict[str, NDArray[Any]] = {
            "idf": self.tensors["idf"].astype(np.float16),
            "weight": (self.tensors["weight"] * self.weight).astype(np.float16),
            "bias": (self.tensors["bias"] * self.weight + self.shift).astype(np.float32),
        }
        save_file(shipped, directory / WIDE)

    def told_in(self, manifest: Manifest) -> Manifest:
        """The manifest of the encoder with this part beside it."""
        metrics = {**manifest.metrics, "wide": self.figures}
        return msgspec.structs.replace(manifest, temperature=self.temperature, metrics=metrics)

    def refitted(self, known: Sequence[Example], valid: Sequence[Example]) -> "WidePart":
        """The same, with its n-grams learned anew from other texts."""
        tensors, _ = _centred(*fit_linear(known, valid, (), strengths=[self.strength]))
        return replace(self, tensors=tensors)


def fit_wide(deep: Tensor, train: Sequence[Example], valid: Sequence[Example]) -> WidePart | None:
    """Learn n-grams from the train part, and their weight, a shift and a temperature by the log
    loss of the validation part, where the encoder's logits are `deep` (n, 3).

    None where the sum is not better than the encoder alone beyond noise. Texts about one company
    are left out, as the part leaves them to the encoder.
    """
    rows = [row for row, item in enumerate(valid) if item.sentiment is not None]
    rows = [row for row in rows if not valid[row].company]
    known = {item.sentiment for item in train if not item.company} - {None}
    if len(rows) < LEAST_TEXTS or len(known) < 2:
        return None
    held = [valid[row] for row in rows]
    truth = torch.tensor([SENTIMENTS.index(item.sentiment) for item in held])
    tensors, strength = _centred(*fit_linear(train, held, ()))
    part = Wide(tensors["idf"], tensors["weight"], tensors["bias"])
    wide = torch.from_numpy(part.logits(part.grams([item.text for item in held])))

    def summed(weight: float) -> tuple[float, NDArray[np.float32], Tensor]:
        """Temperature, shift and scaled logits (n, 3)."""
        found = (deep[rows] + weight * wide).double()
        temperature, shift = scaling(found, truth)
        return temperature, shift, (found + torch.from_numpy(shift)) / temperature

    def losses(weight: float) -> Tensor:
        return functional.cross_entropy(summed(weight)[2], truth, reduction="none")

    found = minimize_scalar(
        lambda weight: float(losses(weight).mean()), bounds=(0.0, MOST_WEIGHT), method="bounded"
    )
    weight = round(float(found.x), 3)
    gains = losses(0.0) - losses(weight)
    if 2 * float(gains.sum()) <= LEAST_RATIO:
        return None
    temperature, shift, logits = summed(weight)
    figures = {
        "weight": weight,
        "strength": strength,
        "gain": float(gains.mean()),
        "sentiment_f1_without": _macro_f1(truth, deep[rows]),
        "sentiment_f1": _macro_f1(truth, logits),
    }
    return WidePart(tensors, strength, weight, shift, temperature, figures)


def _centred(
    tensors: dict[str, NDArray[np.float32]], strength: float
) -> tuple[dict[str, NDArray[np.float32]], float]:
    weights, bias = tensors["weight"], tensors["bias"]
    seen = np.flatnonzero(bias > NEVER)
    weights[:, seen] -= weights[:, seen].mean(1, keepdims=True)
    bias[seen] -= bias[seen].mean()
    bias[bias <= NEVER] = 0.0
    return tensors, strength


def _macro_f1(truth: Tensor, logits: Tensor) -> float:
    return float(f1_score(truth.numpy(), logits.argmax(-1).numpy(), average="macro"))
