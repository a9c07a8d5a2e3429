"""Figures against those of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from models.evaluation import evaluate
from models.labels import SENTIMENTS, TOPICS
from models.scorer import Scores
from models.training.examples import Example


def test_figures_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(7)
    count = 400
    truth = random.integers(0, 3, count)
    sentiment = random.dirichlet(np.ones(3), count).astype(np.float32)
    target = random.random((count, len(TOPICS))) < 0.2
    topics = random.random((count, len(TOPICS))).astype(np.float32)
    passed = topics > 0.6
    examples = [
        Example(
            f"text {row}",
            SENTIMENTS[truth[row]],
            frozenset(topic for column, topic in enumerate(TOPICS) if target[row, column]),
            "en",
        )
        for row in range(count)
    ]
    names = ("",) * count
    first, second = evaluate(examples, Scores(sentiment, topics, passed, names, names))
    found = sentiment.argmax(-1)
    for result, true, answer in ((first, truth, found), (second, target, passed)):
        for average in ("micro", "macro", "weighted"):
            expected = precision_recall_fscore_support(
                true, answer, average=average, zero_division=0
            )
            figures = getattr(result, average)
            assert [figures.precision, figures.recall, figures.f1] == pytest.approx(expected[:3])
    assert first.accuracy == pytest.approx(accuracy_score(truth, found))
    assert sum(sum(row.values()) for row in first.confusion.values()) == count
    assert first.calibration_error is not None and 0 < first.calibration_error < 1
