"""The budget of false alarms: shared by the news of the days before, whoever asks and when."""

import random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.crowd import Crowd
from alerts.fold import fold
from alerts.rules import AnyRule
from alerts.season import FLAT, hour_of_week
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.shuffling import shuffled
from alerts.surroundings import Share, Surroundings, looks
from tests.unit.alerts.records import DAY, HOUR, START, bucket, cusum, every, surge

RULE = surge(false_alarms="1 per 30d")


def test_what_a_day_holds_counts_from_the_next_day_on() -> None:
    found = {
        "Acme": list(every(HOUR, 48, negative=1, other=9)),
        "Bolt": list(every(HOUR, 24, negative=1, other=9)),
    }
    shares = Crowd().advance(RULE, found, START + 8 * DAY)
    assert [share.day for share in shares] == [START + day * DAY for day in range(9)]
    assert [share.stories_a_day for share in shares[:4]] == [500, 490, (500 + 720) / 3, 305]
    assert shares[7].stories_a_day == 720 / 7, "a week tells enough: the usual number is forgotten"


def test_keys_come_and_go() -> None:
    early = {f"early {number}": [bucket(START, 20)] for number in range(300)}
    late = {f"late {number}": [bucket(START + 20 * DAY, 20)] for number in range(7)}
    shares = Crowd().advance(RULE, early | late, START + 50 * DAY)
    assert shares[0].keys == 100, "the usual number, until news has come"
    assert [shares[day].keys for day in (1, 20, 21, 28, 29, 48)] == [300, 300, 307, 307, 7, 7]
    assert shares[49].keys == 1


def test_keys_with_too_little_news_for_an_alarm_take_nothing_of_the_budget() -> None:
    days = range(START, START + 28 * DAY, DAY)
    busy = {"busy": [bucket(day, 5, 15) for day in days]}
    sparse = {f"sparse {number}": [bucket(START, 1, 1)] for number in range(600)}
    share = Crowd().advance(RULE, busy | sparse, START + 28 * DAY)[-1]
    assert share.stories_a_day == 20, "8 stories a window are asked for"
    assert share.heard == 1
    assert share.keys == pytest.approx(1 + 600 / 12), "4 negative ones, three times in four weeks"


def test_the_budget_is_the_rules_not_the_keys() -> None:
    shares = [Share(START, 50, 20, 2_000)]
    around = Surroundings(RULE, shares)
    assert around.alarms_a_window(RULE, START) * 50 == pytest.approx(1 / 30)
    assert around.alarms_a_heard_window(RULE, START) * 20 == pytest.approx(1 / 30)
    # 2,000 stories a day, each the end of one run in so many: one alarm in 30 days.
    assert 2_000 / around.run_length(cusum(false_alarms="1 per 30d"), START) == pytest.approx(
        1 / 30
    )


def test_the_rhythm_of_the_week_is_known_from_the_next_day_on() -> None:
    mornings = [bucket(START + day * DAY + 9 * HOUR, 8, 12) for day in range(14)]
    nights = [bucket(START + day * DAY + 22 * HOUR, 0, 2) for day in range(14)]
    buckets = sorted(mornings + nights, key=lambda item: item.start)
    shares = Crowd().advance(RULE, {"Acme": buckets}, START + 14 * DAY)
    assert shares[0].season == FLAT
    season = shares[-1].season
    nine, ten = (hour_of_week(START + hour * HOUR) for hour in (9, 22))
    assert season.rate[nine] > 1.3 > 1 > season.rate[nine + 1]
    assert season.odds[nine] > season.odds[nine + 1] > season.odds[ten]
    assert season.prior_share(0.9) == pytest.approx((90 + 8 * 14) / (100 + 22 * 14), rel=0.02), (
        "older days weigh a little less"
    )


def test_looks_follow_the_scan_statistic() -> None:
    assert looks(3, 5.0) == 1
    assert looks(9, 1.0) == pytest.approx(64 / 9)


@settings(max_examples=60, deadline=None)
@given(
    places=st.lists(
        st.tuples(st.sampled_from("ABC"), st.integers(0, 40 * 288)), unique=True, max_size=40
    ),
    cuts=st.sets(st.integers(0, 45 * 288), max_size=10),
)
def test_however_the_news_is_dealt_out_the_shares_are_the_same(
    places: list[tuple[str, int]], cuts: set[int]
) -> None:
    found: dict[str, list[Bucket]] = {}
    for key, place in sorted(places, key=lambda item: item[1]):
        found.setdefault(key, []).append(bucket(START + place * BUCKET_SECONDS, 1))
    end = START + 46 * DAY
    expected = Surroundings(RULE, Crowd().advance(RULE, found, end))
    crowd, last = Crowd(), -1
    for cut in [*sorted(START + cut * BUCKET_SECONDS for cut in cuts), end]:
        part = {
            key: [item for item in own if last < item.start <= cut] for key, own in found.items()
        }
        shares = crowd.advance(RULE, part, cut)
        crowd = msgspec.json.decode(msgspec.json.encode(crowd), type=Crowd)
        around = Surroundings(RULE, shares)
        for field in ("keys", "heard", "stories_a_day", "season"):
            assert getattr(around.share(cut), field) == getattr(expected.share(cut), field)
        last = cut


def usual_news(seed: int, keys: int, days: int, stories_a_day: int) -> dict[str, list[Bucket]]:
    """Keys of every tone, each with one all the time."""
    found = {}
    for number in range(keys):
        source = random.Random(f"{seed}:{number}")
        share, counts = source.uniform(0.1, 0.5), dict[int, list[int]]()
        for _ in range(stories_a_day * days):
            start = START + source.randrange(days * 288) * BUCKET_SECONDS
            counts.setdefault(start, [0, 0])[source.random() < share] += 1
        found[f"key {number}"] = [
            bucket(start, negative, other) for start, (other, negative) in sorted(counts.items())
        ]
    return found


@pytest.mark.parametrize(
    "rule",
    [
        surge(
            false_alarms="1 per day",
            window="24h",
            baseline="28d",
            dispersion=1,
            volume_variation=0,
            share_variation=0,
        ),
        cusum(false_alarms="1 per day", window="48h", baseline="28d", correlation=0),
    ],
    ids=lambda rule: str(rule.detector),
)
def test_usual_news_raises_about_as_many_alarms_as_were_asked_for(rule: AnyRule) -> None:
    days, learning = 50, 20
    found = usual_news(1, 20, days, 30)
    through = START + days * DAY
    around = Surroundings(rule, Crowd().advance(rule, found, through))
    alarms = sum(
        item.event == "firing" and item.bucket > START + learning * DAY
        for key, buckets in found.items()
        for item in fold(rule, None, key, buckets, through, START, around)[1]
    )
    assert 10 <= alarms <= 45, "asked: 30 in 30 days"


def test_shuffling_moves_labels_and_nothing_else() -> None:
    buckets = [Bucket(START, 3, 5, 3, 0, 0), Bucket(START + 300, 4, 4, 0, 3, 1)]
    dealt = shuffled(buckets, random.Random(2))
    assert [(item.start, item.stories, item.articles) for item in dealt] == [
        (START, 3, 5),
        (START + 300, 4, 4),
    ]
    assert all(item.negative + item.neutral + item.positive == item.stories for item in dealt)
    assert sum(item.negative for item in dealt) == 3
    assert sum(item.positive for item in dealt) == 1
    assert dealt != buckets
    assert dealt == shuffled(buckets, random.Random(2))
