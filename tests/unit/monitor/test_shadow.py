"""A challenger beside the model in service: the same texts in every run, and out of the way."""

import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sqlalchemy import Engine, func, select

from models.confusion import Confusion
from models.drift_watch import REFERENCE_TEXTS
from models.labels import TOPICS
from models.reference import Reference
from models.scorer import Prepared, Scorer
from models.watchlist import Watchlist
from monitor.bus.embedded import EmbeddedBus
from monitor.events import (
    ARTICLES,
    DEAD_LETTER_TOPICS,
    SCORED,
    ArticleEvent,
    ScoredEvent,
    decode_scored,
    encode,
)
from monitor.failures import Unavailable
from monitor.metrics import LOW_CONFIDENCE, MODEL_DRIFT, SHADOW_TEXTS, SIDE_WRITES
from monitor.scoring import error_counts
from monitor.settings import ModelSettings, Settings, ShadowSettings
from monitor.shadow_report import shadow_reports
from monitor.store.drift import drift
from monitor.store.engine import open_store, reading
from monitor.store.model_errors import known_errors
from monitor.store.model_tables import shadow_scores
from monitor.store.shadow import ShadowScore, add_shadow_scores
from monitor.workers.recorder import MAX_WAITING as MAX_WRITES
from monitor.workers.recorder import Recorder
from monitor.workers.score import ScoreWorker
from monitor.workers.shadow import MAX_WAITING, SLICE_TEXTS, Shadow, chosen, open_challengers
from monitor.workers.watch_models import REPORT_SECONDS, ModelWatch
from tests.unit.monitor.stories_data import START, scored

TITLES = ("Profit doubles", "Bank fails after fraud", "The meeting is on Tuesday", "公司净利润大增")


@pytest.fixture(scope="module")
def live() -> Scorer:
    return Scorer.load()


@pytest.fixture(scope="module")
def challenger() -> Scorer:
    """The Chinese model asked about English texts: it answers, and not as the English one."""
    return Scorer.load({"en": "bundled:zh", "zh": "bundled:zh"})


class Failing:
    """A model that breaks on every text."""

    identifier = "failing@0"
    reads_companies = False
    backend_reason = "none"
    max_tokens = 8
    cut_texts = 0
    topics = TOPICS
    reference: Reference | None = None
    confusion: Confusion | None = None

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        raise RuntimeError("out of memory")

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        return []

    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        raise RuntimeError("out of memory")


def count(result: str) -> float:
    return float(SHADOW_TEXTS.labels(result)._value.get())


def events(number: int) -> list[ScoredEvent]:
    return [scored(f"a{index}", f"Bank {index} fails") for index in range(number)]


