"""Articles that are corrected or retracted after an alert: it is explained as it was, and followed
up where it would not have fired."""

import io
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec
import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import OperationalError

from alerts.channels.terminal import TerminalChannel
from alerts.correction import ErrorCounts
from alerts.intervals import wilson
from alerts.rules import AnyRule
from monitor.events import ScoredEvent
from monitor.explanation import explain
from monitor.failures import Unavailable
from monitor.overview import deliveries
from monitor.rescoring import adopt
from monitor.store import alerts as alert_store
from monitor.store import follow_ups
from monitor.store.engine import reading
from monitor.store.ingestion import apply, known_ids
from monitor.store.leases import ADOPTION, hold, release
from monitor.store.model_errors import note_errors
from monitor.store.readers import tally_rows
from monitor.store.removal import remove_alerts
from monitor.store.rescores import Selection, keep_beside
from monitor.store.retraction import retract
from monitor.store.schema import article_versions, outbox
from monitor.store.sight import Sight
from monitor.workers.follow_up import FollowUps
from monitor.workers.notify import NotifyWorker
from tests.contract.test_explanation import CORRECTED, RULES, SURGE, fired, forget_news, news
from tests.unit.monitor.stories_data import START, scored

END = START + timedelta(days=13)
LATER = END + timedelta(hours=6)
BAD = [f"bad {n}" for n in range(40)]


def clock() -> datetime:
    return LATER


def corrected(number: int, negative: float = 0.05) -> ScoredEvent:
    title = f"Correction: Acme does not fail {number}"
    hour = 12 * 24 + number / 4
    return scored(
        f"bad {number}", title, hour, negative=negative, entities=("Acme",), seen_hours=13 * 24 + 1
    )


def correct(engine: Engine, *numbers: int) -> None:
    applied = apply(engine, [corrected(number) for number in numbers], None, clock)
    assert applied.corrected == len(numbers)


def watch(
    engine: Engine, rule: AnyRule, days: int = 7, now: Callable[[], datetime] = clock
) -> FollowUps:
    ticks = itertools.count(0.0, 60.0)
    return FollowUps(engine, [rule], days, now, lambda: next(ticks))


def rounds(watcher: FollowUps, watermark: datetime = END) -> list[str]:
    return [name for _ in range(12) for name in watcher.round(watermark)]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.detector))
def test_an_alert_of_corrected_news_is_explained_as_it_was_and_followed_up(
    engine: Engine, rule: AnyRule
) -> None:
    alert = fired(engine, rule, channels=["terminal", "desk"])
    watcher = watch(engine, rule)
    assert rounds(watcher) == []
    correct(engine, *range(40))
    found = explain(engine, [rule], alert)
    assert found.differences == ()
    assert "corrected" in found.changed.values()
    assert all("fails" in item.title for item in found.articles if item.id in BAD)
    assert rounds(watcher) == [alert.id]
    assert rounds(watch(engine, rule)) == [], "a detector that starts anew knows it"
    with reading(engine) as connection:
        owed = connection.execute(
            select(outbox.c.channel, outbox.c.follow_up)
            .where(outbox.c.event == follow_ups.EVENT)
            .order_by(outbox.c.channel)
        ).all()
    assert [row.channel for row in owed] == ["desk", "terminal"]
    said = follow_ups.find(engine, owed[0].follow_up)
    assert said is not None
    assert said.negative < alert.negative
    assert said.changed.keys() == {"corrected"}
    assert follow_ups.latest_of(engine, alert.id) == (said, LATER)
    forget_news(engine, START + timedelta(days=30))
    assert explain(engine, [rule], alert).differences == ()
    assert remove_alerts(engine, LATER + timedelta(days=30), 10) in (None, 1)


def test_a_corrected_share_is_corrected_in_the_follow_up_too(engine: Engine) -> None:
    """As it was read the share would have gone below the limit; corrected, it is above."""
    alert = fired(engine, CORRECTED, channels=["terminal"])
    found = explain(engine, [CORRECTED], alert)
    calm = next(item.id for item in found.articles if item.label != "negative")
    watcher = watch(engine, CORRECTED)
    for name in (calm, "bad 0"):
        assert retract(engine, name, LATER) == "retracted"
    assert wilson(alert.negative - 1, alert.stories - 2)[0] < alert.baseline
    assert rounds(watcher) == []
    correct(engine, 1, 2, 4, 5)
    assert rounds(watcher) == [alert.id]
    told = follow_ups.latest_of(engine, alert.id)
    assert told is not None
    said = told[0]
    assert (said.negative, said.stories) == (alert.negative - 5, alert.stories - 2)
    # Sensitivity is 0.9, specificity 0.95.
    assert said.value == pytest.approx((said.negative / said.stories - 0.05) / 0.85, abs=1e-6)
    assert said.lower < said.value < said.upper


def test_a_model_that_errs_more_often_may_have_told_nothing(engine: Engine) -> None:
    """No label changes with it, only what a label is worth."""
    alert = fired(engine, CORRECTED, channels=["terminal"])
    new = "other@1"
    note_errors(engine, {(new, "sentiment", "en"): ErrorCounts(200, 180, 400, 200)}, LATER)
    keep_beside(
        engine, [msgspec.structs.replace(event, model=new, scored=LATER) for event in news()]
    )
    watcher = watch(engine, CORRECTED)
    assert rounds(watcher) == []
    adopt(engine, Selection({"en": new}), 1, "me", now=clock)
    assert rounds(watcher) == [alert.id]
    told = follow_ups.latest_of(engine, alert.id)
    assert told is not None
    assert (told[0].negative, told[0].stories) == (alert.negative, alert.stories)
    assert told[0].value == pytest.approx((alert.negative / alert.stories - 0.5) / 0.4, abs=1e-6)
    assert explain(engine, [CORRECTED], alert).equal


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.detector))
def test_what_was_alone_in_its_bucket_is_still_explained_once_retracted(
    engine: Engine, rule: AnyRule
) -> None:
    alert = fired(engine, rule)
    for name in ("bad 0", "bad 1", "calm 0", "calm 285", "other 1", "other 286"):
        assert retract(engine, name, LATER) == "retracted"
    found = explain(engine, [rule], alert)
    assert found.differences == ()
    assert found.from_last_step == (rule == CORRECTED)
    assert "retracted" in found.changed.values()


