"""Alerts on one key at one time are one event: told once, again when graver, and ended once."""

import itertools
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, select

from alerts.rules import AnyRule, ThresholdRule
from monitor.announcing import write_up
from monitor.detection import conclude, load_states, look, resolve_orphans
from monitor.events import ScoredEvent
from monitor.store import alerts as alert_store
from monitor.store.engine import open_store, reading
from monitor.store.ingestion import Advance, apply
from monitor.store.schema import alerts, outbox
from monitor.workers.follow_up import FollowUps
from tests.unit.monitor.stories_data import START, scored

BUCKET = timedelta(minutes=5)
HOUR = timedelta(hours=1)


def rule(name: str, **fields: Any) -> ThresholdRule:
    plain = {
        "name": name,
        "detector": "threshold",
        "dimension": "entity",
        "window": "1h",
        "share": 0.5,
        "min_stories": 4,
        "lateness": "5m",
        "cooldown": "5m",
    }
    return ThresholdRule.model_validate(plain | fields)


GRAVE = rule("grave", severity="critical")
MILD = rule("mild", window="2h", min_stories=6)


def news(
    number: int, minute: float, negative: bool, company: str = "Acme", seen: float | None = None
) -> ScoredEvent:
    hours = minute / 60
    return scored(
        f"a{number}",
        f"Story {number}",
        hours=hours,
        seen_hours=hours if seen is None else seen / 60,
        negative=0.9 if negative else 0.1,
        entities=(company,),
    )


def run(
    engine: Engine,
    rules: Sequence[AnyRule],
    events: Sequence[ScoredEvent],
    marks: Sequence[datetime],
    channels: Sequence[str] = ("desk",),
    grouped: bool = True,
) -> None:
    """Count the news that was seen up to each watermark, and detect there."""
    states = None
    at = START
    for number, mark in enumerate(marks):
        batch = [event for event in events if at <= event.article.first_seen < mark]
        at = mark
        apply(engine, batch, Advance("aggregate", ("scored", 0), number, number + 1, mark, START))
        states = states or load_states(engine, rules, START, mark)
        looks = [look(engine, item, states[item.name], mark, mark) for item in rules]
        conclude(engine, looks, mark, channels, mark, grouped)
        states = {item.turns.rule.name: item.after for item in looks}
        if any(state.settled is None for state in states.values()):
            states = None


def each_bucket(hours: int) -> list[datetime]:
    return [START + number * BUCKET for number in range(1, 12 * hours + 1)]


def owed(engine: Engine) -> list[str]:
    """What the channels are owed, as rule:event:channel, in the order in which it came up."""
    query = (
        select(alerts.c.rule, outbox.c.event, outbox.c.channel)
        .join(alerts, alerts.c.id == outbox.c.alert_id)
        .order_by(outbox.c.queued, outbox.c.id)
    )
    with reading(engine) as connection:
        return [":".join(row) for row in connection.execute(query)]


def bad_hour(minute: float = 30, count: int = 8) -> list[ScoredEvent]:
    return [news(n, minute + n / 10, True) for n in range(count)]


def test_two_rules_on_one_key_are_one_message_and_one_end(engine: Engine) -> None:
    run(engine, [MILD, GRAVE], bad_hour(), each_bucket(4))
    assert owed(engine) == ["grave:firing:desk", "grave:resolved:desk"]
    mild, grave = sorted(alert_store.listing(engine), key=lambda item: item.rule, reverse=True)
    assert (mild.state, grave.state) == ("resolved", "resolved")
    assert mild.resolved is not None and grave.resolved is not None
    assert mild.resolved > grave.resolved
    with reading(engine) as connection:
        assert alert_store.group_of(connection, mild.id) == alert_store.group_of(
            connection, grave.id
        )
        queued = connection.execute(
            select(outbox.c.queued).where(outbox.c.event == "resolved")
        ).scalar_one()
    assert queued == mild.resolved


def test_what_gets_graver_is_told_again_and_what_does_not_is_not(engine: Engine) -> None:
    # The mild rule sees six stories of half an hour before; the grave one wants twelve at once.
    grave = rule("grave", severity="critical", min_stories=12)
    same = rule("same", min_stories=12)
    events = [*bad_hour(5, 6), *(news(n, 40 + n / 10, True) for n in range(10, 24))]
    run(engine, [grave, MILD, same], events, each_bucket(1))
    assert owed(engine) == ["mild:firing:desk", "grave:firing:desk"]


