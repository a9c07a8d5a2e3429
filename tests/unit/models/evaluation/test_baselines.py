"""Baselines, learned for real."""

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from models.evaluation.baselines import Baseline, baselines, require
from models.evaluation.figures import figures
from models.evaluation.questions import ask
from models.labels import Sentiment
from models.manifest import ModelError
from models.training.examples import Example

FIRMS = [f"Firm{chr(65 + number // 26)}{chr(65 + number % 26)}" for number in range(60)]
BAD = [Example(f"{firm} plunges after terrible loss", "negative", None, "en") for firm in FIRMS]
GOOD = [Example(f"{firm} soars on great profit", "positive", None, "en") for firm in FIRMS[:30]]
CHINESE = [
    *(Example(f"{number}号公司股价暴跌亏损", "negative", None, "zh") for number in "甲乙丙丁戊己"),
    *(Example(f"{number}号公司业绩大增盈利", "positive", None, "zh") for number in "甲乙丙丁戊己"),
]


def found(examples: Sequence[Example], train: Sequence[Example] = ()) -> dict[str, Baseline]:
    (question,) = ask(examples)
    return {item.name: item for item in baselines(question, examples, train)}


def test_without_training_texts_the_set_is_cross_validated() -> None:
    items = found([*BAD, *GOOD])
    assert list(items) == ["majority class", "TF-IDF + logistic regression", "VADER"]
    assert figures(items["majority class"].judged).accuracy == pytest.approx(2 / 3)
    assert figures(items["TF-IDF + logistic regression"].judged).accuracy == 1.0
    assert figures(items["VADER"].judged).accuracy > 0.95
    assert figures(items["VADER"].judged).calibration_error is None
    assert "cross-validation" in items["majority class"].how


def test_what_stands_in_the_set_is_not_learned_from() -> None:
    items = found(GOOD, [*BAD[:10], *GOOD])
    assert items["majority class"].how == "trained on 10 texts"
    # All that was learned is bad, so that nothing is right.
    assert figures(items["TF-IDF + logistic regression"].judged).accuracy == 0
    assert list(found(GOOD, GOOD)) == ["VADER"]


def test_chinese_is_read_by_characters_and_not_by_vader() -> None:
    items = found(CHINESE)
    assert "VADER" not in items
    assert figures(items["TF-IDF + logistic regression"].judged).accuracy == 1.0
    mixed = found([*CHINESE, *BAD])
    assert len(mixed["VADER"].judged.question.rows) == len(BAD)


def test_topics_are_learned_one_against_the_rest() -> None:
    examples = [
        Example(f"{firm} {words}", None, frozenset(topics), "en")
        for firm in FIRMS[:20]
        for words, topics in (
            ("is fined by the court", {"legal"}),
            ("buys a rival", {"deals"}),
            ("is sued by the rival that it buys in court", {"legal", "deals"}),
            ("holds a day for staff", set()),
        )
    ]
    items = found(examples)
    assert figures(items["TF-IDF + logistic regression"].judged).micro.f1 > 0.9
    assert items["majority class"].judged.said.sum(-1).tolist() == [1] * len(examples)
    assert "VADER" not in items


def test_of_a_company_the_clause_that_names_it_is_read() -> None:
    def both(first: str, second: str) -> list[Example]:
        text = f"{first} soars on great profit, while {second} plunges after terrible loss"
        labels: tuple[Sentiment, Sentiment] = ("positive", "negative")
        return [
            Example(text, label, None, "en", company=name)
            for name, label in zip((first, second), labels, strict=True)
        ]

    examples = [item for place in range(20) for item in both(FIRMS[place], FIRMS[place + 30])]
    items = found(examples)
    assert figures(items["TF-IDF + logistic regression"].judged).accuracy == 1.0
    assert figures(items["VADER"].judged).accuracy == 1.0


def test_texts_without_a_word_and_sets_of_one_class_or_one_text_are_answered() -> None:
    items = found([Example(mark, "neutral", None, "en") for mark in ("!!", "?", "…", "a", "b")])
    assert figures(items["TF-IDF + logistic regression"].judged).accuracy == 1.0
    assert list(found(BAD[:1])) == ["VADER"]
    assert np.isfinite(found(BAD[:2] + GOOD[:2])["VADER"].judged.right).all()


def test_a_missing_package_is_named_with_what_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    require()
    monkeypatch.setitem(sys.modules, "vaderSentiment.vaderSentiment", None)
    with pytest.raises(ModelError, match=r"vaderSentiment.*undertone-monitor\[train\]"):
        require()
