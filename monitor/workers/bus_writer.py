"""Writes to the bus on a thread of its own: a model never waits for the bus."""

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass

from monitor.bus import Bus, Producer
from monitor.workers.loop import Stopped, patiently

WRITES_AHEAD = 2
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class _Job:
    send: Callable[[Producer], None]
    written: Callable[[], None]


class BusWriter:
    """Does what it is given in that order; at most WRITES_AHEAD wait, the next one is waited for.

    Where the bus does not answer, a job is sent again until it does or `stop` is set.
    """

    def __init__(self, role: str, bus: Bus, stop: threading.Event) -> None:
        self._role = role
        self._bus = bus
        self._stop = stop
        self._jobs: queue.Queue[_Job | None] = queue.Queue(maxsize=WRITES_AHEAD)
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="write-bus", daemon=True)
        self._thread.start()

    def put(self, send: Callable[[Producer], None], written: Callable[[], None]) -> None:
        """Queue what `send` sends; `written` is called, on the writer's thread, once it is durable.

        Raises Stopped, and what ended the writer.
        """
        self._queue(_Job(send, written))

    def check(self) -> None:
        """Raises what ended the writer, if anything did."""
        if self._failed is not None:
            raise self._failed

    def close(self) -> None:
        """Return when all is written, or given up since the role was told to stop while the bus
        did not answer. Raises what ended the writer."""
        with contextlib.suppress(Stopped):
            self._queue(None)
        self._thread.join()
        self.check()

    def _queue(self, job: _Job | None) -> None:
        while True:
            self.check()
            if not self._thread.is_alive():
                raise Stopped
            try:
                self._jobs.put(job, timeout=LOOK_SECONDS)
            except queue.Full:
                continue
            return

    def _run(self) -> None:
        producer: Producer | None = None
        try:
            producer = patiently(self._role, self._stop, self._bus.producer)
            while (job := self._jobs.get()) is not None:
                patiently(self._role, self._stop, lambda: _write(producer, job))
                job.written()
        except Stopped:
            pass
        except BaseException as error:  # handed to the role's own thread, which raises it
            self._failed = error
        finally:
            if producer is not None:
                producer.close()


def _write(producer: Producer, job: _Job) -> None:
    job.send(producer)
    producer.flush()