def test_a_channel_is_told_by_the_rules_that_it_hears(engine: Engine) -> None:
    routed = MILD.model_copy(update={"channels": ("archive",)})
    run(engine, [GRAVE, routed], bad_hour(), each_bucket(4), ["archive", "desk"])
    # The archive hears of the graver one, and needs no other.
    assert sorted(owed(engine)) == [
        "grave:firing:archive", "grave:firing:desk", "grave:resolved:archive",
        "grave:resolved:desk",
    ]  # fmt: skip


def test_a_rule_that_speaks_elsewhere_is_told_there(engine: Engine) -> None:
    grave = GRAVE.model_copy(update={"channels": ("desk",)})
    run(engine, [grave, MILD], bad_hour(), each_bucket(4), ["archive", "desk"])
    assert sorted(owed(engine)) == [
        "grave:firing:desk", "grave:resolved:desk", "mild:firing:archive",
        "mild:resolved:archive",
    ]  # fmt: skip


def test_other_keys_and_later_events_stand_for_themselves(engine: Engine) -> None:
    other = [news(100 + n, 30 + n / 10, True, "Other") for n in range(8)]
    later = [news(200 + n, 60 * 5 + n / 10, True) for n in range(8)]
    run(engine, [GRAVE, MILD], [*bad_hour(), *other, *later], each_bucket(8))
    assert sorted(owed(engine)) == ["grave:firing:desk"] * 3 + ["grave:resolved:desk"] * 3


def test_alerts_may_each_be_told_by_itself(engine: Engine) -> None:
    run(engine, [GRAVE, MILD], bad_hour(), each_bucket(4), grouped=False)
    assert sorted(owed(engine)) == [
        "grave:firing:desk", "grave:resolved:desk", "mild:firing:desk", "mild:resolved:desk",
    ]  # fmt: skip


def test_a_group_ends_with_the_rule_that_is_no_more(engine: Engine) -> None:
    run(engine, [GRAVE, MILD], bad_hour(), each_bucket(1))
    ended = START + 2 * HOUR
    assert len(resolve_orphans(engine, [MILD], ["desk"], ended)) == 1
    assert owed(engine) == ["grave:firing:desk"]
    assert len(resolve_orphans(engine, [], ["desk"], ended)) == 1
    assert owed(engine) == ["grave:firing:desk", "grave:resolved:desk"]


def test_what_was_heard_is_read_once_for_all_alerts_of_a_window(engine: Engine) -> None:
    events = [*bad_hour(), *(news(100 + n, 30 + n / 10, True, "Other") for n in range(8))]
    mark = START + HOUR
    apply(engine, events, Advance("aggregate", ("scored", 0), 0, 1, mark, START))
    turns = look(engine, GRAVE, load_states(engine, [GRAVE], START, mark)["grave"], mark, mark)
    read: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def note(*given: Any) -> None:
        read.append(given[2])

    written = write_up(engine, [turns.turns])
    assert {alert.key for alert, _ in written.values()} == {"Acme", "Other"}
    assert sum("AS hour" in statement for statement in read) == 1


def test_an_open_alert_that_late_news_starts_later_is_not_written_up_again(engine: Engine) -> None:
    first = rule("first", lateness="6h")
    bad = [*bad_hour(30, 4), *(news(n, 36 + n / 20, True) for n in range(30, 60))]
    good = [news(n, 31, False, seen=50) for n in range(20, 25)]
    run(engine, [first], [*bad, *good], each_bucket(1))
    mark = START + HOUR
    states = load_states(engine, [first], START, mark)["first"]
    turns = look(engine, first, states, mark, mark).turns
    (known,) = alert_store.listing(engine)
    (again,) = [item.alert for item in turns.transitions]
    assert known.started < again.started
    assert write_up(engine, [turns]) == {}


SLOW = timedelta(hours=2)


