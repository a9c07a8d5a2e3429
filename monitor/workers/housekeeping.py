"""Housekeeping of the store: what is older than it is kept goes, a little at a time.

The detect role does it between its rounds, under its lease. Every step is a transaction of its own
that moves the store from one right state to another, so that it may end anywhere, and two that
keep house beside each other do no harm.
"""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Engine

from monitor.metrics import HOUSEKEEPING, OLDEST_ARTICLE
from monitor.retention import RetentionSettings
from monitor.store import removal
from monitor.store.engine import give_space_back
from monitor.store.reach import Busy
from monitor.store.rollup import roll_up_a_day, roll_up_an_hour

LOG = logging.getLogger(__name__)
ROUND_SECONDS = 0.5
REST_SECONDS = 60.0
STEP_ROWS = 500
STEP_ALERTS = 20
"""Hundreds of articles may go with each."""
FREED_PAGES = 2_000

Step = Callable[[], int | None]
"""Does a little; how many rows, None where nothing was left to do."""


class Housekeeper:
    """Does what a retention asks for, a round at a time."""

    def __init__(
        self,
        engine: Engine,
        retention: RetentionSettings,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._retention = retention
        self._monotonic = monotonic
        self._rests_until = -float("inf")

    @property
    def rests(self) -> bool:
        """Whether all was done a short while ago."""
        return self._monotonic() < self._rests_until

    def round(self, watermark: datetime) -> bool:
        """Work for about `ROUND_SECONDS`; whether more is to be done. After all was done it rests.

        Ages are held against the watermark: where the stream stands still, nothing grows old.
        """
        if self.rests:
            return False
        began = self._monotonic()
        busy = False
        for what, step in self._steps(watermark):
            try:
                while (rows := step()) is not None:
                    HOUSEKEEPING.labels(what).inc(rows)
                    if self._monotonic() > began + ROUND_SECONDS:
                        return True
            except Busy:
                # What needs no lock is not kept from its turn.
                LOG.info("housekeeping: %s: the store is busy; later", what)
                busy = True
        if busy:
            return True
        give_space_back(self._engine, FREED_PAGES)
        oldest = removal.oldest_article(self._engine)
        OLDEST_ARTICLE.set(float("nan") if oldest is None else oldest.timestamp())
        self._rests_until = self._monotonic() + REST_SECONDS
        return False

    def _steps(self, watermark: datetime) -> Iterator[tuple[str, Step]]:
        def before(days: int) -> datetime:
            return watermark - timedelta(days=days)

        kept, engine = self._retention, self._engine
        if kept.five_minute_tallies_days is not None:
            fine = int(before(kept.five_minute_tallies_days).timestamp())
            yield "tallies_rolled_up", partial(roll_up_an_hour, engine, fine)
        if kept.hourly_tallies_days is not None:
            hours = int(before(kept.hourly_tallies_days).timestamp())
            yield "tallies_rolled_up", partial(roll_up_a_day, engine, hours)
        if kept.alerts_days is not None:
            ended = before(kept.alerts_days)
            yield "alerts_removed", partial(removal.remove_alerts, engine, ended, STEP_ALERTS)
        if kept.labels_days is not None:
            given = before(kept.labels_days)
            yield "labels_removed", partial(removal.remove_labels, engine, given, STEP_ROWS)
        if kept.articles_days is not None:
            yield "articles_removed", partial(self._forget, before(kept.articles_days))

    def _forget(self, before: datetime) -> int | None:
        """Some articles of a closed day; where none are left, close the next one."""
        gone = removal.remove_articles(self._engine, STEP_ROWS)
        if gone is not None:
            return gone
        return 0 if removal.close_a_day(self._engine, before) else None
