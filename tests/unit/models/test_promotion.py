"""Whether a candidate may be promoted: figures, intervals and reasons."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from models.labels import SENTIMENTS
from models.manifest import ModelError
from models.promotion import Comparison, compare, macro_f1_difference, reasons_against
from models.serving import ServiceOptions, open_directory
from models.training.examples import Example
from tests.unit.models.tiny import LESSONS, WRONG, write_tiny


def one_hot(labels: NDArray[np.int64]) -> NDArray[np.bool_]:
    hot: NDArray[np.bool_] = labels[:, None] == np.arange(3)
    return hot


def test_the_interval_is_that_of_a_bootstrap_by_the_book() -> None:
    random = np.random.default_rng(3)
    truth = random.integers(0, 3, 300)
    better = np.where(random.random(300) < 0.8, truth, random.integers(0, 3, 300))
    worse = np.where(random.random(300) < 0.6, truth, random.integers(0, 3, 300))
    low, high = macro_f1_difference(one_hot(truth), one_hot(better), one_hot(worse))
    differences = []
    for _ in range(300):
        rows = random.integers(0, 300, 300)
        differences.append(
            f1_score(truth[rows], better[rows], average="macro")
            - f1_score(truth[rows], worse[rows], average="macro")
        )
    expected = np.quantile(differences, [0.025, 0.975])
    assert [low, high] == pytest.approx(expected, abs=0.02)
    assert 0 < low < high
    turned = macro_f1_difference(one_hot(truth), one_hot(worse), one_hot(better))
    assert turned == pytest.approx((-high, -low))


def test_equal_answers_differ_by_nothing_and_a_set_without_labels_too() -> None:
    truth = one_hot(np.array([0, 1, 2, 2]))
    assert macro_f1_difference(truth, truth, truth) == (0.0, 0.0)
    nothing = np.zeros((4, 0), dtype=np.bool_)
    assert macro_f1_difference(nothing, nothing, nothing) == (0.0, 0.0)


def comparison(low: float, high: float, error: float | None) -> Comparison:
    return Comparison("set", "sentiment", 100, 0.5, 0.5, low, high, error)


@pytest.mark.parametrize(
    ("low", "high", "error", "reasons"),
    [
        (-0.1, 0.0, 0.1, []),
        (-0.1, 0.2, None, []),
        (-0.3, -0.1, 0.05, ["set: sentiment is worse than the model in service by 0.100 to 0.300"]),
        (0.1, 0.2, 0.11, ["set: calibration error 0.110 is above 0.10"]),
    ],
)
def test_reasons(low: float, high: float, error: float | None, reasons: list[str]) -> None:
    found = reasons_against([comparison(low, high, error)])
    assert len(found) == len(reasons)
    assert all(text.startswith(wanted) for text, wanted in zip(found, reasons, strict=True))
    assert reasons_against([comparison(0.0, 0.0, 0.3)], max_calibration_error=0.3) == []


def test_real_models_are_compared(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("models")
    write_tiny(folder / "right")
    write_tiny(folder / "wrong", lessons=WRONG)
    options = ServiceOptions()
    right, wrong = (open_directory(folder / name, options) for name in ("right", "wrong"))
    examples = [
        *(
            Example(text, sentiment, frozenset({"banks"}) if "bank" in text else frozenset(), "en")
            for text, sentiment in LESSONS.items()
            if sentiment in SENTIMENTS
        ),
        Example("银行", "negative", None, "zh"),
    ]
    sentiment, topics = compare({"set": examples}, "en", wrong, right)
    assert (sentiment.task, sentiment.texts, sentiment.in_service) == ("sentiment", 18, 1.0)
    assert sentiment.candidate == pytest.approx(1 / 3)
    assert sentiment.high < 0
    assert topics.task == "topics" and topics.low <= 0 <= topics.high
    assert len(reasons_against([sentiment, topics])) == 2
    assert reasons_against(compare({"set": examples}, "en", right, wrong)) == []
    asked = [Example(e.text, e.sentiment, None, "en", company=e.text[:3]) for e in examples[:-1]]
    (company,) = compare({"set": asked}, "en", right, right)
    assert (company.task, company.texts, company.low, company.high) == ("company", 18, 0.0, 0.0)
    with pytest.raises(ModelError, match="holds no text that the zh model reads"):
        compare({"set": examples[:-1]}, "zh", right, wrong)
