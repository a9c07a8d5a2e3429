"""A set's whole report: models, baselines, slices and comparison, task by task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.companies import spans_of
from models.evaluation.baselines import MAJORITY, baselines
from models.evaluation.comparison import Comparison, compare
from models.evaluation.figures import Evaluation, figures
from models.evaluation.questions import Judged, Question, ask, judge
from models.labels import TOPICS
from models.scorer import Scorer
from models.scores import Scores
from models.training.examples import Example

SLICES = ("source", "language")


@dataclass(frozen=True, slots=True)
class Beside:
    """A baseline's figures."""

    name: str
    how: str
    figures: Evaluation


@dataclass(frozen=True, slots=True)
class Slice:
    """Figures of the texts of one source or language."""

    by: str
    value: str
    figures: Evaluation


@dataclass(frozen=True, slots=True)
class Report:
    """One model on one task of one set."""

    set: str
    model: str
    models: tuple[str, ...]
    figures: Evaluation
    baselines: tuple[Beside, ...] = ()
    slices: tuple[Slice, ...] = ()
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain values; `models.evaluation` lists the keys."""
        return {
            "set": self.set,
            "model": self.model,
            "models": list(self.models),
            **self.figures.as_json(),
            "baselines": [
                {"name": item.name, "how": item.how, **item.figures.as_json()}
                for item in self.baselines
            ],
            "slices": [
                {"by": item.by, "value": item.value, **item.figures.as_json()}
                for item in self.slices
            ],
            "comparison": self.comparison.as_json() if self.comparison else None,
            "notes": list(self.notes),
        }


def report(
    name: str,
    examples: Sequence[Example],
    models: Mapping[str, Scorer],
    by: Sequence[str] = (),
    with_baselines: bool = False,
    train: Sequence[Example] = (),
    topics: Sequence[str] = TOPICS,
) -> list[Report]:
    """Reports of a set, task by task and within it model by model; of two models the second's
    report compares it with the first.

    `by` is of SLICES. `topics` names the columns of the models' topics. Raises ModelError where
    baselines are asked for and what they need is not installed.
    """
    scores = {model: answers(scorer, examples) for model, scorer in models.items()}
    reports = []
    for question in ask(examples, topics):
        learned = baselines(question, examples, train) if with_baselines else []
        shared = [Beside(item.name, item.how, figures(item.judged)) for item in learned]
        notes = _notes(question)
        if with_baselines and not any(item.name == MAJORITY for item in learned):
            notes.append("nothing to learn from: the baselines that learn are left out")
        first: tuple[str, Judged] | None = None
        for model, scorer in models.items():
            judged = judge(question, scores[model], topics)
            own = [_told_nothing(question, examples, scorer)] if question.task == "company" else []
            slices = [item for way in by for item in _slices(judged, examples, way)]
            reports.append(
                Report(
                    set=name,
                    model=model,
                    models=tuple(sorted(set(scores[model].models))),
                    figures=figures(judged),
                    baselines=(*own, *shared),
                    slices=tuple(slices),
                    comparison=compare(first[1], judged, first[0], model) if first else None,
                    notes=(*notes, *_unsliced(by, slices)),
                )
            )
            first = first or (model, judged)
    return reports


def answers(scorer: Scorer, examples: Sequence[Example]) -> Scores:
    """What a model says of examples, each read for its company or as a whole."""
    return scorer.score(
        [example.text for example in examples],
        [example.language for example in examples],
        [
            spans_of(example.text, example.company) if example.company else None
            for example in examples
        ],
    )


def _told_nothing(question: Question, examples: Sequence[Example], scorer: Scorer) -> Beside:
    """The same model, which is not told about which company it is asked."""
    asked = [examples[row] for row in question.rows]
    scores = scorer.score(
        [example.text for example in asked], [example.language for example in asked]
    )
    judged = question.answered(scores.sentiment)
    return Beside("whole text", "the model itself, not told the company", figures(judged))


def _slices(judged: Judged, examples: Sequence[Example], by: str) -> list[Slice]:
    """Of each value that texts carry, the commonest first."""
    values = np.array([getattr(examples[row], by) for row in judged.question.rows], dtype=str)
    found, counts = np.unique(values[values != ""], return_counts=True)
    return [
        Slice(by, str(found[place]), figures(judged.only(values == found[place])))
        for place in np.argsort(-counts, kind="stable")
    ]


def _unsliced(by: Sequence[str], slices: Sequence[Slice]) -> list[str]:
    return [
        f"no text names its {way}: no figures by {way}"
        for way in by
        if not any(item.by == way for item in slices)
    ]


def _notes(question: Question) -> list[str]:
    notes = []
    used = [
        name
        for name, column in zip(question.classes, question.truth.T, strict=True)
        if column.any()
    ]
    if len(used) == 1:
        notes.append(
            f"{used[0]} is the set's only class here: recall says something,"
            " precision and averages do not"
        )
    if question.names_one.any():
        notes.append("the set names one topic a text: others that were found count as wrong")
    return notes
