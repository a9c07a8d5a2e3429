"""McNemar's test against known values, and the verdict that is drawn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr

from models.evaluation.comparison import Comparison, compare, mcnemar
from models.evaluation.intervals import Interval
from models.labels import Sentiment
from tests.unit.models.evaluation.made import answered, sentiments


def test_mid_p_by_hand() -> None:
    # Of ten texts that one has right, one is A's: 2 (1 + 10) / 1024 less 10 / 1024.
    assert mcnemar(1, 9) == pytest.approx(12 / 1024)
    assert mcnemar(0, 3) == pytest.approx(1 / 8)
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(4, 4) == pytest.approx(1.0)


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_mid_p_is_that_of_the_binomial(a: int, b: int) -> None:
    fewer, total = min(a, b), a + b
    below = bdtr(fewer - 1, total, 0.5) if fewer else 0.0
    expected = bdtr(fewer, total, 0.5) + below
    assert mcnemar(a, b) == mcnemar(b, a) == pytest.approx(min(1.0, expected), rel=1e-6, abs=1e-12)


def test_the_better_model_is_named_whichever_side_it_is_on() -> None:
    truth: list[Sentiment] = ["negative", "neutral", "positive"] * 40
    right = answered(sentiments(truth), truth)
    poor = answered(sentiments(truth), ["negative", "neutral", "neutral"] * 40)
    forth = compare(poor, right, "old", "new")
    assert (forth.only_a_right, forth.only_b_right, forth.texts) == (0, 40, 120)
    assert forth.accuracy_difference == pytest.approx(1 / 3)
    assert forth.accuracy_interval.low > 0.2
    assert forth.verdict.startswith("new is better: +33.3 points accuracy, p<0.001; +44.4 points")
    back = compare(right, poor, "new", "old")
    assert back.verdict == forth.verdict
    assert back.macro_f1_difference == pytest.approx(-forth.macro_f1_difference)
    assert back.as_json()["verdict"] == back.verdict


def test_a_model_is_no_better_than_itself() -> None:
    truth: list[Sentiment] = ["negative", "neutral", "positive"] * 5
    one = answered(sentiments(truth), ["neutral"] * 15)
    same = compare(one, one, "a", "b")
    assert same.verdict.startswith("no difference shown: b +0.0 points accuracy, p=1.000")


def test_what_a_set_cannot_tell_apart_decides_nothing() -> None:
    truth: list[Sentiment] = ["negative", "neutral"] * 30
    one = answered(sentiments(truth), ["negative", "neutral"] * 30)
    two = answered(sentiments(truth), ["negative", "positive"] * 30)
    found = compare(one, two, "a", "b")
    assert found.on == "negative or not"
    assert (found.only_a_right, found.accuracy_difference, found.p) == (0, 0, 1)


def test_accuracy_and_macro_f1_may_disagree() -> None:
    def made(p: float, accuracy: float, macro_f1: float) -> Comparison:
        near = 0.005
        return Comparison(
            "A", "B", "sentiment", 1000, 10, 40, p,
            accuracy, Interval(accuracy - near, accuracy + near),
            macro_f1, Interval(macro_f1 - near, macro_f1 + near),
        )  # fmt: skip

    assert made(0.003, 0.019, -0.02).verdict == (
        "B is better by accuracy, worse by macro F1: +1.9 points accuracy, p=0.003;"
        " -2.0 points macro F1 (95% -2.5 to -1.5)"
    )
    assert made(0.4, 0.002, -0.02).verdict == (
        "A is better by macro F1 alone: -0.2 points accuracy, p=0.400;"
        " +2.0 points macro F1 (95% +1.5 to +2.5)"
    )
    assert made(0.003, 0.004, 0.002).verdict.startswith("no difference shown: B +0.4")
