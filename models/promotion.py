"""Whether a candidate may take the place of the model in service, from labelled texts."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.answers import Answers
from models.companies import spans_of
from models.evaluation.figures import figures
from models.evaluation.questions import ask, judge
from models.languages import route
from models.manifest import ModelError
from models.scorer import Scorer
from models.training.examples import Example

MAX_CALIBRATION_ERROR = 0.10
"""Expected calibration error above which a probability says too little of being right."""
RESAMPLES = 1_000
CONFIDENCE = 0.95
_SEED = 20_26


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on one task of one set: macro-F1 of each, and the interval of the difference."""

    set: str
    task: str
    texts: int
    candidate: float
    in_service: float
    low: float
    high: float
    """The 95% interval of candidate minus in service."""
    calibration_error: float | None
    """Of the candidate's sentiment."""

    def as_json(self) -> dict[str, Any]:
        """As plain values, rounded to what their sets can tell."""
        return {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


def compare(
    sets: Mapping[str, Sequence[Example]], language: str, candidate: Answers, in_service: Answers
) -> list[Comparison]:
    """Both models on the texts of a language, a comparison a set and task.

    Raises ModelError for a set that holds no such text.
    """
    comparisons = []
    for name, examples in sets.items():
        own = [example for example in examples if route(example.language) == language]
        if not own:
            raise ModelError(f"{name}: holds no text that the {language} model reads")
        texts = [example.text for example in own]
        asked = [spans_of(item.text, item.company) if item.company else None for item in own]
        new, old = (
            Scorer({"en": model, "zh": model}).score(texts, None, asked)
            for model in (candidate, in_service)
        )
        for question in ask(own):
            judged, before = (judge(question, found, found.topic_names) for found in (new, old))
            result, was = figures(judged), figures(before)
            low, high = macro_f1_difference(question.truth, judged.said, before.said)
            comparisons.append(
                Comparison(
                    set=name,
                    task=result.task,
                    texts=result.texts,
                    candidate=result.macro.f1,
                    in_service=was.macro.f1,
                    low=low,
                    high=high,
                    calibration_error=result.calibration_error,
                )
            )
    return comparisons


def reasons_against(
    comparisons: Sequence[Comparison], max_calibration_error: float = MAX_CALIBRATION_ERROR
) -> list[str]:
    """Why a candidate is refused, in words; empty where it may be promoted."""
    reasons = []
    for item in comparisons:
        if item.high < 0:
            reasons.append(
                f"{item.set}: {item.task} is worse than the model in service by "
                f"{-item.high:.3f} to {-item.low:.3f} macro-F1"
            )
        error = item.calibration_error
        # Of topics it is not asked: sets that name one topic a text would hold it against a model.
        if item.task == "sentiment" and error is not None and error > max_calibration_error:
            reasons.append(
                f"{item.set}: calibration error {error:.3f} is above {max_calibration_error:.2f}"
            )
    return reasons


def macro_f1_difference(
    truth: NDArray[np.bool_],
    answers: NDArray[np.bool_],
    other_answers: NDArray[np.bool_],
    resamples: int = RESAMPLES,
    seed: int = _SEED,
) -> tuple[float, float]:
    """The interval of macro-F1 of `answers` minus that of `other_answers`, all (texts, classes).

    Paired bootstrap over texts, percentile interval (Efron and Tibshirani 1993, chapter 13). In
    each resample a class counts that some text of it has.
    """
    generator = np.random.default_rng(seed)
    texts = len(truth)
    counts = np.concatenate(
        [truth, truth & answers, answers, truth & other_answers, other_answers], axis=1
    ).astype(np.float64)
    differences = np.empty(resamples)
    for number in range(resamples):
        drawn = np.bincount(generator.integers(0, texts, texts), minlength=texts)
        support, hits, found, other_hits, other_found = np.split(drawn @ counts, 5)
        present = support > 0
        gains = 2 * hits / np.maximum(found + support, 1) - 2 * other_hits / np.maximum(
            other_found + support, 1
        )
        differences[number] = gains[present].mean() if present.any() else 0.0
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(differences, [tail, 1 - tail])
    return float(low), float(high)
