"""Whether so much is invalid that a role should stop rather than divert everything."""

from collections import deque
from datetime import datetime, timedelta

from monitor.settings import InvalidRecordSettings


class InvalidRate:
    """Takes one record after the other; says when the limit is passed.

    What happened longer than `window_seconds` ago is forgotten: a few a day are no flood.
    The share is of the whole window also while fewer records have come, so that the first bad
    ones are not all there is.
    """

    def __init__(self, limit: InvalidRecordSettings) -> None:
        self._limit = limit
        self._span = timedelta(seconds=limit.window_seconds)
        self._seen = 0
        self._in_a_row: deque[datetime] = deque()
        self._in_window: deque[tuple[int, datetime]] = deque()
        """Number and time of the invalid ones."""

    def take(self, is_invalid: bool, now: datetime) -> str | None:
        """Note one record; the reason to stop, if it is one."""
        self._seen += 1
        if not is_invalid:
            self._in_a_row.clear()
            return None
        limit, run, kept = self._limit, self._in_a_row, self._in_window
        run.append(now)
        kept.append((self._seen, now))
        oldest = now - self._span
        while run[0] < oldest:
            run.popleft()
        while kept[0][0] <= self._seen - limit.window_records or kept[0][1] < oldest:
            kept.popleft()
        if len(run) > limit.max_in_a_row:
            return (
                f"{len(run)} records in a row are invalid "
                f"(invalid_records.max_in_a_row is {limit.max_in_a_row})"
            )
        if len(kept) > limit.max_share * limit.window_records:
            return (
                f"{len(kept)} of the last {limit.window_records} records are invalid "
                f"(invalid_records.max_share is {limit.max_share:g})"
            )
        return None
