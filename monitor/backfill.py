"""Replaying archives into the store, by the code that scores and counts live; no alert is sent."""

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine

from ingest.archives import RefusedRow
from ingest.article import Article
from models.scorer import Scorer
from models.watchlist import Watchlist
from monitor.detection import forget_states
from monitor.events import SCORED, article_event
from monitor.scoring import Asked, error_counts, finish, prepare
from monitor.store.ingestion import apply, known_ids, watermarks
from monitor.store.model_errors import note_errors
from monitor.store.reach import reach_of_store
from monitor.workers.aggregate import GROUP

CHUNK_ARTICLES = 512


@dataclass(slots=True)
class BackfillResult:
    """What came of a backfill; counts of rows, and the time it took."""

    read: int = 0
    new: int = 0
    duplicate: int = 0
    expired: int = 0
    """Older than the store keeps articles."""
    refused: int = 0
    seconds: float = 0.0


def backfill(
    engine: Engine,
    scorer: Callable[[], Scorer],
    watchlist: Watchlist,
    rows: Iterable[Article | RefusedRow],
    partitions: int,
    on_refused: Callable[[RefusedRow], None],
    on_progress: Callable[[BackfillResult], None] = lambda result: None,
) -> BackfillResult:
    """Score and count what is not stored yet; may be interrupted and repeated at will.

    `scorer` is called when the first article needs it: a repeat needs no model. Reading ahead,
    looking up what is known and tokenising run on a thread of their own.
    """
    result = BackfillResult()
    started = time.monotonic()
    opened: Scorer | None = None

    def asked_of(articles: list[Article]) -> Asked | None:
        nonlocal opened
        if not articles:
            return None
        if opened is None:
            opened = scorer()
            note_errors(engine, error_counts(opened.confusions), datetime.now(UTC))
        return prepare(opened, [article_event(article) for article in articles], watchlist)

    # Before the first article is counted, too: a detector that runs meanwhile announces nothing of
    # it, and a repeat after an interruption makes up for what that one has left out.
    _learn_anew(engine, partitions)
    for asked in _ahead(map(asked_of, _unknown(engine, rows, result, on_refused))):
        if asked is not None and opened is not None:
            scored = finish(asked, opened.run(asked.prepared), datetime.now(UTC))
            applied = apply(engine, scored, None)
            result.new += applied.inserted
            result.duplicate += applied.duplicates + applied.corrected
            result.expired += applied.expired
        result.seconds = round(time.monotonic() - started, 1)
        on_progress(result)
    if result.new:
        _learn_anew(engine, partitions)
    result.seconds = round(time.monotonic() - started, 1)
    return result


def _learn_anew(engine: Engine, partitions: int) -> None:
    marks = watermarks(engine, GROUP, SCORED, partitions)
    if marks is not None:
        forget_states(engine, marks[1])


def _unknown(
    engine: Engine,
    rows: Iterable[Article | RefusedRow],
    result: BackfillResult,
    on_refused: Callable[[RefusedRow], None],
) -> Iterator[list[Article]]:
    """Chunks of articles that the store does not hold, each id once a chunk."""
    source = iter(rows)
    while chunk := list(itertools.islice(source, CHUNK_ARTICLES)):
        reach = reach_of_store(engine)
        articles: dict[str, Article] = {}
        for row in chunk:
            result.read += 1
            if isinstance(row, RefusedRow):
                result.refused += 1
                on_refused(row)
            elif not reach.takes(row.published):
                result.expired += 1
            elif row.id in articles:
                result.duplicate += 1
            else:
                articles[row.id] = row
        known = known_ids(engine, list(articles))
        result.duplicate += len(known)
        yield [article for name, article in articles.items() if name not in known]


def _ahead(chunks: Iterator[Asked | None]) -> Iterator[Asked | None]:
    """The same chunks, made on another thread, a few ahead."""
    waiting: queue.Queue[tuple[Asked | None] | BaseException | None] = queue.Queue(maxsize=4)

    def read() -> None:
        try:
            for chunk in chunks:
                waiting.put((chunk,))
            waiting.put(None)
        except BaseException as error:  # handed to the other thread, which raises it
            waiting.put(error)

    threading.Thread(target=read, name="read-archive", daemon=True).start()
    while (item := waiting.get()) is not None:
        if isinstance(item, BaseException):
            raise item
        yield item[0]