def test_a_company_is_explained_of_which_all_was_retracted(engine: Engine) -> None:
    rule = SURGE.model_copy(update={"except_keys": ("Bolt",)})
    alert = fired(engine, rule)
    for item in news():
        assert retract(engine, item.article.id, LATER) == "retracted"
    assert explain(engine, [rule], alert).differences == ()


def test_a_correction_that_leaves_the_alert_standing_is_not_told(engine: Engine) -> None:
    alert = fired(engine, SURGE, channels=["terminal"])
    assert apply(engine, [corrected(1, negative=0.95)], None, clock).corrected == 1
    assert "corrected" in explain(engine, [SURGE], alert).changed.values()
    assert rounds(watch(engine, SURGE)) == []


def test_each_changed_state_is_told_once_and_only_of_late(engine: Engine) -> None:
    alert = fired(engine, SURGE, channels=["terminal"])
    watcher = watch(engine, SURGE)
    correct(engine, *range(39))
    assert rounds(watch(engine, SURGE, days=0)) == []
    assert rounds(watch(engine, SURGE), END + timedelta(days=8)) == []
    changed_rule = SURGE.model_copy(update={"cooldown": 1_800})
    assert rounds(watch(engine, changed_rule)) == [], "its alert is another rule's"
    assert hold(engine, ADOPTION, "other", LATER)
    assert rounds(watcher) == []
    release(engine, ADOPTION, "other")
    assert rounds(watcher) == [alert.id]
    before = follow_ups.latest_of(engine, alert.id)
    assert retract(engine, "bad 0", LATER) == "retracted"
    later = watch(engine, SURGE, now=lambda: LATER + timedelta(hours=1))
    assert rounds(later) == [alert.id]
    assert rounds(watcher) == []
    after = follow_ups.latest_of(engine, alert.id)
    assert before is not None and after is not None
    assert after[0].changed["retracted"] == 1
    assert after[0].stories == before[0].stories - 1


def test_none_is_lost_where_the_store_does_not_answer(engine: Engine) -> None:
    alert = fired(engine, SURGE, channels=["terminal"])
    watcher = watch(engine, SURGE)
    correct(engine, *range(40))

    def cut_off(connection: object, cursor: object, statement: str, *more: object) -> None:
        if statement.startswith("INSERT INTO follow_ups"):
            raise OperationalError(statement, {}, ConnectionError("cut off"))

    event.listen(engine, "before_cursor_execute", cut_off)
    for _ in range(3):
        with pytest.raises(Unavailable, match="cut off"):
            rounds(watcher)
    event.remove(engine, "before_cursor_execute", cut_off)
    assert rounds(watcher) == [alert.id]


def test_what_is_told_reaches_the_channel(engine: Engine) -> None:
    alert = fired(engine, SURGE, channels=["terminal"])
    correct(engine, *range(40))
    rounds(watch(engine, SURGE))
    assert [item.event for item in alert_store.due(engine, LATER)] == ["firing"], (
        "a notifier of an older version sends what it finds there as an alarm"
    )
    assert deliveries(engine) == {"queued": 2}
    page = io.StringIO()
    worker = NotifyWorker(
        engine, {"terminal": TerminalChannel(page)}, lambda name: "", "notifier", clock
    )
    assert worker.once() == 2
    first, second = page.getvalue().split("Follow-up:")
    assert "of stories on company Acme" in " ".join(first.split())
    assert "were corrected" in second and "would not have fired" in " ".join(second.split())
    assert worker.once() == 0
    assert deliveries(engine) == {"delivered": 2}
    assert explain(engine, [SURGE], alert).equal


def test_a_retracted_article_counts_no_more_and_does_not_come_back(engine: Engine) -> None:
    events = [event for event in news() if event.article.id not in ("bad 3", "copy")]
    copies = [event for event in news() if event.article.id in ("bad 3", "copy")]
    apply(engine, events, None)
    before = list(tally_rows(engine))
    apply(engine, copies, None)
    assert retract(engine, "bad 3", LATER) == "retracted"
    assert retract(engine, "bad 3", LATER) == "unknown"
    assert retract(engine, "copy", LATER) == "retracted"
    assert list(tally_rows(engine)) == before
    applied = apply(engine, copies, None)
    assert (applied.inserted, applied.duplicates) == (0, 2)
    assert known_ids(engine, ["bad 3"]) == set()
    again = apply(engine, [corrected(3)], None)
    assert again.inserted == 1, "its publisher has put another text in its place"
    assert corrected(3).scored < END + timedelta(hours=3) < LATER, "scored before it was retracted"
    for moment, title in (
        (END + timedelta(hours=3), "Acme fails 3"),
        (LATER, corrected(3).article.title),
    ):
        rows = Sight(as_of=moment).rows()
        with reading(engine) as connection:
            seen = connection.execute(select(rows.c.title).where(rows.c.id == "bad 3")).scalars()
            assert seen.all() == [title]
    forget_news(engine, START + timedelta(days=30))
    with reading(engine) as connection:
        count = select(func.count()).select_from(article_versions)
        assert connection.execute(count).scalar() == 0
    assert retract(engine, "bad 5", LATER) in ("expired", "unknown")
