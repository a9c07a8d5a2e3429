"""What every role's loop shares: patience with servers, and stopping in time."""

import logging
import os
import threading
from collections.abc import Callable
from typing import TypeVar

from monitor.failures import Refused, Unavailable
from monitor.metrics import FAILURES

LOG = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0

T = TypeVar("T")


class Stopped(Exception):
    """The role was told to stop while it waited."""


def patiently(role: str, stop: threading.Event, attempt: Callable[[], T]) -> T:
    """Call until the server answers, with growing pauses. Raises Stopped when told to stop."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            return attempt()
        except Unavailable as error:
            kind = "invalid" if isinstance(error, Refused) else "retryable"
            FAILURES.labels(role, kind).inc()
            LOG.warning("%s: %s; trying again in %.1f s", role, error, pause)
        if stop.wait(pause):
            raise Stopped
        pause = min(LONGEST_PAUSE_SECONDS, pause * 2)


def forsaken(parent: int | None) -> bool:
    """Whether the supervisor that started this process is gone."""
    return parent is not None and os.getppid() != parent
