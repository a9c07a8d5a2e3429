"""Scores by another model over both databases: beside, then in the place of those that counted."""

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import Engine, func, select, update

from alerts.rules import AnyRule
from monitor.bus.embedded import EmbeddedBus
from monitor.events import SCORED, ScoredEvent
from monitor.explanation import explain
from monitor.failures import Unavailable
from monitor.rescoring import adopt, changes_beside
from monitor.score_changes import ScoreChanges
from monitor.store import adoptions
from monitor.store.engine import open_store, reading, writing
from monitor.store.ingestion import Advance, apply
from monitor.store.leases import ADOPTION, hold, release
from monitor.store.readers import tally_rows
from monitor.store.rescores import Selection, keep_beside, unscored, unscored_count
from monitor.store.schema import alerts, article_versions, articles, detector_states, rescores
from monitor.workers.detect import DetectWorker
from tests.contract.backtesting import backtest
from tests.contract.test_explanation import RULES, SURGE, fired, news
from tests.unit.monitor.stories_data import START, scored

NEW = "other@1"
EVERY = Selection({"en": NEW})
LATER = START + timedelta(days=14)


def rescored(event: ScoredEvent) -> ScoredEvent:
    """By a model that takes half of the bad news for good, and sees another topic."""
    calm = hash_of(event.article.id) % 2 == 0
    negative = 0.2 if calm else event.negative
    return msgspec.structs.replace(
        event,
        negative=negative,
        neutral=round(1 - negative, 4),
        topics={"banks": 0.7},
        model=NEW,
        scored=LATER,
    )


def hash_of(name: str) -> int:
    return sum(name.encode())


def clock() -> datetime:
    return LATER


def rescore_all(engine: Engine) -> ScoreChanges:
    keep_beside(engine, [rescored(event) for event in news()])
    return adopt(engine, EVERY, 1, "me", now=clock)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.detector))
def test_an_alert_is_still_recomputed_as_it_was(engine: Engine, rule: AnyRule) -> None:
    alert = fired(engine, rule)
    before = explain(engine, [rule], alert)
    changes = rescore_all(engine)
    assert changes.articles == len(news())
    found = explain(engine, [rule], alert)
    assert found.differences == ()
    assert found.from_last_step
    assert found.articles == before.articles
    assert set(found.changed.values()) == {"rescored"}
    assert found.changed.keys() == {item.id for item in found.articles}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.detector))
def test_also_one_whose_last_step_was_not_kept(engine: Engine, rule: AnyRule) -> None:
    alert = fired(engine, rule)
    with writing(engine) as connection:
        connection.execute(update(alerts).values(grounds=None))
    rescore_all(engine)
    found = explain(engine, [rule], alert)
    assert found.differences == ()
    assert not found.from_last_step
    if rule is SURGE:
        again = backtest(engine, rule, alert.started, alert.started)
        assert [item.negative for item in again] != [alert.negative]


def test_the_tallies_go_over_to_the_new_scores(engine: Engine, tmp_path: Path) -> None:
    fired(engine, SURGE)
    keep_beside(engine, [rescored(event) for event in news()])
    before = list(tally_rows(engine))
    expected = changes_beside(engine, EVERY)
    assert list(tally_rows(engine)) == before, "beside they touch nothing"
    assert adopt(engine, EVERY, 1, "me", now=clock) == expected
    fresh = open_store(f"sqlite:///{tmp_path / 'fresh.db'}")
    apply(fresh, [rescored(event) for event in news()], None)
    assert list(tally_rows(engine)) == list(tally_rows(fresh))
    fresh.dispose()
    (record,) = adoptions.past_adoptions(engine)
    assert (record.began, record.ended, record.changes) == (LATER, LATER, expected)
    moved = expected.labels["negative"]["neutral"]
    assert moved == sum(rescored(event).negative < 0.5 <= event.negative for event in news()), (
        "counted by article"
    )
    assert expected.labels_changed == moved
    assert expected.topics["banks"].gained == expected.topics["credit"].lost == len(news())
    assert changes_beside(engine, EVERY).articles == 0
    assert adopt(engine, EVERY, 1, "me", now=clock).articles == 0
    assert len(adoptions.past_adoptions(engine)) == 1
    with reading(engine) as connection:
        for table, rows in ((rescores, 0), (article_versions, len(news())), (detector_states, 0)):
            assert connection.execute(select(func.count()).select_from(table)).scalar() == rows


def test_one_that_was_broken_off_goes_on(engine: Engine) -> None:
    alert = fired(engine, SURGE)
    keep_beside(engine, [rescored(event) for event in news()])
    expected = changes_beside(engine, EVERY)
    broken = adoptions.begin(engine, EVERY, LATER)
    assert adoptions.adopt_some(engine, broken, None, 30, clock)
    assert explain(engine, [SURGE], alert).equal
    assert adopt(engine, EVERY, 1, "me", now=clock) == expected
    (record,) = adoptions.past_adoptions(engine)
    assert record.number == broken.number
    other = Selection({"en": "third@1"}, since=START)
    unfinished = adoptions.begin(engine, other, LATER)
    adoptions.begin(engine, EVERY, LATER)
    ended = {item.number: item.ended for item in adoptions.past_adoptions(engine)}
    assert ended[unfinished.number] == LATER