@pytest.mark.parametrize("step", [BUCKET, SLOW], ids=["steps", "leaps"])
@pytest.mark.parametrize("seen", [32, 50, 80, 150])
def test_late_news_joins_what_was_open_at_its_moment(
    engine: Engine, seen: float, step: timedelta
) -> None:
    """Whether what it joins has ended since, and been saved as ended, or not."""
    first = rule("first", lateness="6h")
    late = rule("late", lateness="6h", window="30m", min_stories=9)
    events = [*bad_hour(), news(99, 31, True, seen=seen)]
    marks = [START + number * step for number in range(1, int(6 * HOUR / step) + 1)]
    run(engine, [first, late], events, marks)
    assert owed(engine) == ["first:firing:desk", "first:resolved:desk"]
    assert {item.state for item in alert_store.listing(engine)} == {"resolved"}
    assert len({group for _, group in told(engine)[1]}) == 1
    assert len(told(engine)[1]) == 2


def test_late_news_of_a_group_whose_end_was_told_is_told_while_it_stands(engine: Engine) -> None:
    first = rule("first", lateness="6h")
    late = rule("late", lateness="6h", window="3h", min_stories=9)
    run(engine, [first, late], [*bad_hour(), news(99, 31, True, seen=120)], each_bucket(6))
    assert owed(engine) == [
        "first:firing:desk", "first:resolved:desk", "late:firing:desk", "late:resolved:desk",
    ]  # fmt: skip
    assert len({group for _, group in told(engine)[1]}) == 1


def told(engine: Engine) -> tuple[set[str], set[tuple[str, str]]]:
    """The messages' ids, and each alert's group."""
    with reading(engine) as connection:
        return (
            set(connection.execute(select(outbox.c.id)).scalars()),
            {(row.id, row.group_id) for row in connection.execute(select(alerts))},
        )


@pytest.mark.parametrize("seed", range(5))
def test_what_is_told_follows_from_the_news_alone(tmp_path: Path, seed: int) -> None:
    """In leaps, as after a stop, the same is told as bucket by bucket."""
    rules = [
        rule("quick", window="15m", min_stories=3, share=0.3),
        rule("steady", for_buckets=3, share=0.4, severity="critical"),
        rule("slow", window="3h", severity="info", min_stories=3),
    ]
    source = random.Random(seed)
    events = [
        news(n, source.uniform(0, 600), source.random() < 0.6, f"Company {n % 2}")
        for n in range(150)
    ]
    steps = each_bucket(12)
    leaps = [*sorted(source.sample(steps[:-1], 4)), steps[-1]]
    found = []
    for name, marks in (("steps", steps), ("leaps", leaps)):
        engine = open_store(f"sqlite:///{tmp_path / name}.db")
        run(engine, rules, sorted(events, key=lambda item: item.article.published), marks)
        found.append(told(engine))
        engine.dispose()
    assert found[0] == found[1]
    messages, groups = found[0]
    assert len(messages) < 2 * len(groups)
    assert any(name != group for name, group in groups)


def test_what_still_stands_is_told_where_the_one_that_was_told_is_withdrawn(
    engine: Engine,
) -> None:
    low = rule("low", share=0.2)
    away = rule("away", share=0.2, channels=("archive",))
    rules = [GRAVE, low, away]
    run(engine, rules, bad_hour(), each_bucket(1), ["desk"])
    assert owed(engine) == ["grave:firing:desk"]
    now = START + 2 * HOUR
    ticks = itertools.count(0.0, 60.0)
    watcher = FollowUps(engine, rules, 7, lambda: now, lambda: next(ticks))

    def correct(*numbers: int) -> None:
        events = [
            scored(
                f"a{n}",
                f"Corrected {n}",
                0.5 + n / 600,
                negative=0.1,
                entities=("Acme",),
                seen_hours=1.5,
            )
            for n in numbers
        ]
        assert apply(engine, events, None, lambda: now).corrected == len(numbers)
        for _ in range(8):
            watcher.round(START + HOUR)

    correct(0, 1, 2)
    told = ["grave:firing:desk", "grave:follow-up:desk", "low:firing:desk"]
    assert sorted(owed(engine)) == told
    correct(3, 4, 5, 6, 7)
    assert sorted({*owed(engine)}) == [*told, "low:follow-up:desk"]
    assert sum(item.startswith("low:") for item in owed(engine)) == 2
