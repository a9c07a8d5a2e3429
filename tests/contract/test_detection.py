"""Detection over both databases: what is history, and what is silence."""

import random
from datetime import datetime, timedelta

import msgspec
import pytest
from pydantic import TypeAdapter
from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule, SurgeRule
from ingest.article import Article
from models.scorer import Scorer
from models.watchlist import Watchlist
from monitor.backfill import backfill
from monitor.background import with_sources
from monitor.detection import StatesMoved, forget_states, load_states, resolve_orphans
from monitor.events import ScoredEvent
from monitor.evidence import with_evidence
from monitor.replays import simulate
from monitor.store.ingestion import Advance, apply
from monitor.store.removal import close_a_day, remove_articles
from monitor.store.sight import Sight
from monitor.store.watch import watched_since, watched_stretches
from tests.contract.backtesting import backtest
from tests.contract.ticking import tick
from tests.unit.monitor.stories_data import START, scored


def as_written(engine: Engine, alert: Alert, sight: Sight) -> Alert:
    """A backtest's alert as it is written when it fires live."""
    told = with_sources(engine, with_evidence(engine, alert, sight), sight)
    return msgspec.structs.replace(told, state="firing", resolved=None)


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
    assert backtest(engine, RULE, START, START + 20 * DAY) == []


@pytest.mark.parametrize("seed", range(4))
def test_the_last_watch_began_where_the_stretches_say(engine: Engine, seed: int) -> None:
    source = random.Random(seed)
    with pytest.raises(ValueError, match="empty"):
        watched_since(engine)
    day = 0.0
    for number in range(60):
        # Seldom as long as ends a watch; some of it was seen too late to tell of one.
        day += source.choice((0.01, 0.3, 2, 9, 13.9, 14.1 if number % 9 else 30))
        seen = 24 * day + source.choice((0, 0, 0.5, 2))
        event = scored(f"a{number}", f"Story {number}", hours=24 * day, seen_hours=seen)
        apply(engine, [event], None)
        if number % 6 == 5:
            assert watched_since(engine) == watched_stretches(engine)[-1].first
    first, latest = START + (day + 20) * DAY, START + (day + 21) * DAY
    apply(engine, [], Advance("aggregate", ("scored", 0), 0, 1, latest, first))
    assert watched_since(engine) == watched_stretches(engine)[-1].first
    while close_a_day(engine, START + day / 2 * DAY):
        pass
    while remove_articles(engine, 100):
        pass
    assert watched_since(engine) == watched_stretches(engine)[-1].first


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


@pytest.mark.parametrize(
    "fields",
    [
        {"detector": "surge", "window": "24h", "baseline": "28d"},
        {"detector": "cusum", "window": "48h", "baseline": "28d", "correlation": 0},
        {"detector": "volume", "window": "24h"},
        {"detector": "divergence", "window": "24h", "min_others": 5},
    ],
    ids=lambda fields: str(fields["detector"]),
)
def test_a_budget_gives_the_same_alerts_live_restarted_and_in_a_backtest(
    engine: Engine, fields: dict[str, object]
) -> None:
    plain = {"name": "budget", "dimension": "entity", "false_alarms": "1 per 7d"}
    rule = TypeAdapter[AnyRule](AnyRule).validate_python(plain | fields)
    calm = days_of_news(START, 12, 4, "calm")
    crisis = days_of_news(START + 12 * DAY, 2, 40, "crisis")
    bad = [msgspec.structs.replace(event, negative=0.9, neutral=0.1) for event in crisis]
    others = [
        scored(f"other {hour}", f"Other story {hour}", hour, negative=0.1, entities=("Bolt",))
        for hour in range(0, 14 * 24, 3)
    ]
    end = START + 14 * DAY
    apply(engine, [*calm, *bad, *others], Advance("aggregate", ("scored", 0), 0, 1, end, START))
    expected = backtest(engine, rule, START, end)
    assert [alert.key for alert in expected] == ["Acme"]
    announced: list[Alert] = []
    mark = START + timedelta(hours=5)
    while mark <= end:
        # Loaded anew for every tick: all that is carried on has been saved.
        states = load_states(engine, [rule], START, mark)[rule.name]
        announced += [
            alert
            for event, alert in tick(engine, rule, states, mark, [], mark)[1]
            if event == "firing"
        ]
        mark += timedelta(hours=7)
    assert announced == [as_written(engine, alert, Sight()) for alert in expected]


