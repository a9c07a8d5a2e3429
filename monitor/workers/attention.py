"""Work that may take long, without being put out of the consumer group for it."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from monitor.bus import Consumer
from monitor.failures import Unavailable

LOG = logging.getLogger(__name__)
PATIENCE_SECONDS = 1.0
"""Most work is done by then, and nothing is paused for it."""

T = TypeVar("T")


class Attention:
    """Does work on a thread of its own, one piece at a time, and meanwhile goes on polling.

    The consumer is paused for that: it reads nothing, stays in its group, and gives up partitions
    that another member is to have. The work must not touch the consumer.
    """

    def __init__(self, consumer: Consumer, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self._consumer = consumer
        self._patience_seconds = patience_seconds
        self._hands = ThreadPoolExecutor(1, thread_name_prefix="attended")

    def during(self, work: Callable[[], T]) -> T:
        """What the work returns or raises."""
        future = self._hands.submit(work)
        if not wait([future], self._patience_seconds).done:
            self._consumer.pause()
            try:
                while not wait([future], self._patience_seconds).done:
                    self._stay()
            finally:
                self._consumer.resume()
        return future.result()

    def close(self) -> None:
        self._hands.shutdown()

    def _stay(self) -> None:
        try:
            read = self._consumer.poll(1, 0.0)
        except Unavailable as error:
            LOG.info("while at work: %s", error)
        else:
            assert not read, "a paused consumer read a record"
