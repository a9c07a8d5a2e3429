"""Calibration takes back what training did to confidence and to rare classes."""

import numpy as np
import torch
from numpy.typing import NDArray

from models.labels import SENTIMENTS
from models.training.calibration import calibrate
from models.training.examples import Example

TRUE_LOGITS = torch.from_numpy(np.random.default_rng(1).normal(0, 1.5, (4_000, 3)))


def drawn(shares: NDArray[np.float64]) -> list[Example]:
    rng = np.random.default_rng(2)
    return [Example("text", SENTIMENTS[rng.choice(3, p=row)], None, "en") for row in shares]


def test_temperature_and_shift_are_found() -> None:
    valid = drawn(TRUE_LOGITS.softmax(-1).numpy())
    said = TRUE_LOGITS * 2.0 + torch.tensor([0.8, 0.0, 0.4])
    found = calibrate(said, torch.zeros(4_000, 0), valid, ())
    assert abs(found.temperature - 2.0) < 0.2
    assert np.allclose(found.sentiment_shift, [-0.8, 0.0, -0.4], atol=0.2)
    assert found.figures["after"] < found.figures["before"]
    shares = ((said + torch.from_numpy(found.sentiment_shift)) / found.temperature).softmax(-1)
    truth = np.array([SENTIMENTS.index(item.sentiment or "neutral") for item in valid])
    assert np.allclose(shares.mean(0).numpy(), np.bincount(truth) / len(truth), atol=0.01)


def test_a_class_that_validation_lacks_is_not_shifted() -> None:
    valid = drawn(TRUE_LOGITS.softmax(-1).numpy())
    kept = [row for row, item in enumerate(valid) if item.sentiment != "positive"]
    found = calibrate(
        TRUE_LOGITS[kept], torch.zeros(len(kept), 0), [valid[row] for row in kept], ()
    )
    assert found.sentiment_shift[2] == 0.0


def test_without_sentiments_nothing_is_scaled() -> None:
    found = calibrate(
        torch.zeros(1, 3), torch.zeros(1, 0), [Example("t", None, frozenset(), "en")], ()
    )
    assert (found.temperature, found.sentiment_shift.tolist()) == (1.0, [0.0, 0.0, 0.0])


def test_topics_are_as_likely_as_they_are_right() -> None:
    rng = np.random.default_rng(3)
    names = ("credit", "legal", "macro")
    true = torch.from_numpy(rng.normal(-2, 2, (4_000, len(names))))
    marks = rng.random(true.shape) < true.sigmoid().numpy()
    valid = [
        Example("text", None, frozenset(n for n, m in zip(names, row, strict=True) if m), "en")
        for row in marks
    ]
    found = calibrate(torch.zeros(4_000, 3), true * 2.0, valid, names)
    assert abs(found.topics_temperature - 2.0) < 0.2
    few = calibrate(torch.zeros(5, 3), true[:5] * 2.0, valid[:5], names)
    assert few.topics_temperature == 1.0
    nothing = [Example("t", None, frozenset(), "en")] * 90
    assert calibrate(torch.zeros(90, 3), torch.zeros(90, 0), nothing, ()).topic_thresholds == {}
