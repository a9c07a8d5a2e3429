"""The bootstrap against theory, and what it draws together."""

import numpy as np
import pytest

from models.evaluation.figures import figures
from models.evaluation.intervals import interval, resampled_sums
from tests.unit.models.evaluation.made import answered, sentiments


def test_the_interval_of_a_share_is_that_of_the_binomial() -> None:
    right = np.arange(2000) % 5 > 0
    drawn = resampled_sums(right[:, None], np.arange(2000), resamples=4000)[:, 0] / 2000
    spread = (0.8 * 0.2 / 2000) ** 0.5
    limits = interval(drawn)
    assert drawn.mean() == pytest.approx(0.8, abs=spread / 10)
    assert limits.low == pytest.approx(0.8 - 1.96 * spread, abs=spread / 5)
    assert limits.high == pytest.approx(0.8 + 1.96 * spread, abs=spread / 5)


def test_rows_of_one_text_are_drawn_together() -> None:
    right = np.repeat(np.arange(200) % 2 == 0, 10)[:, None]
    apart = resampled_sums(right, np.arange(2000))
    together = resampled_sums(right, np.repeat(np.arange(200), 10))
    assert (together % 10 == 0).all()
    assert together.std() == pytest.approx(apart.std() * 10**0.5, rel=0.15)


def test_the_same_texts_have_the_same_intervals() -> None:
    examples = sentiments(["negative", "neutral", "positive", "neutral"] * 10)
    judged = answered(examples, ["negative", "neutral", "negative", "positive"] * 10)
    assert figures(judged).intervals == figures(judged).intervals
    limits = figures(judged).intervals
    assert limits.accuracy.low < 0.5 < limits.accuracy.high
    assert limits.classes["positive"].high == 0


def test_every_row_its_own_pattern() -> None:
    marks = np.random.default_rng(3).random((5000, 60)) < 0.5
    sums = resampled_sums(marks, np.arange(5000), resamples=900)
    assert sums.shape == (900, 60)
    assert sums.mean(0) == pytest.approx(marks.sum(0), rel=0.01)