@pytest.mark.parametrize(
    ("moment", "behind"),
    [
        # The edge of lateness lies within a bucket, and what comes belongs to its later part.
        (timedelta(minutes=3), timedelta(hours=2) - timedelta(minutes=1)),
        # Late by a part of a second, of the bucket before the edge.
        (timedelta(milliseconds=200), timedelta(hours=2, milliseconds=600)),
    ],
)
def test_what_comes_at_the_edge_of_lateness_is_in_every_fold_or_in_none(
    engine: Engine, moment: timedelta, behind: timedelta
) -> None:
    rule = RULE.model_copy(update={"lateness": 2 * 3600})
    mark = START + 11 * DAY + moment
    crisis = days_of_news(START + 12 * DAY, 1, 40, "crisis")
    news = [
        *days_of_news(START, 12, 4, "calm"),
        *(msgspec.structs.replace(event, negative=0.9, neutral=0.1) for event in crisis),
    ]
    hours = (mark - behind - START) / timedelta(hours=1)
    late = [
        scored(f"late {n}", f"Late story {n}", hours, negative=0.9, entities=("Acme",))
        for n in range(30)
    ]
    states = None
    announced: list[Alert] = []
    begin, offset = START - DAY, 0
    for end in (mark, mark + timedelta(minutes=1), START + 13 * DAY):
        batch = [event for event in news if begin <= event.article.published < end]
        batch += late if begin == mark else []
        following = offset + len(batch) + 1
        apply(engine, batch, Advance("aggregate", ("scored", 0), offset, following, end, START))
        states = states or load_states(engine, [rule], START, end)[rule.name]
        states, told = tick(engine, rule, states, end, [], end)
        announced += [alert for event, alert in told if event == "firing"]
        begin, offset = end, following
    assert [alert.key for alert in announced][-1:] == ["Acme"]
    assert announced == [
        as_written(engine, alert, Sight(rule.lateness))
        for alert in backtest(engine, rule, START, START + 13 * DAY)
    ]


def test_what_came_later_than_the_lateness_is_in_no_fold_however_often_it_is_repeated(
    engine: Engine,
) -> None:
    rule = RULE.model_copy(update={"lateness": 2 * 3600})
    crisis = days_of_news(START + 12 * DAY, 2, 40, "crisis")
    others = [
        scored(f"other {hour}", f"Other story {hour}", hour, negative=0.1, entities=("Bolt",))
        for hour in range(0, 14 * 24, 3)
    ]
    in_time = [
        *days_of_news(START, 12, 4, "calm"),
        *(msgspec.structs.replace(event, negative=0.9, neutral=0.1) for event in crisis),
        *others,
    ]
    # On the twelfth day a slow feed brings three days of bad news, what is older than the watch,
    # and something that was told before.
    late = [
        *days_of_news(START + 5 * DAY, 3, 40, "late"),
        *days_of_news(START - 3 * DAY, 1, 2, "older"),
        others[0],
    ]
    arrivals = [(event.article.published, event) for event in in_time]
    arrivals += [(START + 11 * DAY, event) for event in late]
    announced: list[Alert] = []
    mark, offset = START, 0
    while mark < START + 14 * DAY:
        batch = [event for at, event in arrivals if mark <= at < mark + timedelta(hours=7)]
        offset, before, mark = offset + len(batch) + 1, offset, mark + timedelta(hours=7)
        apply(engine, batch, Advance("aggregate", ("scored", 0), before, offset, mark, START))
        states = load_states(engine, [rule], START, mark)[rule.name]
        announced += [
            alert
            for event, alert in tick(engine, rule, states, mark, [], mark)[1]
            if event == "firing"
        ]
    assert [alert.key for alert in announced] == ["Acme"]
    sight = Sight(rule.lateness)
    assert announced == [
        as_written(engine, alert, sight) for alert in backtest(engine, rule, START, mark)
    ]
    more = backtest(engine, rule.model_copy(update={"lateness": 30 * 86_400}), START, mark)
    assert len(more) > len(announced)


def test_shuffled_labels_tell_the_rate_of_false_alarms(engine: Engine) -> None:
    rule = RULE.model_copy(update={"probability": 0.05, "min_negative": 2, "min_stories": 2})
    apply(engine, days_of_news(START, 40, 6, "calm"), None)
    since, until = START + 14 * DAY, START + 40 * DAY
    rate = simulate(engine, rule, since, until, shuffles=3, seed=1)
    assert rate == simulate(engine, rule, since, until, shuffles=3, seed=1)
    assert rate.days == pytest.approx(3 * 26, abs=1)
    assert rate.alarms > 0
    lower, upper = rate.interval
    assert lower < rate.rate < upper
    strict = rule.model_copy(update={"probability": 1e-9})
    assert simulate(engine, strict, since, until, shuffles=3, seed=1).alarms == 0
    nothing = simulate(engine, rule, until + 9 * DAY, until + 19 * DAY, shuffles=3, seed=1)
    for ask in (lambda: nothing.rate, lambda: nothing.interval):
        with pytest.raises(ValueError, match="no history"):
            ask()


def test_one_critical_story_is_an_alert_and_its_copies_are_none(engine: Engine) -> None:
    rule = TypeAdapter[AnyRule](AnyRule).validate_python(
        {"name": "grave", "detector": "critical", "topics": "legal", "window": "6h"}
    )
    acme, legal = ("Acme",), ("legal",)
    events = [
        scored("mild", "Acme is asked", 1, negative=0.6, entities=acme, topics=legal),
        scored("other topic", "Acme falls", 2, negative=0.97, entities=acme, topics=("shares",)),
        scored("nobody", "A bank is sued", 3, negative=0.97, entities=(), topics=legal),
        scored("grave", "Acme is charged", 4, negative=0.97, entities=acme, topics=legal),
        scored("copy", "Acme is charged", 30, negative=0.97, entities=acme, topics=legal),
        scored("later", "Calm", 60, negative=0.1, entities=()),
    ]
    apply(engine, events, None)
    (alert,) = backtest(engine, rule, START, START + 3 * DAY)
    assert (alert.key, alert.started) == ("Acme", START + timedelta(hours=4, minutes=5))
    assert alert.resolved == START + timedelta(hours=10, minutes=5)
    others = rule.model_copy(update={"except_keys": acme})
    assert backtest(engine, others, START, START + 3 * DAY) == []
