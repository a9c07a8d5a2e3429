"""Labels, a challenger's scores and drift, over both databases."""

from datetime import timedelta

import pytest
from alembic import command
from sqlalchemy import Engine, select

from models.drift_watch import Reading
from monitor.corrections import Correction
from monitor.events import ScoredEvent
from monitor.shadow_report import shadow_reports
from monitor.store import labels as label_store
from monitor.store.drift import OLD_AFTER, drift, save_drift
from monitor.store.engine import open_store
from monitor.store.ingestion import apply
from monitor.store.migrating import alembic_config
from monitor.store.schema import articles
from monitor.store.shadow import ShadowScore, add_shadow_scores, prune_shadow_scores
from tests.unit.monitor.stories_data import START, scored

NEGATIVE = Correction(sentiment="negative", by="ann")


def shadow(name: str, live: float, challenger: float, days: int = 0) -> ShadowScore:
    """`live` and `challenger` are how negative each finds the text; the rest is positive."""
    return ShadowScore(
        article_id=name,
        language="en",
        live_model="live@0",
        live_label="negative" if live >= 0.5 else "positive",
        live=(live, 0.0, round(1 - live, 4)),
        model="new@0",
        label="negative" if challenger >= 0.5 else "positive",
        probabilities=(challenger, 0.0, round(1 - challenger, 4)),
        scored=START + timedelta(days=days),
    )


def row_of(engine: Engine, name: str) -> tuple[object, ...]:
    with engine.connect() as connection:
        return tuple(connection.execute(select(articles).where(articles.c.id == name)).one())


def test_a_label_is_kept_beside_the_scores(engine: Engine) -> None:
    apply(engine, [scored("a"), scored("b", "Other")], None)
    before = row_of(engine, "a")
    assert label_store.add(engine, "unknown", NEGATIVE, START) is None
    first = label_store.add(engine, "a", NEGATIVE, START)
    topics = Correction(topics=("banks", "credit"), note='"why"; x', by="bob")
    second = label_store.add(engine, "a", topics, START + timedelta(hours=1))
    company = Correction(sentiment="positive", company="Ärger & Söhne")
    label_store.add(engine, "a", company, START)
    label_store.add(engine, "b", Correction(sentiment="neutral", topics=()), START)
    assert first is not None and second is not None and first.id < second.id
    assert row_of(engine, "a") == before

    found = label_store.current(engine, ["a"])
    assert [(item.company, item.sentiment, item.topics, item.by) for item in found] == [
        ("Ärger & Söhne", "positive", None, ""),
        ("", "negative", ("banks", "credit"), "bob"),
    ]
    assert [item.article_id for item in label_store.current(engine, limit=1)] == ["b"]
    assert len(label_store.history(engine)) == 4
    assert [item.note for item in label_store.history(engine, "a", 2)] == ["", '"why"; x']
    exported = list(label_store.labelled_articles(engine))
    assert [(item.title, item.label.company, item.label.topics) for item in exported] == [
        ("Bank fails", "", ("banks", "credit")),
        ("Bank fails", "Ärger & Söhne", None),
        ("Other", "", ()),
    ]


def test_an_article_is_found_by_the_beginning_of_its_id(engine: Engine) -> None:
    apply(engine, [scored("abc"), scored("abd", "Other"), scored("ab", "Third")], None)
    assert label_store.article_of(engine, "abc") == "abc"
    assert label_store.article_of(engine, "ab") == "ab"
    assert label_store.article_of(engine, "a") is None
    assert label_store.article_of(engine, "%") is None


def unsure(name: str, title: str, negative: float, hours: float = 0) -> ScoredEvent:
    return scored(name, title, negative=negative, hours=hours)


def test_the_least_sure_come_first_and_what_is_labelled_or_a_copy_not_at_all(
    engine: Engine,
) -> None:
    apply(
        engine,
        [
            unsure("sure", "Certain", 0.9),
            unsure("half", "Half", 0.45),
            unsure("less", "Less", 0.48),
            unsure("copy", "LESS!", 0.48, hours=-1),
            unsure("old", "Old", 0.49, hours=-24 * 8),
            unsure("done", "Done", 0.47),
        ],
        None,
    )
    label_store.add(engine, "done", NEGATIVE, START)
    label_store.add(engine, "half", Correction(topics=("credit",)), START)
    found = label_store.uncertain(engine, 0.56, None, None, 10)
    assert [(item.id, item.confidence, item.label) for item in found] == [
        ("less", 0.52, "neutral"),
        ("half", 0.55, "neutral"),
    ]
    assert [item.id for item in label_store.uncertain(engine, 0.56, None, None, 1)] == ["less"]
    assert [item.id for item in label_store.uncertain(engine, 0.53, None, None, 9)] == ["less"]
    week_ago = START - timedelta(days=7)
    older = label_store.uncertain(engine, 0.56, week_ago - timedelta(days=7), week_ago, 10)
    assert [item.id for item in older] == ["old"]


