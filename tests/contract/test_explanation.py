"""Explaining alerts over both databases: equal as long as nothing behind them has changed."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import TypeAdapter
from sqlalchemy import Engine, update

from alerts.alert import Alert
from alerts.correction import ErrorCounts
from alerts.rules import AnyRule
from monitor.bus.embedded import EmbeddedBus
from monitor.detection import conclude, load_states, look
from monitor.events import SCORED, ScoredEvent
from monitor.explanation import explain
from monitor.store import alerts as alert_store
from monitor.store.engine import writing
from monitor.store.ingestion import Advance, apply
from monitor.store.model_errors import note_errors
from monitor.store.readers import article_count
from monitor.store.removal import close_a_day, remove_articles
from monitor.store.rollup import roll_up_a_day, roll_up_an_hour
from monitor.store.schema import articles
from monitor.workers.detect import DetectWorker
from tests.contract.backtesting import backtest
from tests.contract.ticking import tick
from tests.unit.monitor.stories_data import START, scored

ADAPTER = TypeAdapter[AnyRule](AnyRule)
CRISIS = START + timedelta(days=12)


def rule_of(**fields: object) -> AnyRule:
    return ADAPTER.validate_python({"name": "rule", "dimension": "entity"} | fields)


SURGE = rule_of(detector="surge", window="24h", baseline="28d", probability=0.001)
CORRECTED = rule_of(
    name="corrected", detector="threshold", window="24h", share=0.5, corrected_for="classifier"
)
ERRORS = {("test@0", "sentiment", "en"): ErrorCounts(200, 180, 400, 380)}
RULES = [
    SURGE,
    rule_of(detector="cusum", window="48h", baseline="28d", false_alarms="1 per 7d"),
    rule_of(detector="threshold", window="24h", share=0.5),
    CORRECTED,
    rule_of(detector="volume", window="24h", probability=0.001),
    rule_of(detector="divergence", window="24h", min_others=5, probability=0.001),
    rule_of(detector="critical", window="6h", probability=0.85),
]


def news() -> list[ScoredEvent]:
    """Twelve calm days of two companies, then a day on which every story on one is negative."""
    calm = [
        scored(f"calm {hour}", f"Acme story {hour}", hour, negative=0.1, entities=("Acme",))
        for hour in range(0, 12 * 24, 5)
    ]
    others = [
        scored(f"other {hour}", f"Bolt story {hour}", hour, negative=0.1, entities=("Bolt",))
        for hour in range(1, 13 * 24, 3)
    ]
    crisis = [
        scored(f"bad {n}", f"Acme fails {n}", 12 * 24 + n / 4, negative=0.9, entities=("Acme",))
        for n in range(40)
    ]
    copy = scored("copy", "Acme fails 3", 12 * 24 + 2, source="other", entities=("Acme",))
    return [*calm, *others, *crisis, copy]


def fired(
    engine: Engine,
    rule: AnyRule,
    late: list[ScoredEvent] | None = None,
    before: list[ScoredEvent] | None = None,
    channels: Sequence[str] = (),
) -> Alert:
    """The alert that the rule fires live; `late` comes once it has been announced, `before` with
    the other news."""
    end = START + timedelta(days=13)
    apply(engine, [*(before or []), *news()], Advance("aggregate", ("scored", 0), 0, 1, end, START))
    note_errors(engine, ERRORS, START)
    mark = CRISIS + timedelta(minutes=5)
    announced: list[Alert] = []
    while not announced and mark <= end:
        states = load_states(engine, [rule], START, mark)[rule.name]
        _, events = tick(engine, rule, states, mark, channels, end)
        announced = [alert for event, alert in events if event == "firing"]
        mark += timedelta(hours=1)
    apply(engine, late or [], None)
    return announced[0]


def forget_news(engine: Engine, before: datetime) -> None:
    """As a retention that ends then does."""
    while close_a_day(engine, before):
        pass
    while remove_articles(engine, 100):
        pass
    while roll_up_an_hour(engine, int(before.timestamp())) is not None:
        pass
    while roll_up_a_day(engine, int(before.timestamp())) is not None:
        pass


@pytest.mark.parametrize(
    "rule", RULES, ids=lambda rule: str(rule.name if rule == CORRECTED else rule.detector)
)
def test_an_alert_follows_from_the_store_also_when_other_news_is_gone(
    engine: Engine, rule: AnyRule
) -> None:
    alert = fired(engine, rule)
    before = explain(engine, [rule], alert)
    assert before.differences == ()
    assert alert.coverage is not None
    assert alert.coverage.usual == (0 if alert.detector == "critical" else 1)
    assert (alert.move is None) == (alert.detector == "critical")
    assert sum(item.label == "negative" for item in before.articles) >= alert.negative > 0
    assert alert.evidence
    forget_news(engine, START + timedelta(days=30))
    found = explain(engine, [rule], alert)
    assert found.differences == ()
    assert found.from_last_step
    assert before.from_last_step == (rule == CORRECTED)
    assert found.articles == before.articles
    assert article_count(engine) < len(news()) / 2
    changed = rule.model_copy(update={"cooldown": 1_800})
    assert "rule_hash" in {item.field for item in explain(engine, [changed], alert).differences}
    with writing(engine) as connection:
        connection.execute(update(articles).values(label="neutral", negative=1, neutral=9_999))
    assert not explain(engine, [rule], alert).equal


def test_what_was_scored_later_is_left_out(engine: Engine) -> None:
    day = timedelta(days=13) / timedelta(hours=1)
    hour = 12 * 24 + 0.1
    late = [
        # A late article that was published before the story's first takes its place.
        scored(
            "early copy", "Acme fails 1", hour, negative=0.2, entities=("Acme",), seen_hours=day + 1
        ),
        scored("new", "Acme again", hour, entities=("Acme",), seen_hours=day + 1),
    ]
    alert = fired(engine, SURGE, late)
    found = explain(engine, [SURGE], alert)
    assert found.differences == ()
    assert {item.id for item in found.late} == {"new", "early copy"}
    now = backtest(engine, SURGE, alert.started, alert.started)
    assert [item.stories for item in now] != [alert.stories]


ALTERED: dict[str, tuple[dict[str, Any], set[str]]] = {
    "title": ({"title": "Acme is well"}, {"evidence"}),
    "score": ({"negative": 8_999}, {"evidence"}),
    "model": ({"model": "test@1"}, {"evidence", "models"}),
}


@pytest.mark.parametrize("altered", ALTERED)
def test_an_altered_article_shows(engine: Engine, altered: str) -> None:
    alert = fired(engine, SURGE)
    values, fields = ALTERED[altered]
    with writing(engine) as connection:
        connection.execute(update(articles).where(articles.c.id == "bad 0").values(values))
    assert {item.field for item in explain(engine, [SURGE], alert).differences} >= fields


def test_a_label_that_the_tallies_do_not_know_of_shows(engine: Engine) -> None:
    alert = fired(engine, SURGE)
    with writing(engine) as connection:
        connection.execute(
            update(articles)
            .where(articles.c.id == "bad 0")
            .values(label="neutral", negative=1_000, neutral=9_000)
        )
    found = explain(engine, [SURGE], alert).differences
    assert any(item.field.startswith("tally 2026-03-13 00:00") for item in found)


CHANGES: dict[str, Callable[[Alert], tuple[list[AnyRule], set[str]]]] = {
    "a digit": lambda _: (
        [rule_of(detector="surge", window="24h", baseline="28d", probability=0.002)],
        {"rule_hash"},
    ),
    "gone": lambda _: ([], {"rule"}),
}


def test_a_severity_may_change_as_the_hash_says(engine: Engine) -> None:
    alert = fired(engine, SURGE)
    louder = SURGE.model_copy(update={"severity": "critical"})
    assert explain(engine, [louder], alert).equal
    forget_news(engine, START + timedelta(days=30))
    assert explain(engine, [louder], alert).equal


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_rule_shows(engine: Engine, change: str) -> None:
    alert = fired(engine, SURGE)
    rules, fields = CHANGES[change](alert)
    assert {item.field for item in explain(engine, rules, alert).differences} >= fields


def test_an_alert_from_before_there_were_digests_is_still_explained(engine: Engine) -> None:
    alert = fired(engine, SURGE)
    old = msgspec.structs.replace(alert, evidence="", coverage=None, move=None)
    assert explain(engine, [SURGE], old).equal
    assert alert_store.find(engine, alert.id) == alert


def test_a_rule_that_joins_an_old_store_is_explained_by_what_it_has_read(engine: Engine) -> None:
    end = START + timedelta(days=13)
    old = [
        scored(
            f"old {hour}",
            f"Acme told {hour}",
            hour,
            seen_hours=hour,
            negative=0.9,
            entities=("Acme",),
        )
        for hour in range(-200 * 24, 0, 12)
    ]
    first = START - timedelta(days=200)
    apply(engine, [*old, *news()], Advance("aggregate", ("scored", 0), 0, 1, end, first))
    before = rule_of(name="before", detector="threshold", window="24h", share=0.5)
    load_states(engine, [before], first, CRISIS)
    mark = CRISIS + timedelta(minutes=5)
    announced: list[Alert] = []
    while not announced and mark <= end:
        states = load_states(engine, [before, SURGE], first, mark)["rule"]
        # Eighty days of the old news were before what a new rule reads, and are no silence to it.
        assert states.watched_since > first.timestamp() + 70 * 86_400
        _, events = tick(engine, SURGE, states, mark, [], end)
        announced = [alert for event, alert in events if event == "firing"]
        mark += timedelta(hours=1)
    (alert,) = announced
    found = explain(engine, [before, SURGE], alert)
    assert found.equal, found.differences
    # From all that was watched it would have been another one.
    assert alert not in backtest(engine, SURGE, alert.started, alert.started)


def test_what_comes_between_the_fold_and_its_writing_up_is_in_neither(engine: Engine) -> None:
    end = START + timedelta(days=13)
    apply(engine, news(), Advance("aggregate", ("scored", 0), 0, 1, end, START))
    looked = look(engine, SURGE, load_states(engine, [SURGE], START, end)["rule"], end, end)
    worst = scored("worst", "Acme is no more", 12 * 24 + 0.1, negative=0.99, entities=("Acme",))
    apply(engine, [msgspec.structs.replace(worst, scored=end + timedelta(seconds=1))], None)
    announced = conclude(engine, [looked], end, [], end + timedelta(minutes=1))
    alert = next(alert for event, alert in announced if event == "firing")
    assert alert.top and worst.article.title not in {story.title for story in alert.top}
    assert explain(engine, [SURGE], alert).differences == ()


@pytest.mark.parametrize("clock", [START + timedelta(days=13), CRISIS], ids=["right", "behind"])
def test_an_alert_rests_on_what_was_counted_also_where_its_clock_is_behind_the_scorers(
    engine: Engine, tmp_path: Path, clock: datetime
) -> None:
    mark = CRISIS + timedelta(hours=2)
    told = [event for event in news() if event.article.published <= mark]
    apply(engine, told, Advance("aggregate", ("scored", 0), 0, 1, mark, START))
    bus = EmbeddedBus(tmp_path / "bus.db")
    bus.create_topics([SCORED], 1)
    rule = rule_of(detector="threshold", window="1h", share=0.5, min_stories=3)
    ((_, alert),) = DetectWorker(bus, engine, [rule], [], "me", now=lambda: clock).once(1)
    bus.close()
    assert (alert.negative, len(alert.top)) == (4, 4)
    found = explain(engine, [rule], alert)
    assert (found.differences, len(found.articles)) == ((), 4)


def test_a_share_is_corrected_by_what_was_known_of_the_models_when_it_fired(
    engine: Engine,
) -> None:
    alert = fired(engine, CORRECTED)
    told = alert.correction
    assert told is not None
    assert (told.sensitivity, told.specificity, told.known) == (0.9, 0.95, 1.0)
    assert told.apparent == pytest.approx(alert.negative / alert.stories, abs=1e-6)
    assert alert.value > told.apparent > 0.5
    end = START + timedelta(days=13)
    worse = {kind: ErrorCounts(200, 120, 400, 380) for kind in ERRORS}
    note_errors(engine, worse, end + timedelta(hours=1))
    assert explain(engine, [CORRECTED], alert).equal
    now = backtest(engine, CORRECTED, alert.started, alert.started)
    assert [item.correction for item in now] != [told]
    other = {kind: ErrorCounts(200, 181, 400, 380) for kind in ERRORS}
    # In the moment in which it fired, after it was folded.
    note_errors(engine, other, end)
    assert explain(engine, [CORRECTED], alert).equal
    altered = msgspec.structs.replace(
        alert, correction=msgspec.structs.replace(told, sensitivity=0.8)
    )
    assert [item.field for item in explain(engine, [CORRECTED], altered).differences] == [
        "correction"
    ]


def test_a_source_that_fell_silent_is_told_of_and_recomputed(engine: Engine) -> None:
    """Of two wires that speak every hour one stops half a day before the alert."""
    wires = [
        scored(
            f"{source} {hour}",
            f"{source} tells {hour}",
            hour + 0.5,
            source=source,
            negative=0.1,
            entities=(),
        )
        for source, until in (("north", 12 * 24 - 12), ("south", 13 * 24))
        for hour in range(until)
    ]
    alert = fired(engine, SURGE, before=wires)
    told = alert.coverage
    assert told is not None
    assert [item.source for item in told.silent] == ["north"]
    assert told.silent[0].since == START + timedelta(hours=12 * 24 - 12.5, minutes=5)
    assert told.usual >= 2
    assert explain(engine, [SURGE], alert).equal
    back = scored("back", "north is back", 12 * 24, source="north", negative=0.1, entities=())
    late = msgspec.structs.replace(back, scored=START + timedelta(days=14))
    apply(engine, [late], None)
    assert explain(engine, [SURGE], alert).equal
    with writing(engine) as connection:
        changed = update(articles).where(articles.c.id == "back")
        connection.execute(changed.values(scored=START + timedelta(days=12)))
    assert {item.field for item in explain(engine, [SURGE], alert).differences} == {"coverage"}


def test_the_move_of_the_share_is_split_and_recomputed(engine: Engine) -> None:
    alert = fired(engine, SURGE)
    move = alert.move
    assert move is not None
    assert move.tone + move.mix == pytest.approx(alert.value - move.share, abs=1e-4)
    # Of a story every five hours, those before the window; all are of one source.
    assert (move.share, move.stories) == (0.0, 54)
    assert move.tone == pytest.approx(alert.value, abs=1e-4)
    assert move.mix == 0.0
    with writing(engine) as connection:
        changed = update(articles).where(articles.c.id.in_(["calm 0", "calm 5"]))
        connection.execute(changed.values(source="elsewhere"))
    fields = {item.field for item in explain(engine, [SURGE], alert).differences}
    assert "move" in fields
