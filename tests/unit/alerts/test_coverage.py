"""Which sources are silent: what is usual by the hour, and how rare a silence is."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.alert import Alert
from alerts.coverage import (
    RARE,
    REFERENCE_SECONDS,
    Coverage,
    Heard,
    Rhythm,
    Silent,
    chance_of_none,
    coverage,
    listen,
)
from alerts.messages import covered, text
from alerts.series import BUCKET_SECONDS
from benchmarks.streams import MONDAY, Group, Key, stream
from tests.unit.alerts.records import DAY, HOUR, MOMENT, alert, message

BEGIN = MONDAY + 2_800 * 7 * DAY
"""A Monday."""
END = BEGIN + REFERENCE_SECONDS + 2 * DAY
"""A Wednesday, four weeks later."""


def hourly(at: range, count: int, days: int = 30) -> dict[int, int]:
    """So many articles in those hours of every day."""
    return {BEGIN + day * DAY + hour * HOUR: count for day in range(days) for hour in at}


def test_a_source_that_always_speaks_and_does_not_is_silent() -> None:
    hours = {"wire": hourly(range(24), 3), "blog": hourly(range(24), 2)}
    found = coverage(listen(hours, {"wire": END - HOUR}, END - 6 * HOUR, END), BUCKET_SECONDS)
    assert found.usual == 2
    (silent,) = found.silent
    assert (silent.source, silent.since) == ("blog", None)
    assert silent.chance < RARE
    assert found.missing == pytest.approx(0.4, abs=0.01)
    assert found.confidence == "low"


def test_one_that_fell_silent_within_the_window_is_silent_since_then() -> None:
    hours = {"wire": hourly(range(24), 6)}
    last = END - 8 * HOUR
    (heard,) = listen(hours, {"wire": last}, END - DAY, END)
    assert heard.expected_since == pytest.approx(7 * 6, rel=0.1)
    (silent,) = coverage([heard], BUCKET_SECONDS).silent
    assert silent.since is not None and silent.since.timestamp() == last + BUCKET_SECONDS


def test_night_and_weekend_are_no_silence() -> None:
    hours = {"paper": hourly(range(8, 18), 6)}
    night = END - DAY + 18 * HOUR
    assert listen(hours, {}, night, night + 6 * HOUR) == []
    assert len(listen(hours, {}, night - 8 * HOUR, night)) == 1
    workdays = {
        start: count
        for start, count in hourly(range(8, 18), 6).items()
        if (start - MONDAY) // DAY % 7 < 5
    }
    sunday = BEGIN + 27 * DAY
    known = {start: count for start, count in workdays.items() if start < sunday}
    assert listen({"paper": known}, {}, sunday, sunday + DAY) == []
    assert len(listen({"paper": workdays}, {}, BEGIN + 28 * DAY, BEGIN + 29 * DAY)) == 1


def test_a_new_source_and_one_that_hardly_speaks_are_not_usual() -> None:
    new = {BEGIN + 25 * DAY + hour * HOUR: 9 for hour in range(72)}
    rare = {BEGIN + day * DAY: 1 for day in range(0, 28, 2)}
    assert listen({"new": new, "rare": rare}, {}, END - DAY, END) == []


def test_bursts_make_silence_less_rare() -> None:
    bursts = {BEGIN + day * DAY + day * 7 % 24 * HOUR: 60 for day in range(30)}
    steady = hourly(range(24), 60 // 24)
    window = END - 6 * HOUR, END
    assert [item.source for item in listen({"b": bursts, "s": steady}, {}, *window)] == ["s"]
    until = END - 6 * HOUR
    assert Rhythm(bursts, until).dispersion(DAY) < Rhythm(bursts, until).dispersion(6 * HOUR)


@pytest.mark.parametrize("burst", [1.0, 3.0])
@pytest.mark.parametrize("hours", [6, 24])
def test_sources_that_speak_as_usual_are_seldom_called_silent(burst: float, hours: int) -> None:
    """Of seasonal streams in bursts, looked at when nothing has happened."""
    day = [0.2] * 7 + [1.8] * 12 + [0.6] * 5
    week = [rate * (1.2 if number < 5 else 0.5) for number in range(7) for rate in day]
    group = Group("sources", week, [1.0] * 168, [])
    source = np.random.default_rng(round(burst) * 100 + hours)
    usual = silent = 0
    for _ in range(60):
        key = Key(float(source.uniform(60, 900)), 0.3, burst, 0.1, 0.5)
        told = stream(source, group, key, BEGIN, 35)
        for _ in range(6):
            end = BEGIN + 30 * DAY + int(source.integers(5 * 288)) * BUCKET_SECONDS
            begin = end - hours * HOUR
            until = begin - begin % HOUR
            first = until - REFERENCE_SECONDS
            known: Counter[int] = Counter()
            for item in told:
                if first <= item.start < until:
                    known[item.start - item.start % HOUR] += item.articles
            last = [item.start for item in told if begin <= item.start < end]
            found = coverage(
                listen({"one": known}, {"one": last[-1]} if last else {}, begin, end),
                BUCKET_SECONDS,
            )
            usual += found.usual
            silent += len(found.silent)
    assert usual > 100
    assert silent <= 0.025 * usual


@given(st.floats(0, 200), st.floats(1, 50), st.floats(0, 50))
def test_silence_is_rarer_the_more_is_usual_and_the_steadier_it_comes(
    expected: float, dispersion: float, more: float
) -> None:
    chance = chance_of_none(expected, dispersion)
    assert 0 <= chance <= 1
    assert chance_of_none(expected + more, dispersion) <= chance
    assert chance_of_none(expected, dispersion + more) >= chance - 1e-12
    assert math.exp(-expected) <= chance + 1e-12


@given(st.lists(st.tuples(st.floats(5, 90), st.floats(0, 90), st.floats(1, 9)), max_size=8))
def test_what_is_missing_is_a_share_and_the_verdict_follows_from_it(
    rows: list[tuple[float, float, float]],
) -> None:
    heard = [
        Heard(f"s{number}", None, max(expected, since), since, dispersion)
        for number, (expected, since, dispersion) in enumerate(rows)
    ]
    found = coverage(heard, BUCKET_SECONDS)
    assert found.usual == len(rows)
    assert 0 <= found.missing <= 1
    assert (found.confidence == "full") == (not found.silent)
    assert all(item.chance <= RARE for item in found.silent)
    assert coverage(reversed(heard), BUCKET_SECONDS).missing == pytest.approx(found.missing)


def shown(told: Coverage | None) -> Alert:
    return alert(coverage=told)


def test_the_message_names_the_silent_sources() -> None:
    silent = tuple(Silent(f"s{number}\n\x1b", MOMENT, 0.001) for number in range(4))
    told = Coverage(9, silent, 0.31)
    assert covered(shown(told)) == (
        "4 of 9 usual sources silent, 31% of the usual articles: low confidence "
        "(s0, s1, s2 and 1 more)"
    )
    assert "Coverage: 4 of 9 usual sources silent" in text(message(coverage=told))
    assert covered(shown(Coverage(9, silent[:1], 0.05))).endswith("reduced confidence (s0)")
    assert covered(shown(Coverage(1))) == "none of 1 usual source is silent"
    assert covered(shown(Coverage(0))) == covered(shown(None)) == ""
