"""The score role: articles in, scored articles out; reading, scoring and writing side by side."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from models.labels import SENTIMENTS
from models.scorer import Scorer
from models.watchlist import Watchlist
from monitor.bus import Bus, Consumer, Producer, Record, TopicPartition
from monitor.events import (
    ARTICLES,
    SCORED,
    VERSION,
    ArticleEvent,
    ScoredEvent,
    Watermark,
    decode_article,
    encode,
    story_key,
)
from monitor.failures import Invalid
from monitor.metrics import ARTICLES_SCORED, PUBLISH_TO_SCORED, SCORE_SECONDS
from monitor.record_headers import continued, untraced
from monitor.scoring import Asked, finish, prepare
from monitor.settings import InvalidRecordSettings
from monitor.workers.bus_writer import BusWriter
from monitor.workers.continuity import Continuity
from monitor.workers.dead_letters import bury
from monitor.workers.intake import Intake
from monitor.workers.loop import Stopped, patiently
from monitor.workers.model_watch import MODEL_WATCH_SECONDS, watch
from monitor.workers.watch_models import ModelWatch

LOG = logging.getLogger(__name__)
GROUP = "score"
MAX_BATCH = 256
BATCHES_AHEAD = 2
WATCHER_ENDS_SECONDS = 10.0
"""A model that is being opened when the role ends is waited for so long."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """One poll's records, decoded and tokenised; `events` in the order of the records."""

    records: Sequence[Record]
    events: Sequence[ArticleEvent | Watermark | Invalid]
    asked: Asked | None


