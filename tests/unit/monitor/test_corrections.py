"""What people say of articles: checked by field, and the newest statement in force."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.corrections import Correction, FieldProblem, Label, correction_of, in_force

GIVEN = Label(1, "a", "", "negative", ("credit",), "ann", datetime(2026, 3, 1, tzinfo=UTC), "")


def test_a_correction_is_taken_as_it_is_meant() -> None:
    found = correction_of({"sentiment": "neutral", "topics": ["banks", "banks"], "by": " ann "})
    assert isinstance(found, Correction)
    assert (found.sentiment, found.topics, found.by) == ("neutral", ("banks",), "ann")
    empty = correction_of({"topics": []})
    assert isinstance(empty, Correction) and empty.topics == ()


@pytest.mark.parametrize(
    ("values", "field", "message"),
    [
        ({}, "sentiment", "give a sentiment, topics, or both"),
        ({"sentiment": "angry"}, "sentiment", "'negative', 'neutral' or 'positive'"),
        ({"topics": ["credits"]}, "topics", "did you mean 'credit'?"),
        ({"topics": ["x" * 300]}, "topics", "there are earnings, "),
        ({"topics": "credit"}, "topics", "tuple"),
        ({"sentiment": "neutral", "company": "x" * 201}, "company", "200"),
        ({"sentiment": "neutral", "note": "a\x00b"}, "note", "control characters"),
        ({"sentiment": "neutral", "by": "\ud800"}, "by", ""),
        ({"sentiment": "neutral", "feeling": 1}, "feeling", "not permitted"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(
    values: dict[str, Any], field: str, message: str
) -> None:
    found = correction_of(values)
    assert isinstance(found, list)
    (problem,) = found
    assert isinstance(problem, FieldProblem) and problem.field == field
    assert message in problem.message


def test_the_newest_statement_stands_over_the_earlier_in_what_it_says() -> None:
    history = [
        GIVEN,
        replace(GIVEN, id=2, company="Acme", sentiment="positive", topics=None),
        replace(GIVEN, id=3, sentiment=None, topics=("banks",), by="bob"),
        replace(GIVEN, id=4, article_id="b", sentiment="neutral"),
    ]
    found = [(item.id, item.article_id, item.sentiment, item.topics) for item in in_force(history)]
    assert found == [
        (4, "b", "neutral", ("credit",)),
        (3, "a", "negative", ("banks",)),
        (2, "a", "positive", None),
    ]
