"""What chaos decides by itself: which faults, and which of them are to blame."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.outcome import Outcome, differences
from tests.chaos.schedule import WEIGHTS, Fault, draw
from tests.chaos.shrinking import shrink

CALM = Outcome(("a tally",), ("an alert",), frozenset("ab"), frozenset("n"), (), 0)


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
        ({"tallies": ()}, "1 tally lines"),
        ({"alerts": ()}, "1 alert lines"),
        ({"articles": frozenset("a")}, "1 articles lost, the first: b"),
        ({"notifications": frozenset()}, "1 notifications lost"),
        ({"notifications": frozenset("nm")}, "1 notifications too many"),
        ({"moved_back": ("scored/0",)}, "an offset went back: scored/0"),
    ],
)
def test_every_difference_is_seen(change: dict[str, Any], said: str) -> None:
    (found,) = differences(replace(CALM, **change), CALM)
    assert said in found


def test_a_repeated_delivery_is_no_difference() -> None:
    assert differences(replace(CALM, repeated=3), CALM) == []
