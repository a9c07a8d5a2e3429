"""One limit for all keys, by the chances that they have of reaching it."""

import random
from collections.abc import Sequence

import msgspec
import pytest

from alerts.crowd import Crowd
from alerts.detectors.sizes import LIMITS, common_limit
from alerts.fold import fold
from alerts.rules import SurgeRule
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.surroundings import DAY_SECONDS, Surroundings
from tests.unit.alerts.records import DAY, HOUR, START, bucket, surge

DAYS = 120
LEARNING = 30


def small_keys(seed: int, keys: int, by_day: bool) -> dict[str, list[Bucket]]:
    """A few stories at a time, of a tone that never turns: within hours, or dated by day."""
    found = {}
    for number in range(keys):
        source = random.Random(f"{seed}:{number}")
        share, counts = source.uniform(0.15, 0.45), dict[int, list[int]]()
        for day in range(DAYS):
            if source.random() < 0.8:
                continue
            moment = 0 if by_day else source.randrange(200)
            for _ in range(source.randint(1, 7)):
                later = 0 if by_day else source.randrange(88)
                start = START + day * DAY + (moment + later) * BUCKET_SECONDS
                counts.setdefault(start, [0, 0])[source.random() < share] += 1
        found[f"key {number}"] = [
            bucket(start, negative, other) for start, (other, negative) in sorted(counts.items())
        ]
    return found


def rule_of(rate: str) -> SurgeRule:
    return surge(
        window="12h",
        baseline="28d",
        min_stories=3,
        min_negative=3,
        prior_negative=0.2,
        false_alarms=rate,
        cooldown="24h",
    )


def alarms(rule: SurgeRule, found: dict[str, list[Bucket]]) -> int:
    through = START + DAYS * DAY
    around = Surroundings(rule, Crowd().advance(rule, found, through))
    return sum(
        item.event == "firing" and item.bucket > START + LEARNING * DAY
        for key, buckets in found.items()
        for item in fold(rule, None, key, buckets, through, START, around)[1]
    )


@pytest.mark.parametrize("by_day", [False, True], ids=["by the minute", "by day"])
@pytest.mark.parametrize("rate", ["1 per 3d", "1 per day"])
def test_keys_with_a_few_stories_raise_as_many_alarms_as_were_asked_for(
    rate: str, by_day: bool
) -> None:
    rule = rule_of(rate)
    assert rule.false_alarms is not None
    found = sum(alarms(rule, small_keys(seed, 80, by_day)) for seed in (1, 2))
    asked = 2 * (DAYS - LEARNING) * rule.false_alarms
    assert 1 / 1.5 <= found / asked <= 1.5


def sources(seed: int, keys: int) -> dict[str, list[Bucket]]:
    """Sixty stories a day of each, on some days four times as many, of a tone that never turns."""
    found = {}
    for number in range(keys):
        source, buckets = random.Random(f"{seed}:{number}"), list[Bucket]()
        for day in range(DAYS):
            stories = 240 if source.random() < 0.05 else source.randint(50, 70)
            for moment in sorted(source.sample(range(DAY // BUCKET_SECONDS), stories)):
                negative = source.random() < 0.3
                start = START + day * DAY + moment * BUCKET_SECONDS
                buckets.append(bucket(start, int(negative), int(not negative)))
        found[f"source {number}"] = buckets
    return found


def test_who_asks_for_the_tone_alone_gets_as_many_alarms_as_were_asked_for() -> None:
    rule = surge(
        ask="tone",
        window="24h",
        baseline="28d",
        min_stories=10,
        min_negative=5,
        false_alarms="1 per 2d",
        cooldown="24h",
    )
    over_asked = alarms(rule, sources(1, 8)) / ((DAYS - LEARNING) / 2)
    assert 1 / 1.5 <= over_asked <= 1.5


def test_keys_that_are_in_the_news_and_never_in_bad_news_take_nothing_of_the_budget() -> None:
    rule, found = rule_of("1 per 3d"), small_keys(3, 80, by_day=True)
    days = range(START, START + DAYS * DAY, DAY)
    calm = {f"calm {number}": [bucket(day, 0, 3) for day in days] for number in range(100)}
    alone, beside = (
        Crowd().advance(rule, keys, START + DAYS * DAY)[-1] for keys in (found, found | calm)
    )
    assert beside.heard > 8 * alone.heard, "divided by their number, each had an eighth"
    assert alone.limit is not None and beside.limit is not None
    assert beside.limit > alone.limit / 2
    assert Surroundings(rule, [alone]).common_limit(rule, alone.day) == (alone.limit, alone.limit)


def test_a_budget_beyond_all_chances_leaves_no_limit() -> None:
    rule = rule_of("100 per day")
    shares = Crowd().advance(rule, small_keys(4, 20, by_day=True), START + DAYS * DAY)
    assert shares[-1].limit == LIMITS[-1] == 1


def test_the_limit_is_where_the_sizes_come_to_the_budget() -> None:
    sizes = [0.0] * len(LIMITS)
    sizes[40], sizes[60] = 0.3, 0.5
    assert common_limit(sizes, 0.3) == pytest.approx(LIMITS[59], rel=1e-3)
    assert common_limit(sizes, 0.55) == pytest.approx((LIMITS[59] * LIMITS[60]) ** 0.5, rel=1e-3)
    assert common_limit(sizes, 0.1) < LIMITS[40]
    assert common_limit(sizes, 0.9) == 1
    sizes[0] = 1.0
    assert common_limit(sizes, 0.9) == LIMITS[0]


def test_until_a_week_is_known_the_budget_is_divided() -> None:
    shares = Crowd().advance(rule_of("1 per 3d"), small_keys(5, 30, by_day=False), START + 9 * DAY)
    assert [share.limit is None for share in shares] == [True] * 7 + [False] * (len(shares) - 7)


def cut(buckets: Sequence[Bucket], after: int, through: int) -> list[Bucket]:
    return [item for item in buckets if after < item.start <= through]


@pytest.mark.parametrize("step", [7 * HOUR, DAY_SECONDS, 40 * HOUR])
def test_however_the_news_is_dealt_out_the_limits_are_the_same(step: int) -> None:
    rule, found = rule_of("1 per 3d"), small_keys(6, 30, by_day=False)
    through = START + 60 * DAY
    expected = {share.day: share.limit for share in Crowd().advance(rule, found, through)}
    crowd, after, limits = Crowd(), -1, dict[int, float | None]()
    for end in [*range(START + step, through, step), through]:
        part = {key: cut(buckets, after, end) for key, buckets in found.items()}
        limits |= {share.day: share.limit for share in crowd.advance(rule, part, end)}
        crowd = msgspec.json.decode(msgspec.json.encode(crowd), type=Crowd)
        after = end
    assert limits == expected
