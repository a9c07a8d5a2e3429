"""What models get wrong, and which articles they scored, over both databases."""

from datetime import timedelta

import msgspec
from sqlalchemy import Engine

from alerts.correction import ErrorCounts
from alerts.series import Bucket
from monitor.store.article_kinds import with_kinds
from monitor.store.ingestion import apply
from monitor.store.model_errors import known_errors, note_errors
from monitor.store.readers import series
from monitor.store.sight import Sight
from tests.unit.monitor.stories_data import START, scored

KIND = ("en@1", "sentiment", "en")
HOUR = timedelta(hours=1)


def test_the_newest_that_was_known_by_then_holds(engine: Engine) -> None:
    first, second = ErrorCounts(10, 9, 20, 18), ErrorCounts(100, 80, 200, 190)
    note_errors(engine, {KIND: first}, START)
    note_errors(engine, {KIND: first}, START + HOUR)
    note_errors(engine, {KIND: second}, START + 2 * HOUR)
    assert known_errors(engine, START - HOUR) == {}
    assert known_errors(engine, START + HOUR) == {KIND: first}
    assert known_errors(engine) == {KIND: second}
    note_errors(engine, {KIND: first}, START + 3 * HOUR)
    assert known_errors(engine) == {KIND: first}


def test_articles_are_counted_by_model_question_and_language(engine: Engine) -> None:
    own = {"Acme": (0.8, 0.1, 0.1)}
    events = [
        scored("a", "One", entities=("Acme",), companies=own),
        scored("b", "Two", entities=("Acme", "Bolt")),
        msgspec.structs.replace(scored("c", "三", entities=("Acme",)), language="zh", model="zh@2"),
        scored("d", "Late", seen_hours=9, entities=("Acme",)),
        scored("e", "Later", hours=1, topics=()),
    ]
    apply(engine, events, None)
    start = int(START.timestamp())
    sight = Sight(as_of=START + 2 * HOUR)

    def kinds(dimension: str, key: str) -> list[Bucket]:
        found = series(engine, dimension, None, start + 3_600)
        return with_kinds(engine, dimension, found, sight)[key]

    asked, whole = ("test@0", "company", "en"), ("test@0", "sentiment", "en")
    chinese = ("zh@2", "sentiment", "zh")
    assert kinds("entity", "Acme")[0].mix == ((asked, 1), (whole, 1), (chinese, 1))
    assert kinds("entity", "Bolt")[0].mix == ((whole, 1),)
    assert kinds("topic", "credit")[0].mix == ((whole, 2), (chinese, 1))
    assert kinds("language", "zh")[0].mix == ((chinese, 1),)
    assert [item.mix for item in kinds("all", "all")] == [((whole, 2), (chinese, 1)), ((whole, 1),)]
    assert kinds("source", "wire")[0].stories == 4
