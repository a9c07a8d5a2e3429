"""Temperatures, shift of the sentiments and topic thresholds, fitted on the validation part with
the weights as shipped."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn import functional

from models.labels import SENTIMENTS
from models.manifest import Manifest
from models.training.examples import Example
from models.training.losses import topic_targets

LEAST_POSITIVES = 5
LEAST_TEXTS = 50
"""With topics; fewer cannot say how sure a model may be of the topics that it names."""
MOST_SHIFT = 1.5
LEAST_TEMPERATURE, MOST_TEMPERATURE = 0.5, 4.0
_TEMPERATURES = (np.log(LEAST_TEMPERATURE), np.log(MOST_TEMPERATURE))
_CUTS = [step / 20 for step in range(4, 17)]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is put between logits and answers."""

    temperature: float
    sentiment_shift: NDArray[np.float32]
    """(3,): is added to the logits, before the temperature divides them. Training weighs classes
    up that are rare; this takes back what that makes of the probabilities."""
    topics_temperature: float
    """Divides the logits of topics. It goes into the weights, as the shift does."""
    topic_thresholds: dict[str, float]
    figures: dict[str, float]
    """Cross-entropy of the sentiment before and after, in nats."""

    def told_in(self, manifest: Manifest) -> Manifest:
        """The manifest with all of it but what goes into the weights."""
        return msgspec.structs.replace(
            manifest,
            temperature=self.temperature,
            topic_thresholds=self.topic_thresholds,
            metrics={**manifest.metrics, "calibration": self.figures},
        )


def calibrate(
    sentiment: Tensor, topics: Tensor, valid: Sequence[Example], topic_names: Sequence[str]
) -> Calibration:
    """Fit on logits (n, 3) and (n, topics) of the validation part.

    Temperature and a shift for each class: vector scaling with one scale, Guo et al. 2017, "On
    Calibration of Modern Neural Networks". The topics' temperature is fitted on the likeliest topic
    of each text, the one that is read: over all marks, of which nearly all are sure to be absent,
    the sum would go to those. A topic's threshold is the cut with the best F1; a topic with too few
    texts keeps one half.
    """
    temperature, shift, figures = 1.0, np.zeros(len(SENTIMENTS), dtype=np.float32), {}
    topics_temperature = 1.0
    rows = [index for index, example in enumerate(valid) if example.sentiment is not None]
    # Questions about companies come in other shares than texts: texts decide if there are any.
    rows = [row for row in rows if not valid[row].company] or rows
    if rows:
        truth = torch.tensor([SENTIMENTS.index(valid[row].sentiment) for row in rows])
        temperature, shift = scaling(sentiment[rows].double(), truth)
        scaled = (sentiment[rows] + torch.from_numpy(shift)) / temperature
        figures = {
            "before": float(functional.cross_entropy(sentiment[rows], truth)),
            "after": float(functional.cross_entropy(scaled, truth)),
        }
    thresholds: dict[str, float] = {}
    rows = [index for index, example in enumerate(valid) if example.topics is not None]
    if rows:
        target = topic_targets([valid[row] for row in rows], topic_names).numpy()
        if topic_names and len(rows) >= LEAST_TEXTS:
            topics_temperature = _topics_scaling(topics[rows], target)
        probabilities = (topics[rows] / topics_temperature).sigmoid().numpy()
        for number, topic in enumerate(topic_names):
            if target[:, number].sum() >= LEAST_POSITIVES:
                thresholds[topic] = _best_cut(target[:, number], probabilities[:, number])
    return Calibration(temperature, shift, topics_temperature, thresholds, figures)


def scaling(logits: Tensor, truth: Tensor) -> tuple[float, NDArray[np.float32]]:
    """The temperature and the shift (3,) with the least cross-entropy; neutral is not shifted, nor
    a class that has no text here."""
    present = [bool((truth == number).any()) for number in range(len(SENTIMENTS))]
    moved = [number for number in (0, 2) if present[number] and present[1]]

    def parts(values: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        shift = np.zeros(len(SENTIMENTS))
        shift[moved] = values[1:]
        return float(np.exp(values[0])), shift

    def loss(values: NDArray[np.float64]) -> float:
        temperature, shift = parts(values)
        return float(
            functional.cross_entropy(logits / temperature + torch.from_numpy(shift), truth)
        )

    limits = [_TEMPERATURES, *[(-MOST_SHIFT, MOST_SHIFT)] * len(moved)]
    found = minimize(loss, np.zeros(1 + len(moved)), method="L-BFGS-B", bounds=limits)
    temperature, shift = parts(found.x)
    temperature = round(temperature, 3)
    return temperature, (shift * temperature).round(3).astype(np.float32)


def _topics_scaling(logits: Tensor, truth: NDArray[np.float32]) -> float:
    """The temperature with the least cross-entropy of each text's likeliest topic."""
    likeliest = logits.argmax(-1, keepdim=True)
    said = logits.gather(1, likeliest).double()
    right = torch.from_numpy(truth).gather(1, likeliest).double()
    found = minimize_scalar(
        lambda power: float(
            functional.binary_cross_entropy_with_logits(said / np.exp(power), right)
        ),
        bounds=_TEMPERATURES,
        method="bounded",
    )
    return round(float(np.exp(found.x)), 3)


def _best_cut(truth: NDArray[np.float32], probabilities: NDArray[np.float32]) -> float:
    scores = {cut: float(f1_score(truth, probabilities >= cut, zero_division=0.0)) for cut in _CUTS}
    top = max(scores.values())
    # Of equally good cuts the one nearest to one half: the least fitted.
    equal = [cut for cut, score in scores.items() if score >= top - 1e-9]
    return min(equal, key=lambda cut: abs(cut - 0.5))
