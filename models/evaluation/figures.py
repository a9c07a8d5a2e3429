"""Figures of one task on one set: by class and as a whole, with intervals."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.evaluation.calibration import calibration
from models.evaluation.intervals import Interval, interval, resampled_sums
from models.evaluation.questions import Judged, ask, judge
from models.labels import TOPICS
from models.reliability import Bin, calibration_error
from models.scores import Scores
from models.training.examples import Example


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Precision, recall and F1 of one class, in [0, 1]; support in texts."""

    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Intervals:
    """95% bootstrap intervals of accuracy, macro-F1 and each class's F1."""

    accuracy: Interval
    macro_f1: Interval
    classes: dict[str, Interval]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Figures of one task on one set. `accuracy` of topics is that of the likeliest topic, over
    texts that have one. Averages are over the classes that the set uses."""

    task: str
    texts: int
    accuracy: float
    micro: ClassFigures
    macro: ClassFigures
    weighted: ClassFigures
    classes: dict[str, ClassFigures]
    confusion: dict[str, dict[str, int]]
    """Truth, then answer; empty for topics, of which a text may have several."""
    calibration_error: float | None
    calibration_over: str
    """What its bins count: see `models.evaluation.calibration`."""
    reliability: tuple[Bin, ...]
    intervals: Intervals
    negative_or_not: "Evaluation | None"
    """For a set that tells only negative from neutral: everything else as "not negative"."""

    def as_json(self) -> dict[str, Any]:
        """As plain values; `models.evaluation` lists the keys."""
        return asdict(self)


def evaluate(
    examples: Sequence[Example], scores: Scores, topics: Sequence[str] = TOPICS
) -> list[Evaluation]:
    """One evaluation a task that the examples carry labels for, in the order of the scores.

    `topics` names the columns of `scores.topics`. An example that asks about a company must have
    been scored for it.
    """
    return [figures(judge(question, scores, topics)) for question in ask(examples, topics)]


def figures(judged: Judged) -> Evaluation:
    """All figures of what was said of a question."""
    question = judged.question
    sums = marks_of(judged).sum(0)
    hits, said, support, right, counted = _parted(sums, len(question.classes))
    present = np.flatnonzero(support)
    classes = {
        question.classes[i]: _figures(int(hits[i]), int(said[i]), int(support[i])) for i in present
    }
    # An answer that the set never uses is wrong where there is one class a text, else untold.
    answers = int(said.sum() if question.exclusive else said[present].sum())
    over, bins = calibration(judged)
    names = question.classes
    return Evaluation(
        task=question.task,
        texts=len(question.rows),
        accuracy=float(right / counted) if counted else 0.0,
        micro=_figures(int(hits.sum()), answers, int(support.sum())),
        macro=_average(classes, weighted=False),
        weighted=_average(classes, weighted=True),
        classes=classes,
        confusion={
            names[t]: {
                names[f]: int((question.truth[:, t] & judged.said[:, f]).sum())
                for f in range(len(names))
            }
            for t in present
        }
        if question.exclusive
        else {},
        calibration_error=calibration_error(bins) if bins else None,
        calibration_over=over,
        reliability=bins,
        intervals=_intervals(judged, present),
        negative_or_not=figures(judged.negative_or_not()) if question.negative_only else None,
    )


def marks_of(judged: Judged) -> NDArray[np.bool_]:
    """All that the figures sum over texts, (n, 3 C + 2): hits, said and true by class, whether the
    likeliest class is right, and whether the text has one."""
    question = judged.question
    counted = question.counted
    return np.hstack(
        [
            question.truth & judged.said,
            judged.said,
            question.truth,
            (judged.right & counted)[:, None],
            counted[:, None],
        ]
    )


def accuracies(sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """Accuracy of each line of sums (r, 3 C + 2); 0 where no text counts."""
    return _ratio(sums[:, -2], sums[:, -1])


def macro_f1s(sums: NDArray[np.int64], present: NDArray[np.int_]) -> NDArray[np.float64]:
    """Macro-F1 of each line of sums (r, 3 C + 2) over the classes `present`."""
    means: NDArray[np.float64] = _f1s(sums)[:, present].mean(-1)
    return means


def _intervals(judged: Judged, present: NDArray[np.int_]) -> Intervals:
    sums = resampled_sums(marks_of(judged), judged.question.texts)
    f1s = _f1s(sums)
    return Intervals(
        accuracy=interval(accuracies(sums)),
        macro_f1=interval(macro_f1s(sums, present)) if len(present) else Interval(0.0, 0.0),
        classes={judged.question.classes[i]: interval(f1s[:, i]) for i in present},
    )


def _f1s(sums: NDArray[np.int64]) -> NDArray[np.float64]:
    hits, said, support, _, _ = _parted(sums, (sums.shape[1] - 2) // 3)
    return _ratio(2 * hits, said + support)


def _parted(sums: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], ...]:
    return (
        sums[..., :count],
        sums[..., count : 2 * count],
        sums[..., 2 * count : 3 * count],
        sums[..., -2],
        sums[..., -1],
    )


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)


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
