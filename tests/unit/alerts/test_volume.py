"""Volume: bursts of negative stories, held against how far a key's own count usually moves."""

import random

import pytest
from pydantic import ValidationError

from alerts.detectors.volume import VolumeDetector
from alerts.fold import KeyState, Transition, fold
from alerts.rules import VolumeRule
from alerts.series import Bucket
from tests.unit.alerts.records import DAY, HOUR, START, bucket, every, volume


def days(counts: list[int], start: int = START) -> list[Bucket]:
    """So many negative stories on each day, and two others."""
    found = []
    for day, count in enumerate(counts):
        for place in range(count + 2):
            at = start + day * DAY + place * (DAY // 300 // (count + 2)) * 300
            found.append(bucket(at, int(place < count), int(place >= count)))
    return found


def run(rule: VolumeRule, buckets: list[Bucket]) -> tuple[KeyState, list[Transition]]:
    return fold(rule, None, "Acme", buckets, buckets[-1].start, START)


def test_a_burst_fires_whatever_its_share() -> None:
    calm = days([1, 2, 3, 2] * 10)
    burst = list(every(HOUR, 14, negative=1, other=8, start=START + 40 * DAY))
    found = run(volume(window="24h"), calm + burst)[1]
    assert [item.event for item in found] == ["firing"]
    alert = found[0].alert
    assert alert.detector == "volume"
    assert 0.09 < alert.value < 0.15
    assert alert.expected_negative == pytest.approx(2, abs=0.3)
    assert alert.negative < 14


def test_more_news_that_is_not_negative_is_no_burst() -> None:
    calm = days([1, 2, 3, 2] * 10)
    busy = list(every(HOUR, 24, negative=0, other=30, start=START + 40 * DAY))
    assert run(volume(window="24h"), calm + busy)[1] == []


def test_the_variation_is_fitted_by_key() -> None:
    source = random.Random(5)
    steady = [sum(source.random() < 0.1 for _ in range(60)) for _ in range(120)]
    restless = [
        sum(source.random() < 0.1 for _ in range(60 * (4 if day % 10 == 0 else 1)))
        for day in range(120)
    ]
    fitted = []
    for counts in (steady, restless):
        detector = run(volume(window="24h", baseline="60d"), days(counts))[0].detector
        assert isinstance(detector, VolumeDetector)
        fitted.append(detector.variation.variation_squared(0.5, 10) ** 0.5)
    assert fitted[0] < 0.3
    assert 0.4 < fitted[1] < 0.9, "0.69 is the standard deviation over the mean of 1, and 4 in 10"


def test_a_restless_key_is_allowed_what_a_steady_one_is_not() -> None:
    burst = list(every(HOUR, 14, negative=1, other=0, start=START + 120 * DAY))
    rule = volume(window="24h", baseline="60d")
    steady, restless = days([3] * 120), days([0, 0, 0, 0, 15] * 24)
    fired = [
        [item for item in run(rule, calm + burst)[1] if item.bucket >= START + 120 * DAY]
        for calm in (steady, restless)
    ]
    assert len(fired[0]) == 1
    assert not fired[1]


def test_the_first_window_of_a_new_key_only_teaches() -> None:
    burst = list(every(HOUR, 20, negative=2, other=0))
    assert fold(volume(window="24h"), None, "Acme", burst, burst[-1].start)[1] == []


def test_an_alert_ends_by_silence_and_its_own_time_is_not_learned() -> None:
    calm = days([2] * 40)
    burst = list(every(HOUR, 20, negative=2, other=0, start=START + 40 * DAY))
    rule = volume(window="24h")
    state, found = fold(rule, None, "Acme", calm + burst, START + 45 * DAY, START)
    assert [item.event for item in found] == ["firing", "resolved"]
    assert isinstance(state.detector, VolumeDetector)
    assert state.detector.usual_negative(rule.prior_negative) < 3


def test_the_baseline_must_reach_beyond_the_window() -> None:
    with pytest.raises(ValidationError, match="twice the window"):
        volume(window="20d", baseline="28d")
    with pytest.raises(ValidationError, match="leave probability out"):
        volume(false_alarms="1 per 30d", probability=0.01)
