"""What chaos decides by itself: which faults, and which of them are to blame."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.outcome import Outcome, differences
from tests.chaos.schedule import WEIGHTS, Fault, draw
from tests.chaos.shrinking import shrink

CALM = Outcome(
    tallies={"all 0": {"articles": 2, "negative_sum": 9_000}},
    alerts={"x": {"value": 0.25}},
    articles={name: {"label": "negative"} for name in "ab"},
    notifications={"n": {"said": ["bad"]}},
    dead_letters={},
    moved_back=(),
    uncommitted=(),
    repeated=0,
)


def test_a_seed_gives_one_schedule_with_every_kind_in_it() -> None:
    faults = draw(7, 40, gap_seconds=5)
    assert faults == draw(7, 40, gap_seconds=5) != draw(8, 40, gap_seconds=5)
    assert {fault.kind for fault in faults} == set(WEIGHTS)
    assert [fault.at_seconds for fault in faults] == sorted(fault.at_seconds for fault in faults)
    assert {fault.kind for fault in draw(7, 9, 5, ["kill", "stop"])} == {"kill", "stop"}


@pytest.mark.parametrize("guilty", [{3}, {0, 19}, {4, 5, 11}])
def test_a_failing_schedule_shrinks_to_the_faults_that_make_it_fail(guilty: set[int]) -> None:
    faults = draw(1, 20, gap_seconds=5)
    blamed = {faults[number] for number in guilty}

    def fails(part: Sequence[Fault]) -> bool:
        return blamed <= set(part)

    assert set(shrink(faults, fails)) == blamed


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tallies": {}}, "1 tallies lost, the first: all 0"),
        (
            {"tallies": {"all 0": {"articles": 2, "negative_sum": 9_999}}},
            "1 tallies differ, the first:\n    all 0: negative_sum 9999 in place of 9000",
        ),
        ({"alerts": {"x": {"value": 0.5}}}, "1 alerts differ, the first:\n    x: value 0.5 in"),
        ({"articles": {"a": {"label": "negative"}}}, "1 articles lost, the first: b"),
        (
            {"articles": {name: {"label": "neutral"} for name in "ab"}},
            "2 articles differ, the first:\n    a: label 'neutral' in place of 'negative'\n    b: ",
        ),
        ({"notifications": {}}, "1 notifications lost, the first: n"),
        ({"notifications": {**CALM.notifications, "m": {}}}, "1 notifications too many"),
        ({"notifications": {"n": {"said": ["worse"]}}}, "n: said ['worse'] in place of ['bad']"),
        ({"dead_letters": {"scored: no JSON": {}}}, "1 dead letters too many, the first: scored"),
        ({"moved_back": ("scored/0",)}, "an offset went back: scored/0"),
        ({"uncommitted": ("scored/0: 1, and 2 in",)}, "Kafka and in the store differ: scored/0"),
    ],
)
def test_every_difference_is_seen(change: dict[str, Any], said: str) -> None:
    (found,) = differences(replace(CALM, **change), CALM)
    assert said in found


def test_a_repeated_delivery_is_no_difference() -> None:
    assert differences(replace(CALM, repeated=3), CALM) == []


def test_the_first_few_rows_that_differ_are_named() -> None:
    found = replace(CALM, articles={name: {} for name in "abcdefg"})
    assert "5 articles too many, the first: c, d, e" in differences(found, CALM)
