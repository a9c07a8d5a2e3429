"""CUSUM: the plain recursion, bursts, and what a key's own past does to it."""

import math
import random

import pytest
from pydantic import ValidationError

from alerts.detectors.cusum import CusumDetector
from alerts.detectors.run_length import exact_threshold
from alerts.fold import fold
from alerts.season import moved
from alerts.series import Bucket
from alerts.surroundings import Surroundings
from tests.unit.alerts.records import DAY, HOUR, START, bucket, cusum, every


def stories(
    seed: int, count: int, share: float, start: int = START, step: int = HOUR
) -> list[Bucket]:
    source = random.Random(seed)
    flags = [source.random() < share for _ in range(count)]
    return [
        bucket(start + place * step, int(flag), int(not flag)) for place, flag in enumerate(flags)
    ]


def test_known_and_independent_it_is_the_bernoulli_cusum() -> None:
    rule = cusum(usual=0.2, odds_ratio=8 / 3, correlation=0, run_length=1_000, min_stories=1)
    buckets = stories(1, 150, 0.2) + stories(2, 60, 0.6, START + 150 * HOUR)
    limit = exact_threshold(1_000, 0.2, moved(0.2, 8 / 3))
    total, expected = 0.0, None
    for item in buckets:
        total += math.log(0.4 / 0.2) if item.negative else math.log(0.6 / 0.8)
        total = max(0.0, total)
        if total > limit:
            expected = item.start
            break
    assert expected is not None
    found = fold(rule, None, "Acme", buckets, buckets[-1].start)[1]
    assert (found[0].event, found[0].bucket) == ("firing", expected)
    assert found[0].alert.score == pytest.approx(total - limit, abs=1e-6)
    assert found[0].alert.baseline == 0.2


def test_stories_of_days_that_are_of_one_tone_count_for_less() -> None:
    """Twenty stories a day at a share of 0.3: of all days alike, or of one day in three."""
    source = random.Random(6)
    sums = []
    for shares in ((0.3,), (0.05, 0.05, 0.8)):
        days = [
            bucket(START + day * DAY + hour * HOUR, negative, 1 - negative)
            for day in range(60)
            for share in [shares[day % len(shares)]]
            for hour in range(20)
            for negative in [int(source.random() < share)]
        ]
        rule = cusum(window="24h", baseline="28d", run_length=1e9)
        state, found = fold(rule, None, "Acme", days, START + 62 * DAY)
        assert not found
        detector = state.detector
        assert isinstance(detector, CusumDetector)
        sums.append(detector.variation.correlation(rule.correlation))
        told = bucket(START + 62 * DAY + 300, 10)
        detector.total = 0.0
        detector.step(rule, told, True, Surroundings(rule))
        sums.append(detector.total)
    assert sums[0] < 0.02
    assert sums[2] == pytest.approx(0.5, abs=0.15), "variance of the days' shares over p (1 - p)"
    assert 0 < sums[3] < sums[1] / 4


def test_it_fires_on_a_turn_ends_after_it_and_has_not_learned_it() -> None:
    rule = cusum(window="48h", run_length=5_000)
    calm = stories(3, 600, 0.2)
    turn = stories(4, 60, 0.75, START + 600 * HOUR)
    back = stories(5, 100, 0.2, START + 660 * HOUR)
    state, found = fold(rule, None, "Acme", calm + turn + back, back[-1].start)
    assert [item.event for item in found] == ["firing", "resolved"]
    assert START + 600 * HOUR < found[0].bucket < START + 640 * HOUR
    assert found[1].bucket > START + 660 * HOUR
    assert 0.15 < found[0].alert.baseline < 0.25
    assert isinstance(state.detector, CusumDetector)
    assert state.detector.negative / state.detector.stories < 0.3


def test_silence_ends_an_alert() -> None:
    rule = cusum(window="24h", usual=0.2, run_length=100)
    found = fold(rule, None, "Acme", list(every(HOUR, 12, 1, 0)), START + 5 * DAY)[1]
    assert [item.event for item in found] == ["firing", "resolved"]


def test_a_new_key_is_held_against_the_pooled_prior_with_its_doubt() -> None:
    doubtful = cusum(window="7d", prior_share=0.2, prior_stories=4, run_length=1_000, min_stories=1)
    sure = cusum(window="7d", prior_share=0.2, prior_stories=400, run_length=1_000, min_stories=1)
    burst = list(every(6 * HOUR, 12, negative=1, other=0))
    first = [
        fold(rule, None, "Acme", burst, burst[-1].start)[1][0].bucket for rule in (sure, doubtful)
    ]
    assert first[0] < first[1]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"run_length": 5}, "greater than or equal to 50"),
        ({"odds_ratio": 1}, "greater than or equal to 1.2"),
        ({"usual": 0.99}, "less than 0.95"),
        ({"correlation": 0.9}, "less than or equal to 0.5"),
        ({"window": "7d", "baseline": "8d"}, "twice the window"),
    ],
)
def test_a_wrong_rule_is_told_how_to_be_right(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        cusum(**fields)