def test_nothing_is_unsure_in_an_empty_store(engine: Engine) -> None:
    assert label_store.uncertain(engine, 1.0, None, None, 10) == []


def test_a_challenger_is_reported_and_where_people_judged_held_to_it(engine: Engine) -> None:
    apply(engine, [scored(name, name) for name in ("a", "b", "c", "d")], None)
    scores = [
        shadow("a", 0.9, 0.8),
        shadow("b", 0.9, 0.3),
        shadow("c", 0.2, 0.1),
        shadow("d", 0.2, 0.1),
    ]
    add_shadow_scores(engine, scores)
    add_shadow_scores(engine, [shadow("a", 0.1, 0.1)])
    (before,) = shadow_reports(engine)
    assert (before.texts, before.agreed, before.corrected) == (4, 3, None)
    # Observed 3/4; by chance 2/4 * 1/4 + 2/4 * 3/4 = 1/2.
    assert before.kappa == pytest.approx(0.5)
    assert before.live_confidence == pytest.approx((0.9 + 0.9 + 0.8 + 0.8) / 4)
    assert before.confidence == pytest.approx((0.8 + 0.7 + 0.9 + 0.9) / 4)
    assert before.confusion["negative"] == {"negative": 1, "neutral": 0, "positive": 1}

    label_store.add(engine, "a", NEGATIVE, START)
    label_store.add(engine, "b", NEGATIVE, START)
    label_store.add(engine, "b", Correction(sentiment="positive"), START)
    label_store.add(engine, "c", Correction(sentiment="negative", company="Acme"), START)
    label_store.add(engine, "d", Correction(topics=("banks",)), START)
    (after,) = shadow_reports(engine)
    assert after.corrected is not None
    assert (after.corrected.texts, after.corrected.live_accuracy) == (2, 0.5)
    assert after.corrected.accuracy == 1.0
    assert after.corrected.live_calibration_error == pytest.approx(0.4)
    assert after.corrected.calibration_error == pytest.approx(0.25)


def test_old_scores_of_a_challenger_go_and_never_more_than_so_many_stay(engine: Engine) -> None:
    add_shadow_scores(engine, [shadow(f"a{days}", 0.9, 0.9, days) for days in range(10)])
    now = START + timedelta(days=10)
    assert prune_shadow_scores(engine, now, days=7, rows=100) == 3
    assert prune_shadow_scores(engine, now, days=7, rows=4) == 3
    assert prune_shadow_scores(engine, now, days=7, rows=4) == 0
    (report,) = shadow_reports(engine)
    assert report.texts == 4


def test_drift_shows_the_worst_first_and_each_worker_once(engine: Engine) -> None:
    def measured(source: str, psi: float | None) -> Reading:
        return Reading("en", source, "class", psi, psi, 300, "live@0", "model")

    save_drift(engine, "one", [measured("all", 0.1), measured("few", None)], START)
    save_drift(engine, "two", [measured("all", 0.4)], START)
    save_drift(engine, "one", [measured("all", 0.2), measured("few", None)], START)
    assert [(item.worker, item.reading.psi) for item in drift(engine)] == [
        ("two", 0.4),
        ("one", 0.2),
        ("one", None),
    ]
    later = START + OLD_AFTER + timedelta(seconds=1)
    save_drift(engine, "two", [measured("all", 0.3)], later)
    assert [(item.worker, item.measured) for item in drift(engine)] == [("two", later)]


@pytest.mark.parametrize("version", ["0001", "0002", "0003"])
def test_a_store_of_an_earlier_version_is_brought_up(engine: Engine, version: str) -> None:
    apply(engine, [scored("a")], None)
    before = row_of(engine, "a")
    with engine.connect() as connection:
        command.downgrade(alembic_config(connection), version)
        connection.commit()
    again = open_store(engine.url.render_as_string(hide_password=False))
    # What the version did not know is not known of its articles.
    unknown = {} if version == "0003" else {"companies": None}
    names = articles.c.keys()
    assert dict(zip(names, row_of(again, "a"), strict=True)) == {
        **dict(zip(names, before, strict=True)),
        **unknown,
    }
    assert label_store.add(again, "a", NEGATIVE, START) is not None
    again.dispose()
