"""When to fetch a feed next. Pure: the random draw is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ingest.feeds.outcomes import Failure

JITTER: Final = 0.1
"""Share of the interval by which a fetch may come early or late, so that feeds spread out."""

_RETRYABLE_LIMIT_SECONDS: Final = 3_600.0
_INVALID_LIMIT_SECONDS: Final = 86_400.0
_GONE_SECONDS: Final = 7 * 86_400.0


def next_fetch(
    now: datetime,
    interval_seconds: float,
    *,
    failure: Failure | None,
    failures: int,
    draw: float,
) -> datetime:
    """The moment of the next fetch after one that ended at `now`.

    `failures` counts failures in succession, the present one included; `draw` is uniform in [0, 1).
    After a success: the interval. After a failure: twice as long each time, up to an hour where
    waiting may help and up to a day where somebody must act (404, not a feed); a feed that is
    gone (410) is tried once a week. Never before a server's Retry-After.
    """
    delay = float(interval_seconds)
    if failure is not None:
        limit = _RETRYABLE_LIMIT_SECONDS if failure.kind == "retryable" else _INVALID_LIMIT_SECONDS
        # The exponent is bounded, since a feed may have failed for years.
        delay = min(delay * 2.0 ** min(max(failures - 1, 0), 30), max(limit, delay))
        if failure.status == 410:
            delay = max(delay, _GONE_SECONDS)
    delay *= 1 + JITTER * (2 * draw - 1)
    if failure is not None and failure.retry_after_seconds is not None:
        delay = max(delay, failure.retry_after_seconds)
    return now + timedelta(seconds=delay)


def first_fetch(
    now: datetime, planned: datetime | None, *, spread_seconds: float, draw: float
) -> datetime:
    """The first fetch after a start: as planned before the stop if that is ahead, else soon,
    spread so that a start does not fetch everything at once."""
    soon = now + timedelta(seconds=spread_seconds * draw)
    return soon if planned is None else max(planned, soon)
