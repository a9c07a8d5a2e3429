"""How good a model is on labelled texts: figures by class and as a whole."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.labels import SENTIMENTS, TOPICS
from models.scorer import Scores
from models.training.examples import Example

CALIBRATION_BINS = 10


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Precision, recall and F1 of one class, in [0, 1]; support in texts."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one task on one set. `accuracy` of topics is that of the likeliest topic, over
    texts that have one."""

    task: str
    texts: int
    accuracy: float
    micro: ClassFigures
    macro: ClassFigures
    weighted: ClassFigures
    classes: dict[str, ClassFigures]
    confusion: dict[str, dict[str, int]]
    """Truth, then answer; of the sentiment task."""
    calibration_error: float | None
    """Expected calibration error of the sentiment task, ten equal bins (Naeini et al. 2015)."""

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def evaluate(examples: Sequence[Example], scores: Scores) -> list[Evaluation]:
    """One evaluation a task that the examples carry labels for, in the order of the scores."""
    results = []
    rows = [index for index, example in enumerate(examples) if example.sentiment is not None]
    if rows:
        truth = np.array([SENTIMENTS.index(examples[row].sentiment) for row in rows])
        results.append(_sentiment(truth, scores.sentiment[rows]))
    rows = [index for index, example in enumerate(examples) if example.topics is not None]
    if rows:
        target = np.array(
            [[topic in (examples[row].topics or ()) for topic in TOPICS] for row in rows]
        )
        results.append(_topics(target, scores.topics[rows], scores.passed[rows]))
    return results


def _sentiment(truth: NDArray[np.int_], probabilities: NDArray[np.float32]) -> Evaluation:
    found = probabilities.argmax(-1)
    present = [index for index in range(3) if (truth == index).any()]
    hits = np.array([[(found == i) & (truth == i)] for i in range(3)]).sum(-1).ravel()
    answered = np.array([(found == i).sum() for i in range(3)])
    supports = np.array([(truth == i).sum() for i in range(3)])
    classes: dict[str, ClassFigures] = {
        SENTIMENTS[i]: _figures(int(hits[i]), int(answered[i]), int(supports[i])) for i in present
    }
    right = found == truth
    confidence = probabilities.max(-1)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    error = sum(
        abs(float(right[bins == number].mean()) - float(confidence[bins == number].mean()))
        * float((bins == number).mean())
        for number in range(CALIBRATION_BINS)
        if (bins == number).any()
    )
    return Evaluation(
        task="sentiment",
        texts=len(truth),
        accuracy=float(right.mean()),
        micro=_figures(int(right.sum()), len(truth), len(truth)),
        macro=_average(classes, weighted=False),
        weighted=_average(classes, weighted=True),
        classes=classes,
        confusion={
            SENTIMENTS[t]: {
                SENTIMENTS[f]: int(((truth == t) & (found == f)).sum()) for f in range(3)
            }
            for t in present
        },
        calibration_error=error,
    )


def _topics(
    target: NDArray[np.bool_], probabilities: NDArray[np.float32], passed: NDArray[np.bool_]
) -> Evaluation:
    present = [index for index in range(len(TOPICS)) if target[:, index].any()]
    # A set that never uses a topic says nothing of it: not counted for or against.
    target, answers = target[:, present], passed[:, present]
    hits = (target & answers).sum(0)
    classes = {
        TOPICS[index]: _figures(
            int(hits[column]), int(answers[:, column].sum()), int(target[:, column].sum())
        )
        for column, index in enumerate(present)
    }
    labelled = target.any(-1)
    likeliest = probabilities[:, present].argmax(-1)
    right = target[np.arange(len(target)), likeliest][labelled]
    return Evaluation(
        task="topics",
        texts=len(target),
        accuracy=float(right.mean()) if labelled.any() else 0.0,
        micro=_figures(int(hits.sum()), int(answers.sum()), int(target.sum())),
        macro=_average(classes, weighted=False),
        weighted=_average(classes, weighted=True),
        classes=classes,
        confusion={},
        calibration_error=None,
    )


def _figures(hits: int, answered: int, support: int) -> ClassFigures:
    precision = hits / answered if answered else 0.0
    recall = hits / support if support else 0.0
    f1 = 2 * hits / (answered + support) if answered + support else 0.0
    return ClassFigures(precision, recall, f1, support)


def _average(classes: dict[str, ClassFigures], weighted: bool) -> ClassFigures:
    figures = list(classes.values())
    weights = np.array([item.support if weighted else 1 for item in figures], dtype=float)
    if not figures or weights.sum() == 0:
        return ClassFigures(0.0, 0.0, 0.0, 0)
    weights /= weights.sum()
    return ClassFigures(
        precision=float(sum(w * item.precision for w, item in zip(weights, figures, strict=True))),
        recall=float(sum(w * item.recall for w, item in zip(weights, figures, strict=True))),
        f1=float(sum(w * item.f1 for w, item in zip(weights, figures, strict=True))),
        support=sum(item.support for item in figures),
    )
