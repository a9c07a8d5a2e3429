"""The week's rhythm: a new key has that of all, a busy one its own."""

import random

import pytest

from alerts.season import (
    FLAT,
    WEEK_HOURS,
    OwnWeek,
    PooledWeek,
    Season,
    hour_of_week,
    moved,
)
from tests.unit.alerts.records import DAY, HOUR, START

MONDAY = START + 4 * DAY
"""2026-01-05."""
NINE = 9


def pooled() -> Season:
    """All keys have twice the news on Mondays at nine, at three times the odds."""
    rate, odds = [1.0] * WEEK_HOURS, [1.0] * WEEK_HOURS
    rate[NINE], odds[NINE] = 2.0, 3.0
    return Season(tuple(rate), tuple(odds), 1_000, 250)


def test_the_week_begins_on_monday() -> None:
    assert hour_of_week(MONDAY) == 0
    assert hour_of_week(MONDAY + DAY + NINE * HOUR + 299) == 24 + NINE
    assert hour_of_week(MONDAY - 1) == WEEK_HOURS - 1


def test_odds_move_a_share() -> None:
    assert moved(0.5, 3) == 0.75
    assert moved(0.2, 1) == pytest.approx(0.2)


def test_a_key_without_history_has_the_rhythm_of_all() -> None:
    own = OwnWeek()
    assert own.rate(NINE, pooled()) == 2
    assert own.share(NINE, 0.2, pooled()) == pytest.approx(moved(0.2, 3))
    assert own.share(NINE + 1, 0.2, pooled()) == pytest.approx(0.2)
    much, usual = own.window(MONDAY + 10 * HOUR, HOUR, 0.2, pooled())
    assert much == pytest.approx(2 * moved(0.2, 3) / 0.2)
    assert usual == pytest.approx(moved(0.2, 3))
    assert own.window(MONDAY, 7 * DAY, 0.2, pooled()) == (1.0, 0.2), "a week has all its hours"


def test_a_busy_key_soon_has_its_own() -> None:
    """That is quiet on Mondays at nine, and then good news."""
    own = OwnWeek()
    for week in range(8):
        for hour in range(WEEK_HOURS):
            start = MONDAY + week * 7 * DAY + hour * HOUR
            own.absorb(start, *((20, 0) if hour == NINE else (40, 10)), pooled())
    assert own.rate(NINE, pooled()) < 0.8
    assert own.share(NINE, 0.25, pooled()) < 0.25
    assert own.rate(NINE + 1, pooled()) == pytest.approx(1, abs=0.05)
    assert own.share(NINE + 1, 0.25, pooled()) == pytest.approx(0.25, abs=0.01)


def hours_of(source: random.Random, evening: float, an_hour: int) -> list[int]:
    """Negative ones of so many stories an hour: three in ten, after six in the evening as given."""
    shares = [evening if hour >= 18 else 0.3 for hour in range(24)]
    return [sum(source.random() < share for _ in range(an_hour)) for share in shares]


def weeks(seed: int, evening: float, count: int = 6) -> PooledWeek:
    source, week = random.Random(seed), PooledWeek()
    for day in range(7 * count):
        told = hours_of(source, evening, 10)
        hours = {24 * (day % 7) + hour: (10, bad) for hour, bad in enumerate(told)}
        week.absorb(MONDAY + day * DAY, hours)
    return week


def own_weeks(seed: int, evening: float, pooled: Season, count: int = 6) -> OwnWeek:
    source, own = random.Random(seed), OwnWeek()
    for day in range(7 * count):
        for hour, bad in enumerate(hours_of(source, evening, 10)):
            own.absorb(MONDAY + day * DAY + hour * HOUR, 10, bad, pooled)
    return own


@pytest.mark.parametrize("count", [6, 100], ids=["young", "of two years"])
def test_what_chance_does_to_the_hours_is_no_rhythm(count: int) -> None:
    """Sixty stories of an hour of the week: by chance half of them are off by 17% in their odds."""
    for seed in range(3):
        week = weeks(seed, 0.3, count)
        assert week.share_stories(0.3) > 300
        flat = week.season()
        assert sum(abs(odds - 1) for odds in flat.odds) / WEEK_HOURS < 0.04
    own = own_weeks(4, 0.3, flat, count)
    off = [abs(own.share(hour, 0.3, flat) - 0.3) for hour in range(WEEK_HOURS)]
    assert sum(off) / WEEK_HOURS < 0.015


def test_a_weak_rhythm_is_found_in_a_long_history_though_old_news_fades() -> None:
    for seed in range(3):
        week = weeks(seed, 0.36, 100)
        season = week.season()
        evenings = [odds for hour, odds in enumerate(season.odds) if hour % 24 >= 18]
        others = [odds for hour, odds in enumerate(season.odds) if hour % 24 < 18]
        assert sum(evenings) / 42 > 1.05 * sum(others) / 126
        assert week.share_stories(0.315) < 1_000


def test_hours_that_are_apart_keep_their_rhythm() -> None:
    for seed in range(3):
        week = weeks(seed, evening=0.6)
        season = week.season()
        assert sum(odds for hour, odds in enumerate(season.odds) if hour % 24 >= 18) / 42 > 1.4
        assert week.share_stories(0.375) < 100


def test_one_hour_that_is_off_for_sure_is_not_drowned_by_the_others() -> None:
    source, week = random.Random(5), PooledWeek()
    for day in range(42):
        told = hours_of(source, 0.3, 10)
        if day % 7 == 0:
            told[NINE] = 8
        week.absorb(
            MONDAY + day * DAY, {24 * (day % 7) + hour: (10, bad) for hour, bad in enumerate(told)}
        )
    assert week.season().odds[NINE] > 4


def test_a_busy_key_has_its_own_rhythm_where_all_together_have_none() -> None:
    flat = weeks(1, 0.3).season()
    own = own_weeks(2, 0.55, flat)
    evenings = [own.share(24 * day + 20, 0.36, flat) for day in range(7)]
    assert sum(evenings) / 7 > 0.45


def test_what_all_have_is_learned_day_by_day_and_fades() -> None:
    week = PooledWeek()
    assert week.season() == FLAT
    for day in range(28):
        first = 24 * (day % 7)
        week.absorb(MONDAY + day * DAY, {first + 9: (60, 30), first + 20: (20, 2)})
    season = week.season()
    assert sum(season.rate) / WEEK_HOURS == pytest.approx(1, abs=1e-3)
    assert season.rate[NINE] > 3 > 2 > season.rate[20] > season.rate[3]
    assert season.odds[NINE] > 1 > season.odds[20]
    assert season.prior_share(0.9) == pytest.approx(0.4, abs=0.03)
    week.absorb(MONDAY + 2_000 * DAY, {30: (1, 0)})
    assert week.season().stories == pytest.approx(1, abs=0.01)
