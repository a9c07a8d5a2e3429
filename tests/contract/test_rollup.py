"""Tallies rolled up by age: the same news in wider tallies, whoever counts meanwhile."""

import random
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from pydantic import TypeAdapter
from sqlalchemy import Engine, event, select

from alerts.alert import Alert
from alerts.rules import AnyRule
from monitor.detection import load_states
from monitor.events import ScoredEvent
from monitor.retention import RetentionSettings
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store, reading
from monitor.store.ingestion import Advance, apply
from monitor.store.reach import Busy, held_reach, reach_of_store
from monitor.store.readers import series, tally_rows
from monitor.store.removal import close_a_day
from monitor.store.rollup import roll_up_a_day, roll_up_an_hour
from monitor.store.schema import tallies
from monitor.workers.housekeeping import Housekeeper
from tests.contract.ticking import tick
from tests.unit.monitor.stories_data import START, scored

FIRST = int(START.timestamp())
DAY, HOUR = 86_400, 3_600
FINE_FROM, HOURS_FROM = FIRST + 3 * DAY, FIRST + 2 * DAY


def roll_up(engine: Engine, fine_from: int = FINE_FROM, hours_from: int = HOURS_FROM) -> int:
    gone = 0
    while (rows := roll_up_an_hour(engine, fine_from + HOUR)) is not None:
        gone += rows
    while (rows := roll_up_a_day(engine, hours_from + HOUR)) is not None:
        gone += rows
    return gone


def stored(engine: Engine) -> set[tuple[object, ...]]:
    query = select(tallies).where(tallies.c.articles > 0)
    with reading(engine) as connection:
        return {tuple(row) for row in connection.execute(query)}


def some_news(seed: int, count: int) -> list[ScoredEvent]:
    """Four days of it in no order, copies among it, and corrections that move an article."""
    chosen = random.Random(seed)
    news = [
        scored(
            f"a{number}",
            f"Story {number % (count * 2 // 3)}",
            chosen.random() * 96,
            negative=chosen.choice((0.1, 0.9)),
            source=chosen.choice(("wire", "other")),
        )
        for number in range(count)
    ]
    moved = [
        scored(f"a{number}", f"Corrected {number}", chosen.random() * 96, seen_hours=200)
        for number in range(0, count, 7)
    ]
    return [*news, *moved]


