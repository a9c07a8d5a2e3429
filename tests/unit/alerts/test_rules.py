"""Rules as people write them, and what they are told when they err."""

from typing import Any

import pytest
from pydantic import ValidationError

from alerts.rule_fields import BudgetRule, parse_duration, parse_rate
from alerts.rules import RuleFile, SurgeRule, ThresholdRule, rule_hash
from tests.unit.alerts.records import cusum, surge, threshold


@pytest.mark.parametrize(
    ("written", "seconds"), [("90m", 5_400), ("6h", 21_600), ("7d", 604_800), (" 2w ", 1_209_600)]
)
def test_durations(written: str, seconds: int) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (6, "needs a unit: 6m, 6h"),
        ("6", "write 90m"),
        ("-1h", "write 90m"),
        ("1.5h", "write 90m"),
        (None, "write 90m"),
        (True, "write 90m"),
        ("400d", "at most 366d"),
        ("99999999999999999999w", "at most 366d"),
    ],
)
def test_a_wrong_duration_is_told_how_to_be_right(written: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_duration(written)


@pytest.mark.parametrize(
    ("written", "a_day"),
    [("1 per 30d", 1 / 30), (" 2  per 1w ", 2 / 7), ("3 per day", 3), ("1 per month", 1 / 30)],
)
def test_rates(written: str, a_day: float) -> None:
    assert parse_rate(written) == pytest.approx(a_day)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("30d", "write 1 per 30d"),
        (1, "write 1 per 30d"),
        ("0.5 per 30d", "write 1 per 30d"),
        ("1 per 30", "write 90m"),
        ("0 per 30d", "out of range"),
        ("1 per 0d", "out of range"),
        ("1000 per 1h", "from 1 per 366d to 100 per day"),
    ],
)
def test_a_wrong_rate_is_told_how_to_be_right(written: object, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_rate(written)


def test_a_limit_comes_from_the_budget_or_is_given() -> None:
    with pytest.raises(ValidationError, match="leave probability out"):
        surge(false_alarms="1 per 30d", probability=0.01)
    with pytest.raises(ValidationError, match="leave run_length out"):
        cusum(false_alarms="1 per 30d", run_length=1_000)
    with pytest.raises(ValidationError, match="Extra inputs"):
        threshold(false_alarms="1 per 30d")


def test_the_detector_decides_the_kind_of_rule() -> None:
    rules = RuleFile.model_validate(
        {
            "rules": [
                {"name": "a", "detector": "threshold", "dimension": "all", "share": 0.4},
                {"name": "b", "detector": "surge", "dimension": "topic", "window": "6h"},
            ]
        }
    ).rules
    assert isinstance(rules[0], ThresholdRule)
    assert isinstance(rules[1], SurgeRule)
    assert rules[1].window == 6 * 3_600


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "Company Surge"}, "such as company-surge"),
        ({"thresold": 1}, "Extra inputs"),
        ({"window": "7m"}, "multiple of 5m"),
        ({"window": "40d"}, "from 5m to 28d"),
        ({"share": 1.2}, "less than 1"),
        ({"leave": 0.6}, r"leave \(0.6\) must be below share \(0.5\)"),
        ({"dimension": "company"}, "entity"),
        ({"detector": "treshold"}, "threshold"),
        ({"severity": "fatal"}, "critical"),
    ],
)
def test_a_wrong_rule_is_told_how_to_be_right(change: dict[str, Any], told: str) -> None:
    plain = {"name": "x", "detector": "threshold", "dimension": "entity", "share": 0.5}
    with pytest.raises(ValidationError, match=told):
        RuleFile.model_validate({"rules": [plain | change]})


def test_a_baseline_must_reach_beyond_the_window() -> None:
    with pytest.raises(ValidationError, match="twice the window"):
        surge(window="7d", baseline="8d")


def test_two_rules_of_one_name_are_refused() -> None:
    rule = {"name": "twin", "detector": "surge", "dimension": "all"}
    with pytest.raises(ValidationError, match="two rules are named 'twin'"):
        RuleFile.model_validate({"rules": [rule, rule]})


@pytest.mark.parametrize("keys", [[], "*", ()])
def test_no_keys_or_a_star_is_every_key(keys: object) -> None:
    assert surge(keys=keys).watches("anything")


def test_keys_and_exceptions() -> None:
    assert surge(keys="Acme").keys == ("Acme",)
    assert not surge(keys=["Acme"]).watches("Bolt")
    assert not surge(except_keys=["Acme"]).watches("Acme")


def test_the_hash_follows_what_decides_and_nothing_else() -> None:
    assert rule_hash(threshold()) == rule_hash(threshold(description="x", channels=["mail"]))
    assert rule_hash(threshold()) != rule_hash(threshold(share=0.51))
    assert rule_hash(surge(window="6h")) == rule_hash(surge(window="360m"))
    assert len(rule_hash(surge())) == 12
    assert rule_hash(surge(ask="tone")) != rule_hash(surge(ask="both")) == rule_hash(surge())


def test_a_detector_that_decides_anew_changes_the_hash_of_its_rules_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = rule_hash(surge()), rule_hash(threshold())
    monkeypatch.setattr(BudgetRule, "revision", BudgetRule.revision + 1)
    assert rule_hash(surge()) != before[0]
    assert rule_hash(threshold()) == before[1]
    assert rule_hash(surge(false_alarms="1 per 30d")) != rule_hash(surge(false_alarms="2 per 30d"))
