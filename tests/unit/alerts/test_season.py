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
            own.absorb(start, *((20, 0) if hour == NINE else (40, 10)))
    assert own.rate(NINE, pooled()) < 0.8
    assert own.share(NINE, 0.25, pooled()) < 0.25
    assert own.rate(NINE + 1, pooled()) == pytest.approx(1, abs=0.05)
    assert own.share(NINE + 1, 0.25, pooled()) == pytest.approx(0.25, abs=0.01)


def weeks(seed: int, evening: float, count: int = 6) -> PooledWeek:
    """Ten stories an hour, three in ten negative, of those after six in the evening so many."""
    source, week = random.Random(seed), PooledWeek()
    for day in range(7 * count):
        hours = {}
        for hour in range(24):
            share = evening if hour >= 18 else 0.3
            negative = sum(source.random() < share for _ in range(10))
            hours[24 * (day % 7) + hour] = 10, negative
        week.absorb(MONDAY + day * DAY, hours)
    return week


@pytest.mark.parametrize("seed", range(5))
def test_what_chance_does_to_the_hours_is_no_rhythm(seed: int) -> None:
    """Sixty stories of an hour of the week: by chance half of them are off by 13% in their odds."""
    flat = weeks(seed, evening=0.3).season()
    assert flat.share_stories > 300
    assert sum(abs(odds - 1) for odds in flat.odds) / WEEK_HOURS < 0.04
    own = OwnWeek()
    for hour in range(WEEK_HOURS):
        own.absorb(MONDAY + hour * HOUR, 20, 12 if hour == NINE else 6)
    assert own.share(NINE, 0.3, flat) < 0.33


@pytest.mark.parametrize("seed", range(5))
def test_hours_that_are_apart_keep_their_rhythm(seed: int) -> None:
    season = weeks(seed, evening=0.6).season()
    evenings = [odds for hour, odds in enumerate(season.odds) if hour % 24 >= 18]
    assert sum(evenings) / len(evenings) > 1.4
    assert season.share_stories < 100


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
