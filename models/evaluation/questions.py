"""What a set asks, task by task, and what a model or a baseline answered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.labels import SENTIMENTS, TOPICS
from models.scores import Scores
from models.training.examples import Example

TASKS = ("sentiment", "topics", "company")


@dataclass(frozen=True, slots=True)
class Question:
    """A task on the n texts of a set that carry labels for it; a column for each of C classes."""

    task: str
    classes: tuple[str, ...]
    rows: NDArray[np.int_]
    """(n,): which of the set's examples."""
    truth: NDArray[np.bool_]
    """(n, C)."""
    texts: NDArray[np.int_]
    """(n,): rows with the same number are of the same text."""
    names_one: NDArray[np.bool_]
    """(n,): the set names one class of this text, others may be right too (see Example)."""
    negative_only: bool = False
    """The set tells only negative from neutral."""

    @property
    def exclusive(self) -> bool:
        """Whether a text has exactly one class."""
        return self.task != "topics"

    @property
    def counted(self) -> NDArray[np.bool_]:
        """(n,): texts that have a class at all."""
        return np.asarray(self.truth.any(-1))

    def only(self, kept: NDArray[np.bool_]) -> "Question":
        """The same of some of its texts; `kept` (n,)."""
        return replace(
            self,
            rows=self.rows[kept],
            truth=self.truth[kept],
            texts=self.texts[kept],
            names_one=self.names_one[kept],
        )

    def answered(
        self,
        probabilities: NDArray[np.float32],
        passed: NDArray[np.bool_] | None = None,
        calibrated: bool = True,
    ) -> "Judged":
        """Right and wrong of answers (n, C). `passed` says which topics were given; of exclusive
        classes the likeliest is. `calibrated` is False for scores that are no probabilities."""
        likeliest = probabilities.argmax(-1)
        lines = np.arange(len(self.rows))
        if passed is None:
            passed = np.zeros(self.truth.shape, dtype=np.bool_)
            passed[lines, likeliest] = True
        right = self.truth[lines, likeliest]
        return Judged(self, passed, right, probabilities if calibrated else None)


@dataclass(frozen=True, slots=True)
class Judged:
    """Answers to a question, held against the truth."""

    question: Question
    said: NDArray[np.bool_]
    """(n, C)."""
    right: NDArray[np.bool_]
    """(n,): whether the likeliest class is true of the text."""
    probabilities: NDArray[np.float32] | None
    """(n, C), where there are any."""

    def only(self, kept: NDArray[np.bool_]) -> "Judged":
        """The same of some of the texts; `kept` (n,)."""
        return Judged(
            self.question.only(kept),
            self.said[kept],
            self.right[kept],
            None if self.probabilities is None else self.probabilities[kept],
        )

    def negative_or_not(self) -> "Judged":
        """The same with all that is not negative as one class."""
        question = replace(
            self.question,
            classes=("negative", "not negative"),
            truth=_with_rest(self.question.truth[:, 0]),
            negative_only=False,
        )
        said = _with_rest(self.said[:, 0])
        return Judged(question, said, said[:, 0] == question.truth[:, 0], None)


def ask(examples: Sequence[Example], topics: Sequence[str] = TOPICS) -> list[Question]:
    """A question for each task that the examples carry labels for, in the order of TASKS.

    A topic that the set never uses is not asked: the set says nothing of it.
    """
    questions = []
    for task in TASKS:
        rows = carrying(task, examples)
        if not rows:
            continue
        chosen = [examples[row] for row in rows]
        classes: Sequence[str] = SENTIMENTS
        if task == "topics":
            used = {topic for example in chosen for topic in example.topics or ()}
            classes = [topic for topic in topics if topic in used]
            if not classes:
                continue
        truth = marks(chosen, task, classes)
        numbers: dict[str, int] = {}
        questions.append(
            Question(
                task=task,
                classes=tuple(classes),
                rows=np.array(rows),
                truth=truth,
                texts=np.array([numbers.setdefault(item.text, len(numbers)) for item in chosen]),
                names_one=np.array([task == "topics" and item.single_topic for item in chosen]),
                negative_only=task != "topics"
                and [bool(column.any()) for column in truth.T] == [True, True, False],
            )
        )
    return questions


def carrying(task: str, examples: Sequence[Example]) -> list[int]:
    """Which examples are labelled for a task."""
    if task == "topics":
        return [row for row, example in enumerate(examples) if example.topics is not None]
    return [
        row
        for row, example in enumerate(examples)
        if example.sentiment is not None and bool(example.company) == (task == "company")
    ]


def marks(examples: Sequence[Example], task: str, classes: Sequence[str]) -> NDArray[np.bool_]:
    """The truth of examples that carry the task, (n, C)."""
    return np.array(
        [
            [
                name in (example.topics or ()) if task == "topics" else name == example.sentiment
                for name in classes
            ]
            for example in examples
        ],
        dtype=np.bool_,
    ).reshape(len(examples), len(classes))


def judge(question: Question, scores: Scores, topics: Sequence[str] = TOPICS) -> Judged:
    """What a model said of a question. `scores` are of all the set's examples, their topics in the
    order of `topics`."""
    if question.task != "topics":
        return question.answered(scores.sentiment[question.rows])
    columns = [topics.index(name) for name in question.classes]
    return question.answered(
        scores.topics[question.rows][:, columns], scores.passed[question.rows][:, columns]
    )


def _with_rest(column: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.stack([column, ~column], axis=-1)
