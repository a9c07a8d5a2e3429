"""A window that is put right is the window that would have been."""

import copy

import pytest

from alerts.detectors import AnyDetector, amend, new_detector, step
from alerts.detectors.cusum import CusumDetector
from alerts.rules import AnyRule
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.surroundings import Surroundings
from tests.unit.alerts.records import (
    HOUR,
    START,
    bucket,
    critical,
    cusum,
    divergence,
    surge,
    threshold,
    volume,
)

RULES = [threshold(), surge(), cusum(), volume(), critical(), divergence()]


def told(rule: AnyRule, buckets: list[Bucket]) -> AnyDetector:
    detector = new_detector(rule)
    around = Surroundings(rule)
    for item in buckets:
        step(detector, rule, "key", item, True, around)
    return detector


def history() -> list[Bucket]:
    return [bucket(START + hour * HOUR, 2 if hour > 20 else 0, 3) for hour in range(30)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.detector))
def test_amending_a_window_gives_the_window_of_what_is_so_now(rule: AnyRule) -> None:
    buckets = history()
    end = buckets[-1].start
    first = end + BUCKET_SECONDS - rule.window
    inside = [item for item in buckets if item.start >= first][-3:]
    changes = {item.start: (-1, -1) for item in inside}
    put_right = [
        bucket(item.start, item.negative - 1, 3) if item.start in changes else item
        for item in buckets
    ]
    detector = copy.deepcopy(told(rule, buckets))
    amend(detector, rule, changes, end, Surroundings(rule))
    wanted = told(rule, put_right)
    assert detector.window == wanted.window


def test_the_sum_of_a_cusum_forgets_what_was_taken_back() -> None:
    """Exactly, where it was not at 0 since and what is usual is known."""
    rule = cusum(usual=0.1, correlation=0.0, run_length=1_000_000, window="2d")
    buckets = history()
    detector = told(rule, buckets)
    last = buckets[-2:]
    changes = {item.start: (-1, -1) for item in last}
    amend(detector, rule, changes, buckets[-1].start, Surroundings(rule))
    put_right = [*buckets[:-2], *(bucket(item.start, item.negative - 1, 3) for item in last)]
    wanted = told(rule, put_right)
    assert isinstance(detector, CusumDetector) and isinstance(wanted, CusumDetector)
    assert detector.total == pytest.approx(wanted.total)
    assert wanted.total > 0


def test_a_bucket_that_has_nothing_left_is_gone() -> None:
    rule = threshold()
    detector = told(rule, [bucket(START, 1), bucket(START + HOUR, 1)])
    amend(detector, rule, {START: (-1, -1)}, START + HOUR, Surroundings(rule))
    assert detector.window.buckets == [(START + HOUR, 1, 1)]
