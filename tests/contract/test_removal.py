"""What is older than it is kept goes, and nothing that is kept changes by it."""

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import Engine, func, select

from alerts.alert import Alert
from monitor.corrections import Correction
from monitor.store import alerts as alert_store
from monitor.store import labels
from monitor.store.engine import reading, writing
from monitor.store.ingestion import Advance, apply, known_ids
from monitor.store.readers import tally_rows
from monitor.store.removal import (
    close_a_day,
    remove_alerts,
    remove_articles,
    remove_labels,
    removed_so_far,
)
from monitor.store.schema import alert_articles, outbox
from monitor.store.watch import watched_stretches
from tests.unit.monitor.stories_data import START, scored

DAYS = 10
EDGE = START + timedelta(days=6)


def ids(first: int, last: int) -> set[str]:
    return {f"a{day}" for day in range(first, last)}


@pytest.fixture
def filled(engine: Engine) -> Engine:
    """An article a day."""
    mark = START + timedelta(days=DAYS)
    events = [scored(f"a{day}", f"Story {day}", 24 * day + 1) for day in range(DAYS)]
    apply(engine, events, Advance("aggregate", ("scored", 0), 0, DAYS, mark, START))
    return engine


def close_days(engine: Engine) -> int:
    steps = 0
    while close_a_day(engine, EDGE + timedelta(hours=5)):
        steps += 1
    return steps


def test_articles_go_day_by_day_and_some_at_a_time(filled: Engine) -> None:
    tallies, watched = list(tally_rows(filled)), watched_stretches(filled)
    assert remove_articles(filled, 100) is None
    assert close_days(filled) == 6
    assert [remove_articles(filled, 4) for _ in range(3)] == [4, 2, None]
    assert known_ids(filled, sorted(ids(0, DAYS))) == ids(6, DAYS)
    assert list(tally_rows(filled)) == tallies
    assert watched_stretches(filled) == watched


def test_what_went_is_not_counted_again(filled: Engine) -> None:
    """Nor is what could be a copy of it; whatever is later than that counts as ever."""
    close_days(filled)
    assert remove_articles(filled, 100)
    before = list(tally_rows(filled))
    again = [scored(f"a{day}", f"Story {day}", 24 * day + 1) for day in range(DAYS)]
    edge = 6 * 24
    copies = [scored("copy", "Story 5", edge + 71, source="other")]
    corrected = [scored("a7", "Story 7, corrected", edge + 90, seen_hours=edge + 91)]
    applied = apply(filled, [*again, *copies, *corrected], None)
    assert (applied.inserted, applied.corrected, applied.expired) == (0, 0, 11)
    assert list(tally_rows(filled)) == before
    assert apply(filled, [scored("copy", "Story 9", edge + 73, source="other")], None).inserted == 1
    assert (
        apply(filled, [scored("a9", "Corrected", edge + 74, seen_hours=400)], None).corrected == 1
    )


def test_what_an_alert_or_a_label_needs_stays_as_long_as_they_do(filled: Engine) -> None:
    copy = scored("copy", "Story 1", 24 * 3, source="other")
    apply(filled, [copy], None)
    alert = alert_of(24 * 3 + 1)
    with writing(filled) as connection:
        alert_store.save(connection, alert, "firing", ["terminal"], START)
    labels.add(filled, "a4", Correction(sentiment="negative", by="ann"), START)
    close_days(filled)
    assert remove_articles(filled, 100)
    # a2 and the copy are in the window; a1 is what makes the copy one.
    kept = {"a1", "a2", "copy"}
    assert known_ids(filled, [*ids(0, DAYS), "copy"]) == kept | {"a4"} | ids(6, DAYS)
    assert remove_alerts(filled, EDGE, 100) is None, "it has not ended"
    ended = alert_of(24 * 3 + 1, resolved=True)
    with writing(filled) as connection:
        alert_store.save(connection, ended, "resolved", [], START)
    assert remove_alerts(filled, EDGE - timedelta(days=3), 100) is None
    assert remove_alerts(filled, EDGE, 100) == 1
    assert known_ids(filled, [*ids(0, DAYS), "copy"]) == {"a4"} | ids(6, DAYS)
    assert remove_labels(filled, START, 100) is None
    assert remove_labels(filled, START + timedelta(days=1), 100) == 1
    assert known_ids(filled, sorted(ids(0, DAYS))) == ids(6, DAYS)
    assert removed_so_far(filled) == {
        "articles_removed": 7,
        "alerts_removed": 1,
        "labels_removed": 1,
        "tallies_rolled_up": 0,
    }
    with reading(filled) as connection:
        for table in (alert_articles, outbox):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == 0


def test_an_alert_stays_while_another_of_its_event_stands(engine: Engine) -> None:
    told, silent = alert_of(1), msgspec.structs.replace(alert_of(2), id="two")
    lone = msgspec.structs.replace(alert_of(3, resolved=True), id="three")
    ended = msgspec.structs.replace(alert_of(2, resolved=True), id="two")
    with writing(engine) as connection:
        alert_store.save(connection, told, "firing", ["terminal"], START)
        alert_store.save(connection, silent, "firing", [], START, group=told.id)
        alert_store.save(connection, lone, "firing", ["terminal"], START)
        alert_store.save(connection, alert_of(1, resolved=True), "resolved", [], START)
    assert remove_alerts(engine, EDGE, 100) == 1
    assert {alert.id for alert in alert_store.listing(engine)} == {told.id, silent.id}
    with writing(engine) as connection:
        alert_store.save(connection, ended, "resolved", [], START)
    assert remove_alerts(engine, EDGE, 100) == 2


def alert_of(hours: int, resolved: bool = False) -> Alert:
    started = START + timedelta(hours=hours)
    return Alert(
        id="one",
        fingerprint="print",
        rule="rule",
        rule_hash="0",
        detector="threshold",
        severity="warning",
        dimension="topic",
        key="credit",
        state="resolved" if resolved else "firing",
        started=started,
        resolved=started + timedelta(days=1) if resolved else None,
        value=1.0,
        lower=0.9,
        upper=1.0,
        baseline=0.5,
        expected_negative=1.0,
        stories=2,
        negative=2,
        window_seconds=86_400,
        score=1.0,
    )