def test_hours_and_days_are_what_they_were(engine: Engine) -> None:
    apply(engine, some_news(1, 200), None)
    before = {width: list(tally_rows(engine, width_seconds=width)) for width in (300, HOUR, DAY)}
    assert roll_up(engine) > 0
    assert list(tally_rows(engine, width_seconds=DAY)) == before[DAY]
    hours = list(tally_rows(engine, width_seconds=HOUR))
    recent = START + timedelta(days=2)
    assert [row for row in hours if row.bucket >= recent] == [
        row for row in before[HOUR] if row.bucket >= recent
    ]
    assert {row.width_seconds for row in hours} == {HOUR, DAY}
    fine = list(tally_rows(engine))
    told = {(row.width_seconds, (row.bucket - START) // timedelta(days=1)) for row in fine}
    assert told == {(DAY, 0), (DAY, 1), (HOUR, 2), (300, 3)}
    assert [row for row in fine if row.width_seconds == 300] == [
        row for row in before[300] if row.bucket >= START + timedelta(days=3)
    ]
    first = min(bucket.start for bucket in series(engine, "all", None, FINE_FROM * 2)["all"])
    assert first == FIRST
    read = series(engine, "all", None, FINE_FROM * 2, fine=True)["all"]
    assert min(bucket.start for bucket in read) >= FINE_FROM


def test_hours_and_days_before_1970_begin_where_they_should(engine: Engine) -> None:
    first = datetime(1969, 12, 29, tzinfo=UTC)
    hours = (first - START) / timedelta(hours=1)
    news = [scored(f"a{n}", f"Story {n}", hours + n * 1.3) for n in range(100)]
    apply(engine, news, None)
    days = list(tally_rows(engine, "all", width_seconds=DAY))
    assert [row.bucket for row in days] == [first + timedelta(days=n) for n in range(6)]
    assert [row.articles for row in days] == [
        sum(event.article.published.date() == row.bucket.date() for event in news) for row in days
    ]
    end = int(first.timestamp()) + 6 * DAY
    assert roll_up(engine, end, end) > 0
    assert list(tally_rows(engine, "all", width_seconds=DAY)) == days
    apply(engine, [scored("late", "Another story", hours + 30)], None)
    again = list(tally_rows(engine, "all", width_seconds=DAY))
    assert [row.articles for row in again] == [
        row.articles + (row.bucket == first + timedelta(days=1)) for row in days
    ]


def test_what_comes_late_is_counted_where_it_belongs(engine: Engine) -> None:
    """Whichever part came before the tallies were rolled up, they end the same."""
    news = some_news(2, 120)
    calm = open_store("sqlite://")
    apply(calm, news, None)
    roll_up(calm)
    apply(engine, news[:40], None)
    roll_up(engine, FIRST + DAY, FIRST)
    apply(engine, news[40:80], None)
    roll_up(engine, hours_from=FIRST + DAY)
    apply(engine, news[80:], None)
    roll_up(engine)
    assert stored(engine) == stored(calm)
    assert roll_up(engine) == 0


def test_many_count_while_tallies_are_rolled_up(engine: Engine) -> None:
    news = some_news(3, 240)
    writers = [
        threading.Thread(
            target=lambda part=news[first::3]: [
                apply(engine, part[at : at + 8], None) for at in range(0, len(part), 8)
            ]
        )
        for first in range(3)
    ]
    for writer in writers:
        writer.start()
    for day in range(1, 4):
        while True:
            try:
                roll_up(engine, FIRST + day * DAY, FIRST + (day - 1) * DAY)
            except Busy:
                continue
            break
    for writer in writers:
        writer.join()
    calm = open_store("sqlite://")
    apply(calm, news, None)
    roll_up(calm)
    assert stored(engine) == stored(calm)


def test_it_gives_way_to_one_who_counts_for_long(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("one writes at a time there")
    apply(engine, some_news(4, 20), None)
    with engine.begin() as connection:
        held_reach(connection)
        with pytest.raises(Busy):
            roll_up(engine)
    assert roll_up(engine) > 0


def test_a_step_that_breaks_off_has_done_nothing(engine: Engine) -> None:
    apply(engine, some_news(5, 60), None)
    before = stored(engine)

    def break_off(connection: object, cursor: object, statement: str, *more: object) -> None:
        if statement.startswith("UPDATE housekeeping"):
            raise KeyboardInterrupt

    event.listen(engine, "before_cursor_execute", break_off)
    with pytest.raises(KeyboardInterrupt):
        roll_up_an_hour(engine, FINE_FROM)
    with pytest.raises(KeyboardInterrupt):
        close_a_day(engine, START + timedelta(days=2))
    event.remove(engine, "before_cursor_execute", break_off)
    assert stored(engine) == before
    assert reach_of_store(engine).whole
    assert roll_up(engine) > 0


RULES = [
    {"detector": "threshold", "share": 0.5, "min_stories": 4},
    {"detector": "surge", "probability": 0.001, "baseline": "4d"},
]


def decided(alert: Alert) -> Alert:
    """An alert without what it is held beside: four weeks, more than is kept here; a retention that
    is as short is refused."""
    return msgspec.structs.replace(alert, coverage=None, move=None)


@pytest.mark.parametrize("fields", RULES, ids=lambda fields: fields["detector"])
def test_housekeeping_changes_no_alert(
    engine: Engine, fields: dict[str, object], tmp_path: Path
) -> None:
    """Live, a day at a time: with what is older than two days rolled up or removed, and without."""
    named = {"name": "rule", "dimension": "entity", "window": "24h"}
    rule = TypeAdapter[AnyRule](AnyRule).validate_python(named | fields)
    kept = RetentionSettings(articles_days=5, five_minute_tallies_days=2, hourly_tallies_days=4)
    found = live(engine, rule, kept)
    whole = live(open_store(f"sqlite:///{tmp_path / 'calm.db'}"), rule, RetentionSettings())
    assert list(map(decided, found)) == list(map(decided, whole))
    assert len(found) == 2
    assert {row.width_seconds for row in tally_rows(engine)} == {300, HOUR, DAY}


def live(engine: Engine, rule: AnyRule, retention: RetentionSettings) -> list[Alert]:
    clock = iter(range(0, 10**9, 100))
    keeper = Housekeeper(engine, retention, lambda: next(clock))
    for day in range(12):
        bad = day in (5, 9)
        news = [
            scored(f"{day} {n}", f"Story {day} {n}", 24 * day + n, negative=0.9 if bad else 0.1)
            for n in range(24)
        ]
        mark = START + timedelta(days=day + 1)
        apply(engine, news, Advance("aggregate", ("scored", 0), day, day + 1, mark, START))
        states = load_states(engine, [rule], START, mark)[rule.name]
        tick(engine, rule, states, mark, [], mark)
        while keeper.round(mark):
            pass
    return alert_store.listing(engine)
