"""Temperature and topic thresholds, fitted on the validation part with the weights as shipped."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn import functional

from models.labels import SENTIMENTS
from models.training.examples import Example
from models.training.losses import topic_targets

LEAST_POSITIVES = 5
_TEMPERATURES = [step / 20 for step in range(10, 81)]
_CUTS = [step / 20 for step in range(4, 17)]


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is put between logits and answers."""

    temperature: float
    topic_thresholds: dict[str, float]
    figures: dict[str, float]
    """Cross-entropy of the sentiment before and after, in nats."""


def calibrate(
    sentiment: Tensor, topics: Tensor, valid: Sequence[Example], topic_names: Sequence[str]
) -> Calibration:
    """Fit on logits (n, 3) and (n, topics) of the validation part.

    Temperature scaling: Guo et al. 2017, "On Calibration of Modern Neural Networks". A topic's
    threshold is the cut with the best F1; a topic with too few texts keeps one half.
    """
    temperature, figures = 1.0, {}
    rows = [index for index, example in enumerate(valid) if example.sentiment is not None]
    if rows:
        truth = torch.tensor([SENTIMENTS.index(valid[row].sentiment) for row in rows])
        losses = {
            candidate: float(functional.cross_entropy(sentiment[rows] / candidate, truth))
            for candidate in _TEMPERATURES
        }
        temperature = min(losses, key=lambda candidate: losses[candidate])
        figures = {"before": losses[1.0], "after": losses[temperature]}
    thresholds: dict[str, float] = {}
    rows = [index for index, example in enumerate(valid) if example.topics is not None]
    if rows:
        target = topic_targets([valid[row] for row in rows], topic_names).numpy()
        probabilities = topics[rows].sigmoid().numpy()
        for number, topic in enumerate(topic_names):
            if target[:, number].sum() >= LEAST_POSITIVES:
                thresholds[topic] = _best_cut(target[:, number], probabilities[:, number])
    return Calibration(temperature, thresholds, figures)


def _best_cut(truth: NDArray[np.float32], probabilities: NDArray[np.float32]) -> float:
    scores = {cut: float(f1_score(truth, probabilities >= cut, zero_division=0.0)) for cut in _CUTS}
    top = max(scores.values())
    # Of equally good cuts the one nearest to one half: the least fitted.
    equal = [cut for cut, score in scores.items() if score >= top - 1e-9]
    return min(equal, key=lambda cut: abs(cut - 0.5))
