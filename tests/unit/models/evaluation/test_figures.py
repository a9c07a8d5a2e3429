"""Figures by hand, against those of scikit-learn, and what always holds of them."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from models.evaluation import evaluate
from models.evaluation.figures import figures
from models.evaluation.questions import ask
from models.labels import SENTIMENTS, TOPICS, Sentiment
from models.scores import Scores
from models.training.examples import Example
from tests.unit.models.evaluation.made import answered, sentiments


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


def test_a_set_counted_by_hand() -> None:
    truth: list[Sentiment] = ["negative", "negative", "neutral", "positive"]
    found: list[Sentiment] = ["negative", "neutral", "neutral", "neutral"]
    result = figures(answered(sentiments(truth), found))
    assert result.accuracy == 0.5
    assert asdict(result.classes["negative"]) == {
        "precision": 1.0, "recall": 0.5, "f1": pytest.approx(2 / 3), "support": 2,
    }  # fmt: skip
    assert asdict(result.classes["neutral"]) == {
        "precision": pytest.approx(1 / 3), "recall": 1.0, "f1": 0.5, "support": 1,
    }  # fmt: skip
    assert result.classes["positive"].f1 == 0
    assert result.macro.f1 == pytest.approx((2 / 3 + 1 / 2) / 3)
    assert result.weighted.f1 == pytest.approx((2 * 2 / 3 + 1 / 2) / 4)
    assert result.confusion["negative"] == {"negative": 1, "neutral": 1, "positive": 0}
    # All four said with 0.8, half of them right.
    assert result.calibration_error == pytest.approx(0.3)
    assert result.negative_or_not is None


def test_a_set_without_positive_is_also_read_as_negative_or_not() -> None:
    truth: list[Sentiment] = ["negative", "negative", "neutral", "neutral"]
    found: list[Sentiment] = ["negative", "positive", "positive", "neutral"]
    result = figures(answered(sentiments(truth), found))
    two = result.negative_or_not
    assert two is not None
    assert (result.accuracy, two.accuracy) == (0.5, 0.75)
    assert two.classes["negative"].f1 == pytest.approx(2 / 3)
    assert two.confusion["not negative"] == {"negative": 0, "not negative": 2}


def test_topics_are_those_that_are_named() -> None:
    """A desk's own topics, in an order of its own; one that the set never uses is not asked."""
    topics = ("rates", "hail", "floods")
    examples = [
        Example("a", None, frozenset({"hail"}), "en"),
        Example("b", None, frozenset({"rates", "hail"}), "en"),
        Example("c", None, frozenset(), "en"),
    ]
    found = np.array([[0.2, 0.9, 0.8], [0.6, 0.4, 0.1], [0.7, 0.1, 0.1]], dtype=np.float32)
    scores = Scores(np.zeros((3, 3), np.float32), found, found >= 0.5, ("en",) * 3, ("m",) * 3)
    (result,) = evaluate(examples, scores, topics)
    assert list(result.classes) == ["rates", "hail"]
    assert result.accuracy == 1.0
    assert (result.micro.precision, result.micro.recall) == pytest.approx((2 / 3, 2 / 3))
    assert result.calibration_over == "topic marks"
    assert sum(item.count for item in result.reliability) == 6


def test_where_one_topic_is_named_the_likeliest_is_calibrated() -> None:
    examples = [Example(name, None, frozenset({"deals"}), "en", single_topic=True) for name in "ab"]
    (question,) = ask(examples)
    result = figures(question.answered(np.array([[0.9], [0.7]], dtype=np.float32)))
    assert result.calibration_over == "likeliest topics"
    assert result.calibration_error == pytest.approx(0.2)


labels = st.lists(st.tuples(*[st.sampled_from(SENTIMENTS)] * 2), min_size=1, max_size=60)


@given(labels)
@settings(max_examples=60, deadline=None)
def test_averages_hold_together(pairs: list[tuple[Sentiment, Sentiment]]) -> None:
    truth, found = [true for true, _ in pairs], [answer for _, answer in pairs]
    result = figures(answered(sentiments(truth), found))
    each = list(result.classes.values())
    assert result.micro.f1 == pytest.approx(result.accuracy)
    assert result.weighted.recall == pytest.approx(result.accuracy)
    for part in ("precision", "recall", "f1"):
        values = [getattr(item, part) for item in each]
        for average in (result.macro, result.weighted):
            assert min(values) - 1e-9 <= getattr(average, part) <= max(values) + 1e-9
    assert result.macro.support == len(pairs) == sum(item.support for item in each)
    for limits in (result.intervals.accuracy, result.intervals.macro_f1):
        assert 0 <= limits.low <= limits.high <= 1
    expected = f1_score(truth, found, labels=sorted(set(truth)), average="macro", zero_division=0)
    assert result.macro.f1 == pytest.approx(expected)