@given(st.text(max_size=40), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_fraction_chooses_what_a_smaller_one_does(
    article: str, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    assert chosen(article, large) or not chosen(article, small)
    assert chosen(article, 1.0) and not chosen(article, 0.0)


def test_about_the_fraction_is_chosen() -> None:
    assert 250 < sum(chosen(f"article {number}", 0.3) for number in range(1_000)) < 350


def test_nothing_is_scored_while_a_batch_waits(challenger: Scorer) -> None:
    kept: list[ShadowScore] = []
    shadow = Shadow({"en": challenger}, 1.0, kept.extend)
    shadow.offer(events(40))
    shadow.work(lambda: False)
    assert kept == []
    turns = iter([True, False])
    shadow.work(lambda: next(turns))
    assert len(kept) == SLICE_TEXTS
    shadow.work(lambda: True)
    assert [score.article_id for score in kept] == [f"a{number}" for number in range(40)]
    assert {score.live_label for score in kept} == {"negative"}
    assert all(abs(sum(score.probabilities) - 1) < 1e-3 for score in kept)


def test_a_role_that_is_behind_skips_and_counts(challenger: Scorer) -> None:
    before = count("skipped")
    kept: list[ShadowScore] = []
    shadow = Shadow({"en": challenger}, 1.0, kept.extend)
    shadow.offer(events(MAX_WAITING + 7))
    assert count("skipped") - before == 7


def test_a_language_without_a_challenger_is_left_alone(challenger: Scorer) -> None:
    kept: list[ShadowScore] = []
    shadow = Shadow({"zh": challenger}, 1.0, kept.extend)
    shadow.offer(events(3))
    shadow.work(lambda: True)
    assert kept == []


def test_a_challenger_that_breaks_is_counted_and_harms_nobody() -> None:
    before = count("failed")
    kept: list[ShadowScore] = []
    failing = Scorer({"en": Failing(), "zh": Failing()})
    shadow = Shadow({"en": failing}, 1.0, kept.extend)
    shadow.offer(events(5))
    shadow.work(lambda: True)
    assert (count("failed") - before, kept) == (5, [])


def test_a_challenger_that_cannot_be_opened_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the environment says of models would stand over all that is said here.
    monkeypatch.delenv("UNDERTONE_MODELS__BACKEND")
    found = open_challengers(
        shadowing(ShadowSettings(english=str(tmp_path / "none"), chinese="bundled:zh"))
    )
    assert list(found) == ["zh"]
    assert open_challengers(shadowing(ShadowSettings(english="a", fraction=0))) == {}


def shadowing(shadow: ShadowSettings) -> Settings:
    return Settings(models=ModelSettings(shadow=shadow, backend="torch"))


def test_the_role_sends_the_same_with_and_without_a_challenger(
    tmp_path: Path, live: Scorer, challenger: Scorer
) -> None:
    without, _ = run_role(tmp_path / "without", live, None)
    beside, engine = run_role(tmp_path / "beside", live, challenger)
    assert [event.article.id for event in beside] == [f"a{number}" for number in range(60)]
    assert [plain(event) for event in without] == [plain(event) for event in beside]
    assert {event.model for event in beside} == set(live.identifiers.values())
    with reading(engine) as connection:
        rows = connection.execute(select(func.count()).select_from(shadow_scores)).scalar_one()
    assert rows == 45
    known = known_errors(engine)
    assert known == error_counts(live.confusions)
    assert {(model, language) for model, _, language in known} == {
        (model, language) for language, model in live.identifiers.items()
    }
    (report,) = shadow_reports(engine)
    assert (report.language, report.texts, report.corrected) == ("en", 45, None)
    assert report.lower - 1e-9 <= report.agreement <= report.upper + 1e-9
    assert sum(sum(row.values()) for row in report.confusion.values()) == 45
    engine.dispose()


def plain(event: ScoredEvent) -> tuple[object, ...]:
    return event.article.id, event.negative, event.neutral, event.positive, event.model


def run_role(
    folder: Path, live: Scorer, challenger: Scorer | None
) -> tuple[list[ScoredEvent], Engine]:
    """Sixty articles through the role; what it sent, and the store. A quarter is Chinese."""
    folder.mkdir()
    bus = EmbeddedBus(folder / "bus.db")
    bus.create_topics([ARTICLES, SCORED, *DEAD_LETTER_TOPICS.values()], 1)
    producer = bus.producer()
    for number in range(60):
        title = TITLES[number % len(TITLES)]
        language = "zh" if title.startswith("公") else "en"
        producer.send(ARTICLES, 0, "key", encode(article(f"a{number}", title, language)))
    producer.flush()
    url = f"sqlite:///{folder / 'store.db'}"
    recorder = Recorder("score", lambda: open_store(url))
    stop = threading.Event()
    kept: list[ShadowScore] = []

    def keep(scores: Sequence[ShadowScore]) -> None:
        kept.extend(scores)
        recorder.put(partial(add_shadow_scores, scores=scores))
        if len(kept) == 45:
            stop.set()

    shadow = Shadow({"en": challenger}, 1.0, keep) if challenger else None
    watch = ModelWatch(1.0, shadow, recorder, "worker")
    before = LOW_CONFIDENCE.labels("zh")._value.get()
    worker = ScoreWorker(bus, live, Watchlist([]), watch)
    thread = threading.Thread(target=worker.run, args=(stop,))
    thread.start()
    consumer = bus.consumer(SCORED, "test")
    found: list[ScoredEvent] = []
    while len(found) < 60 and thread.is_alive():
        for record in consumer.poll(100, 0.2):
            event = decode_scored(record.value)
            assert isinstance(event, ScoredEvent)
            found.append(event)
    if challenger is None:
        stop.set()
    thread.join(60)
    assert not thread.is_alive() and bus.end_offsets(SCORED) == {0: 60}
    assert LOW_CONFIDENCE.labels("zh")._value.get() - before == 15
    consumer.close()
    bus.close()
    return found, open_store(url)


def article(name: str, title: str, language: str) -> ArticleEvent:
    return ArticleEvent(
        id=name,
        source="wire",
        url="",
        title=title,
        text="",
        language=language,
        published=START,
        first_seen=START,
        published_is_estimate=False,
        content_hash="0" * 16,
    )


def test_a_store_that_is_away_costs_writes_and_no_waiting() -> None:
    def away() -> Engine:
        raise Unavailable("the store does not answer")

    def dropped() -> float:
        return float(SIDE_WRITES.labels("dropped")._value.get())

    before = dropped()
    recorder = Recorder("score", away)
    for _ in range(MAX_WRITES + 10):
        recorder.put(lambda engine: None)
    assert dropped() - before >= 9
    recorder.close()


def test_a_write_that_fails_does_not_stop_those_behind_it(tmp_path: Path) -> None:
    recorder = Recorder("score", lambda: open_store(f"sqlite:///{tmp_path / 'store.db'}"))
    done: list[str] = []

    def broken(engine: Engine) -> None:
        raise RuntimeError("a bug")

    recorder.put(broken)
    recorder.put(lambda engine: done.append(engine.dialect.name))
    recorder.close()
    assert done == ["sqlite"]


def test_drift_is_put_in_metrics_and_in_the_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    recorder = Recorder("score", lambda: open_store(url))
    seconds = iter([0.0, REPORT_SECONDS, REPORT_SECONDS])
    watch = ModelWatch(0.5, None, recorder, "worker", clock=lambda: next(seconds))
    usual = [scored(f"a{n}", negative=0.9 if n % 2 else 0.1) for n in range(REFERENCE_TEXTS)]
    watch.take(Prepared(len(usual), ("en",) * len(usual), ()), usual)
    gloomy = [scored(f"b{number}", negative=0.9) for number in range(300)]
    watch.take(Prepared(len(gloomy), ("en",) * len(gloomy), ()), gloomy)
    watch.work(lambda: True)
    watch.close()
    engine = open_store(url)
    worst = drift(engine)[0].reading
    engine.dispose()
    assert (worst.statistic, worst.against, worst.model) == ("class", "live", "test@0")
    assert worst.psi is not None and worst.psi > 0.25
    gauge = MODEL_DRIFT.labels("en", worst.source, "class", "psi")
    assert gauge._value.get() == worst.psi
    assert MODEL_DRIFT.labels("en", "all", "tokens", "jensen_shannon")._value.get() == 0
