"""Writing to the store beside a role's work: a store that is away costs rows, never time."""

import logging
import queue
import threading
from collections.abc import Callable

from sqlalchemy import Engine

from monitor.failures import Unavailable, UsageError
from monitor.metrics import FAILURES, SIDE_WRITES
from monitor.workers.loop import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS

LOG = logging.getLogger(__name__)
MAX_WAITING = 64
CLOSE_SECONDS = 5.0

Write = Callable[[Engine], object]


class Recorder:
    """Does writes on a thread of its own, in order; connects when there is a first one.

    While the store does not answer the oldest write is tried again; of those behind it at most
    `MAX_WAITING` wait, and later ones are dropped and counted.
    """

    def __init__(self, role: str, connect: Callable[[], Engine]) -> None:
        self._role = role
        self._connect = connect
        self._waiting: queue.Queue[Write | None] = queue.Queue(MAX_WAITING)
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def put(self, write: Write) -> None:
        """Hand a write over; never waits, never raises."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
            self._thread.start()
        try:
            self._waiting.put_nowait(write)
        except queue.Full:
            SIDE_WRITES.labels("dropped").inc()

    def close(self) -> None:
        """Try once more what waits, for at most `CLOSE_SECONDS`."""
        self._closing.set()
        if self._thread is not None:
            try:
                self._waiting.put(None, timeout=CLOSE_SECONDS)
            except queue.Full:
                return
            self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        engine: Engine | None = None
        while (write := self._waiting.get()) is not None:
            try:
                engine = self._written(write, engine)
            except UsageError as error:
                LOG.error("%s: nothing is written beside the scores: %s", self._role, error)
                SIDE_WRITES.labels("failed").inc()
            except Exception:
                # What is written here is for people to look at: no reason to stop the scoring.
                LOG.exception("%s: a write beside the scores failed", self._role)
                FAILURES.labels(self._role, "bug").inc()
                SIDE_WRITES.labels("failed").inc()
        if engine is not None:
            engine.dispose()

    def _written(self, write: Write, engine: Engine | None) -> Engine | None:
        """Write, trying until it is done or the role ends."""
        pause = 0.0
        while True:
            try:
                engine = engine or self._connect()
                write(engine)
            except Unavailable as error:
                FAILURES.labels(self._role, "retryable").inc()
                if pause == 0.0:
                    LOG.warning("%s: %s; shadow scores and drift wait", self._role, error)
                pause = min(LONGEST_PAUSE_SECONDS, max(FIRST_PAUSE_SECONDS, pause * 2))
                if self._closing.wait(pause):
                    SIDE_WRITES.labels("dropped").inc()
                    return engine
                continue
            SIDE_WRITES.labels("written").inc()
            return engine