def test_one_that_was_broken_off_after_its_last_scores_comes_to_its_end(engine: Engine) -> None:
    fired(engine, SURGE)
    keep_beside(engine, [rescored(event) for event in news()])
    expected = changes_beside(engine, EVERY)
    broken = adoptions.begin(engine, EVERY, LATER)
    after = None
    while some := adoptions.adopt_some(engine, broken, after, 100, clock):
        after, _ = some
    assert adopt(engine, EVERY, 1, "me", now=clock) == expected
    (record,) = adoptions.past_adoptions(engine)
    assert (record.number, record.ended) == (broken.number, LATER)
    with reading(engine) as connection:
        left = connection.execute(select(func.count()).select_from(detector_states)).scalar()
    assert left == 0, "rules learn anew"


def test_what_is_left_to_score(engine: Engine) -> None:
    events = [*news(), scored("elsewhere", "Bank falls", 24, source="blog")]
    apply(engine, events, None)
    day = Selection({"en": NEW}, START + timedelta(days=1), START + timedelta(days=2))
    inside = [e for e in events if 24 <= (e.article.published - START) / timedelta(hours=1) < 48]
    assert unscored_count(engine, day) == len(inside)
    pages = list(unscored(engine, day, 5))
    assert [len(page) for page in pages[:-1]] == [5] * (len(pages) - 1)
    assert {item.id for page in pages for item in page} == {item.article.id for item in inside}
    assert unscored_count(engine, Selection({"en": NEW}, source="blog")) == 1
    assert unscored_count(engine, Selection({"zh": NEW})) == 0
    assert unscored_count(engine, Selection({"en": "test@0"})) == 0
    keep_beside(engine, [rescored(event) for event in inside])
    assert unscored_count(engine, day) == 0
    title = "Acme story, corrected"
    late = scored(inside[0].article.id, title, 24, seen_hours=400, negative=0.1)
    assert apply(engine, [late], None).corrected == 1
    assert unscored_count(engine, day) == 1, "it is another text now"
    assert changes_beside(engine, day).articles == len(inside) - 1


def test_what_was_corrected_under_it_keeps_its_scores(engine: Engine) -> None:
    apply(engine, news(), None)
    keep_beside(engine, [rescored(event) for event in news()])
    late = scored("bad 3", "Acme never failed", 12 * 24 + 1, seen_hours=400, negative=0.05)
    assert apply(engine, [late], None).corrected == 1
    assert adopt(engine, EVERY, 1, "me", now=clock).articles == len(news()) - 1
    with reading(engine) as connection:
        row = connection.execute(select(articles).where(articles.c.id == "bad 3")).one()
    assert (row.title, row.model, row.label) == ("Acme never failed", "test@0", "neutral")


def test_nothing_is_detected_while_scores_are_exchanged(engine: Engine, tmp_path: Path) -> None:
    end = START + timedelta(days=13)
    apply(engine, news(), Advance("aggregate", ("scored", 0), 0, 1, end, START))
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([SCORED], 1)
    worker = DetectWorker(bus, engine, [SURGE], ["terminal"], "detector", now=clock)
    assert hold(engine, ADOPTION, "other", LATER)
    assert worker.once(1) == []
    keep_beside(engine, [rescored(event) for event in news()])
    with pytest.raises(Unavailable, match="another adoption"):
        adopt(engine, EVERY, 1, "me", now=clock)
    release(engine, ADOPTION, "other")
    assert [event for event, _ in worker.once(1)] == ["firing"]
    bus.close()


def test_rules_learn_anew_and_tell_nothing_old(engine: Engine, tmp_path: Path) -> None:
    end = START + timedelta(days=13)
    apply(engine, news(), Advance("aggregate", ("scored", 0), 0, 1, end, START))
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([SCORED], 1)
    moment = [LATER]
    now: Callable[[], datetime] = lambda: moment[0]  # noqa: E731
    rounds = itertools.count(0.0, 60.0)
    worker = DetectWorker(
        bus, engine, [SURGE], ["terminal"], "detector", now=now, monotonic=lambda: next(rounds)
    )
    assert len(worker.once(1)) == 1
    worse = [
        msgspec.structs.replace(event, negative=0.95, neutral=0.05, model=NEW, scored=LATER)
        for event in news()
        if event.article.id.startswith("other")
    ]
    keep_beside(engine, worse)
    adopt(engine, EVERY, 1, "me", now=now)
    moment[0] += timedelta(minutes=1)
    # The round that finds its states gone, and the one that learns.
    assert [worker.once(1), worker.once(1)] == [[], []]
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(detector_states)).scalar()
    bus.close()