class ScoreWorker:
    """Reads and tokenises on one thread, scores on the caller's, writes on a third.

    A batch's offsets are committed only after its scores are durable on the bus: whatever is
    killed, an article is scored again rather than lost. `renewed` is asked, on a thread of its own,
    for a scorer to go on with; a batch is scored by the models that it was tokenised for.
    """

    def __init__(
        self,
        bus: Bus,
        scorer: Scorer,
        watchlist: Watchlist,
        aside: ModelWatch | None = None,
        renewed: Callable[[], Scorer | None] = lambda: None,
        watch_seconds: float = MODEL_WATCH_SECONDS,
        limit: InvalidRecordSettings = InvalidRecordSettings(),  # noqa: B008 - it is frozen
    ) -> None:
        self._bus = bus
        self._scorer = scorer
        self._renewed = renewed
        self._watch_seconds = watch_seconds
        self._watchlist = watchlist
        self._aside = aside
        self._continuity = Continuity(GROUP, bus)
        self._intake = Intake(GROUP, decode_article, limit)
        self._ready: queue.Queue[_Batch | BaseException] = queue.Queue(maxsize=BATCHES_AHEAD)
        self._done: queue.SimpleQueue[dict[TopicPartition, int]] = queue.SimpleQueue()

    def run(self, stop: threading.Event) -> None:
        """Score until told to stop; what was read by then and not scored is read again."""
        ended = threading.Event()
        reader = threading.Thread(target=self._read, args=(stop, ended), name="read-articles")
        watcher = threading.Thread(
            target=watch,
            args=(self._renewed, self._take, self._watch_seconds, ended),
            name="watch-models",
            daemon=True,
        )
        writer = BusWriter(GROUP, self._bus, stop)
        reader.start()
        watcher.start()
        try:
            while not stop.is_set():
                writer.check()
                try:
                    batch = self._ready.get(timeout=0.2)
                except queue.Empty:
                    self._look_aside(stop)
                    continue
                if isinstance(batch, BaseException):
                    raise batch
                sent = self._score(batch)
                writer.put(
                    partial(_send, batch, sent),
                    partial(self._done.put, _next_offsets(batch.records)),
                )
                if self._aside is not None and batch.asked is not None:
                    self._aside.take(batch.asked.prepared, sent)
                self._look_aside(stop)
        except Stopped:
            return
        finally:
            try:
                writer.close()
            finally:
                ended.set()
                reader.join()
                watcher.join(WATCHER_ENDS_SECONDS)
                if self._aside is not None:
                    self._aside.close()

    def _look_aside(self, stop: threading.Event) -> None:
        """What is not live scoring, for as long as no batch waits."""
        if self._aside is not None:
            self._aside.work(lambda: self._ready.empty() and not stop.is_set())

    def _take(self, scorer: Scorer) -> None:
        """What is tokenised from now on is for these models."""
        self._scorer = scorer

    def _score(self, batch: _Batch) -> list[ScoredEvent]:
        if batch.asked is None:
            return []
        started = time.perf_counter()
        scores = self._scorer.run(batch.asked.prepared)
        SCORE_SECONDS.observe(time.perf_counter() - started)
        now = datetime.now(UTC)
        events = finish(batch.asked, scores, now)
        for index, event in enumerate(events):
            ARTICLES_SCORED.labels(
                event.language, SENTIMENTS[scores.sentiment[index].argmax()]
            ).inc()
            PUBLISH_TO_SCORED.observe((now - event.article.published).total_seconds())
        return events

    def _read(self, stop: threading.Event, ended: threading.Event) -> None:
        """Owns the consumer: polls, tokenises, and commits what the other thread has finished."""
        consumer: Consumer | None = None
        try:
            consumer = patiently(
                GROUP, stop, lambda: self._bus.consumer(ARTICLES, GROUP, self._stand)
            )
            while not ended.is_set():
                self._commit(consumer, stop)
                records = patiently(GROUP, stop, lambda: consumer.poll(MAX_BATCH, 0.2))
                patiently(GROUP, stop, partial(self._continuity.look, records))
                if records and not self._hand_over(self._decode(records), consumer, stop, ended):
                    break
            self._commit(consumer, stop)
        except Stopped:
            pass
        except BaseException as error:  # handed to the scoring thread, which raises it
            self._hand_up(error, ended)
        finally:
            if consumer is not None:
                try:
                    self._commit(consumer, stop)
                except Stopped:
                    LOG.warning("score: the last offsets were not committed; they are read again")
                consumer.close()

    def _stand(self, wanted: Sequence[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Where the group stands in partitions that come here."""
        committed = self._bus.committed(ARTICLES, GROUP)
        known = {place: committed[place[1]] for place in wanted if place[1] in committed}
        self._continuity.start(wanted, known)
        return known

    def _hand_over(
        self, batch: _Batch, consumer: Consumer, stop: threading.Event, ended: threading.Event
    ) -> bool:
        """Wait for room; meanwhile the consumer is paused, and stays in its group."""
        waits = False
        try:
            while not ended.is_set():
                try:
                    self._ready.put(batch, timeout=0.2)
                except queue.Full:
                    if not waits:
                        consumer.pause()
                        waits = True
                    self._commit(consumer, stop)
                    patiently(GROUP, stop, lambda: consumer.poll(1, 0.0))
                    continue
                return True
            return False
        finally:
            if waits:
                consumer.resume()

    def _hand_up(self, error: BaseException, ended: threading.Event) -> None:
        """Wait for room, unless the role ends: then nobody takes it any more."""
        while not ended.is_set():
            try:
                self._ready.put(error, timeout=0.2)
            except queue.Full:
                continue
            return
        LOG.error("score: its reader failed while the role ended", exc_info=error)

    def _decode(self, records: Sequence[Record]) -> _Batch:
        events = self._intake.read(records)
        articles = [event for event in events if isinstance(event, ArticleEvent)]
        asked = prepare(self._scorer, articles, self._watchlist) if articles else None
        return _Batch(records, events, asked)

    def _commit(self, consumer: Consumer, stop: threading.Event) -> None:
        positions: dict[TopicPartition, int] = {}
        while not self._done.empty():
            positions.update(self._done.get())
        if positions:
            patiently(GROUP, stop, lambda: consumer.commit(positions))


def _send(batch: _Batch, scored: Sequence[ScoredEvent], producer: Producer) -> None:
    """Send a batch's scores, marks and dead letters in the order of its records."""
    events = iter(scored)
    for record, event in zip(batch.records, batch.events, strict=True):
        if isinstance(event, Invalid):
            bury(producer, GROUP, record, event)
        elif isinstance(event, Watermark):
            producer.send(SCORED, record.partition, "", encode(event), untraced(VERSION))
        else:
            key = story_key(event.title, event.id)
            about = continued(record.headers, VERSION)
            producer.send(SCORED, record.partition, key, encode(next(events)), about)


def _next_offsets(records: Sequence[Record]) -> dict[TopicPartition, int]:
    return {(record.topic, record.partition): record.offset + 1 for record in records}
