"""The bench's streams are what their figures say, and rules of others are tuned to a rate."""

import numpy as np
import pytest

from alerts.series import Bucket
from benchmarks.peers import DAY, PEERS, Counts, alarms, tuned
from benchmarks.stream_fit import burst, described, hourly
from benchmarks.streams import WEEK_HOURS, Group, Key, read_groups, stream

MONDAY = 1_767_571_200
FLAT = [1.0] * WEEK_HOURS
KEY = Key(200, 0.3, 5.0, 0.2, 2.0)
GROUP = Group("flat", FLAT, FLAT, [KEY])


def totals(buckets: list[Bucket]) -> tuple[int, int]:
    return sum(item.stories for item in buckets), sum(item.negative for item in buckets)


def test_a_stream_has_the_volume_the_share_and_the_bursts_of_its_key() -> None:
    days = 7 * 200
    found = stream(np.random.default_rng(3), GROUP, KEY, MONDAY, days)
    stories, negative = totals(found)
    assert stories == pytest.approx(200 * 200, rel=0.05)
    assert negative / stories == pytest.approx(0.3, abs=0.02)
    told, bad = hourly(found, MONDAY, MONDAY + days * DAY - 1)
    flat = np.full(len(told), 1.0)
    size, alike, hours = described(*burst(told, bad, flat, 0.3 * flat))
    assert size == pytest.approx(5, rel=0.2)
    assert alike == pytest.approx(0.2, abs=0.06)
    assert hours == 2


def test_when_a_key_turns_only_its_negative_stories_are_more() -> None:
    source = np.random.default_rng(4)
    days = 7 * 100
    turned = stream(source, GROUP, KEY, MONDAY, days, odds_ratio=4, turns_at=MONDAY)
    stories, negative = totals(turned)
    assert negative == pytest.approx(4 * 0.3 * 200 * 100, rel=0.08)
    assert stories - negative == pytest.approx(0.7 * 200 * 100, rel=0.08)


def test_the_fitted_groups_can_be_drawn_from() -> None:
    for group in read_groups():
        assert len(group.rate) == len(group.odds) == WEEK_HOURS
        assert all(0 < key.share < 1 <= key.burst_stories for key in group.keys)


@pytest.mark.parametrize("name", PEERS)
def test_a_rule_of_others_is_tuned_to_no_more_alarms_than_wanted(name: str) -> None:
    source = np.random.default_rng(5)
    told = [Counts(stream(source, GROUP, KEY, MONDAY, 120)) for _ in range(4)]
    keys = [(counts, PEERS[name](counts)) for counts in told]
    since = [MONDAY + 30 * DAY] * 4
    threshold, total = tuned(keys, since, 12)
    assert 0 < total <= 12
    begun = sum(
        int((alarms(counts, statistic, threshold) >= since[0]).sum()) for counts, statistic in keys
    )
    assert begun == total


def test_an_alarm_begins_after_a_day_without_one() -> None:
    buckets = [Bucket(MONDAY + hour * 3_600, 1, 1, 1) for hour in (0, 1, 20, 45, 46)]
    counts = Counts(buckets)
    begun = alarms(counts, np.ones(5), 0.5)
    assert list(begun) == [buckets[0].end, buckets[3].end]
