"""What the sources have told, over both databases."""

from datetime import timedelta

from sqlalchemy import Engine

from monitor.events import ScoredEvent
from monitor.store.ingestion import apply
from monitor.store.retraction import retract
from monitor.store.sight import Sight
from monitor.store.sources import articles_by_hour, last_buckets, stories_by_source
from tests.unit.monitor.stories_data import START, scored

BEGIN = int(START.timestamp())
HOUR, DAY = 3_600, 86_400
ALL = Sight()


def told(name: str, hours: float, source: str, seen_hours: float | None = None) -> ScoredEvent:
    return scored(name, f"Title {name}", hours, source=source, seen_hours=seen_hours)


def test_articles_count_by_source_and_hour_as_far_as_they_are_seen(engine: Engine) -> None:
    events = [
        told("a", 0.1, "wire"),
        told("b", 0.9, "wire"),
        told("c", 2.5, "wire"),
        told("d", 0.5, "blog"),
        told("e", 1.5, "blog", seen_hours=9),
    ]
    apply(engine, events, None)
    hours = articles_by_hour(engine, BEGIN, BEGIN + DAY, ALL)
    assert hours == {
        "wire": {BEGIN: 2, BEGIN + 2 * HOUR: 1},
        "blog": {BEGIN: 1, BEGIN + HOUR: 1},
    }
    assert articles_by_hour(engine, BEGIN + HOUR, BEGIN + 2 * HOUR, ALL) == {
        "blog": {BEGIN + HOUR: 1}
    }
    early = Sight(as_of=START + timedelta(hours=3))
    assert articles_by_hour(engine, BEGIN, BEGIN + DAY, early)["blog"] == {BEGIN: 1}
    last = last_buckets(engine, BEGIN, BEGIN + DAY, ALL)
    assert last == {"wire": BEGIN + 2 * HOUR + 1_800, "blog": BEGIN + HOUR + 1_800}
    assert last_buckets(engine, BEGIN, BEGIN + DAY, early)["blog"] == BEGIN + 1_800
    assert last_buckets(engine, BEGIN + DAY, BEGIN + 2 * DAY, ALL) == {}
    for name in ("c", "d", "e"):
        assert retract(engine, name, START + timedelta(hours=12)) == "retracted"
    assert last_buckets(engine, BEGIN, BEGIN + DAY, ALL) == {"wire": BEGIN + 3_000}
    then = Sight(as_of=START + timedelta(hours=10))
    assert articles_by_hour(engine, BEGIN, BEGIN + DAY, then) == hours
    assert last_buckets(engine, BEGIN, BEGIN + DAY, then) == last


def test_stories_count_once_by_their_first_source_and_read_as_for_the_company(
    engine: Engine,
) -> None:
    own = {"Bank": (0.1, 0.1, 0.8)}
    events = [
        scored("a", "One", 0, source="wire"),
        scored("b", "One", 1, source="blog"),
        scored("c", "Two", 2, source="blog", companies=own),
        scored("d", "One", 30, source="post"),
        scored("e", "Three", 31, source="post"),
        scored("f", "Other", 32, entities=("Acme",)),
    ]
    apply(engine, events, None)
    middle, end = BEGIN + DAY, BEGIN + 2 * DAY

    def counted(dimension: str, key: str, begin: int = BEGIN) -> tuple[dict[str, object], ...]:
        return stories_by_source(engine, dimension, key, begin, middle, end, ALL)  # type: ignore[return-value]

    before, window = counted("entity", "Bank")
    assert before == {"wire": (1, 1), "blog": (1, 0)}
    assert window == {"post": (1, 1)}
    assert counted("topic", "credit") == (
        {"wire": (1, 1), "blog": (1, 1)},
        {"post": (1, 1), "wire": (1, 1)},
    )
    # A copy in the window stays one, however little is looked at of the time before.
    assert counted("entity", "Bank", middle) == ({}, {"post": (1, 1)})
