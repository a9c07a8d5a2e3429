"""Detection over both databases: what is history, and what is silence."""

from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine

from alerts.rules import SurgeRule
from ingest.article import Article
from models.scorer import Scorer
from models.watchlist import Watchlist
from monitor.backfill import backfill
from monitor.detection import (
    StatesMoved,
    backtest,
    forget_states,
    load_states,
    resolve_orphans,
    tick,
)
from monitor.events import ScoredEvent
from monitor.store.ingestion import Advance, apply
from monitor.store.watch import watched_stretches
from tests.unit.monitor.stories_data import START, scored

RULE = SurgeRule.model_validate(
    {
        "name": "surge",
        "detector": "surge",
        "dimension": "entity",
        "window": "24h",
        "baseline": "28d",
        "probability": 0.001,
    }
)
DAY = timedelta(days=1)


def days_of_news(first: datetime, days: int, stories: int, prefix: str) -> list[ScoredEvent]:
    """Every day so many stories about a company, every other one negative."""
    begin = (first - START) / timedelta(hours=1)
    hours = [begin + 24 * day + 23 * n // stories for day in range(days) for n in range(stories)]
    return [
        scored(
            f"{prefix}{n}",
            f"{prefix} story {n}",
            hours=hour,
            seen_hours=hour,
            negative=0.1 if n % 2 else 0.9,
            entities=("Acme",),
        )
        for n, hour in enumerate(hours)
    ]


def test_years_without_news_are_not_silence(engine: Engine) -> None:
    apply(engine, days_of_news(START - 2_000 * DAY, 30, 2, "old"), None)
    apply(engine, days_of_news(START, 20, 16, "new"), None)
    first, second = watched_stretches(engine)
    assert first.last < second.first == int(START.timestamp())
    # Sixteen stories a day are usual here; held against years of silence they would be a surge.
    assert backtest(engine, [RULE], START, START + 20 * DAY) == []


def test_old_items_of_a_first_fetch_do_not_tell_of_silence(engine: Engine) -> None:
    late = scored("late", "An old item", hours=-24 * 10, seen_hours=0, entities=("Acme",))
    apply(engine, [late, scored("now", "Fresh", hours=0, seen_hours=0)], None)
    (stretch,) = watched_stretches(engine)
    assert stretch.first == int(START.timestamp())


def test_the_watch_began_with_the_first_timely_article_also_if_it_came_after_the_first_tick(
    engine: Engine,
) -> None:
    first = START + timedelta(minutes=40)
    apply(engine, [], Advance("aggregate", ("scored", 0), 0, 1, first, first))
    early = load_states(engine, [RULE], first, first)[RULE.name]
    assert tick(engine, RULE, early, first, [], first)[0].settled is None
    later = first + timedelta(minutes=20)
    timely = scored("timely", "A story", hours=0, seen_hours=0.8, entities=("Acme",))
    apply(engine, [timely], Advance("aggregate", ("scored", 0), 1, 2, later, first))
    states = load_states(engine, [RULE], first, later)[RULE.name]
    assert states.watched_since == int(START.timestamp())
    assert tick(engine, RULE, states, later, [], later)[0].settled is None
    settled = later + timedelta(seconds=RULE.lateness)
    assert tick(engine, RULE, states, settled, [], settled)[0].settled is not None


def test_states_that_a_backfill_forgot_are_loaded_again(engine: Engine) -> None:
    mark = START + 2 * DAY
    apply(
        engine,
        days_of_news(START, 2, 2, "new"),
        Advance("aggregate", ("scored", 0), 0, 1, mark, START),
    )
    states = load_states(engine, [RULE], START, mark)
    state, _ = tick(engine, RULE, states[RULE.name], mark, [], mark)
    assert state.settled is not None
    forget_states(engine, mark)
    with pytest.raises(StatesMoved):
        tick(engine, RULE, state, mark + DAY, [], mark + DAY)
    again = load_states(engine, [RULE], START, mark)[RULE.name]
    assert again.settled is None
    assert tick(engine, RULE, again, mark + DAY, [], mark)[0].settled is not None


def test_a_backfill_lets_the_rules_learn_anew_also_what_an_interrupted_one_brought(
    engine: Engine,
) -> None:
    mark = START + 2 * DAY
    events = days_of_news(START, 2, 2, "new")
    apply(engine, events, Advance("aggregate", ("scored", 0), 0, 1, mark, START))
    states = load_states(engine, [RULE], START, mark)
    tick(engine, RULE, states[RULE.name], mark, [], mark)
    assert load_states(engine, [RULE], START, mark)[RULE.name].settled is not None
    known = events[0].article
    row = Article(
        known.id, known.source, "", known.title, "", "en", known.published, known.first_seen,
        False, known.content_hash,
    )  # fmt: skip

    def no_scorer() -> Scorer:
        raise AssertionError("nothing is new")

    assert backfill(engine, no_scorer, Watchlist([]), [row], 1, print).duplicate == 1
    again = load_states(engine, [RULE], START, mark)[RULE.name]
    assert (again.settled, again.announce_after) == (None, int(mark.timestamp()))


def test_alerts_of_a_rule_that_is_no_more_end(engine: Engine) -> None:
    mark = START + 2 * DAY
    quiet, loud = days_of_news(START, 1, 2, "a"), days_of_news(START + DAY, 1, 40, "b")
    bad = [msgspec.structs.replace(event, negative=0.9, neutral=0.1) for event in loud]
    begin = Advance("aggregate", ("scored", 0), 0, 1, mark, START)
    apply(engine, [*quiet, *bad], begin)
    rule = RULE.model_copy(update={"probability": 0.05})
    states = load_states(engine, [rule], START, mark)
    _, announced = tick(engine, rule, states[rule.name], mark, ["desk"], mark)
    assert [event for event, _ in announced] == ["firing"]
    assert resolve_orphans(engine, [rule], ["desk"], mark) == []
    ((event, alert),) = resolve_orphans(engine, [], ["desk"], mark)
    assert (event, alert.key, alert.resolved) == ("resolved", "Acme", mark)
    assert resolve_orphans(engine, [], ["desk"], mark) == []
