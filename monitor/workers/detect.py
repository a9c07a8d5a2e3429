"""The detect role: rules over the tallies, alerts and what is owed for them into the store.

Between its rounds it keeps the store's house, and follows up alerts whose articles have changed.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule
from monitor.bus import Bus
from monitor.detection import (
    RuleStates,
    StatesMoved,
    conclude,
    load_states,
    look,
    resolve_orphans,
)
from monitor.events import SCORED
from monitor.metrics import ALERTS, PUBLISH_TO_ALERT, WATERMARK
from monitor.store import leases
from monitor.store.ingestion import counted_until, watermarks
from monitor.stories import bucket_of
from monitor.workers import aggregate
from monitor.workers.follow_up import FollowUps
from monitor.workers.housekeeping import Housekeeper
from monitor.workers.loop import Stopped, patiently

LOG = logging.getLogger(__name__)
ROLE = "detect"
PAUSE_SECONDS = 1.0
LATE_SECONDS = 10.0
"""So long what came late may wait for the next look, where no bucket closes meanwhile."""


class DetectWorker:
    """One at a time by lease; a second one waits in reserve."""

    def __init__(
        self,
        bus: Bus,
        engine: Engine,
        rules: Sequence[AnyRule],
        channels: Sequence[str],
        owner: str,
        keeper: Housekeeper | None = None,
        follow_ups: FollowUps | None = None,
        grouped: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._engine = engine
        self._rules = rules
        self._channels = channels
        self._lease = leases.Lease(engine, ROLE, owner)
        self._keeper = keeper
        self._follow_ups = follow_ups
        self._grouped = grouped
        self._now = now
        self._monotonic = monotonic
        self._states: dict[str, RuleStates] | None = None
        self._round: int | None = None
        self._again_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Detect until told to stop."""
        try:
            partitions = patiently(ROLE, stop, lambda: self._bus.partitions(SCORED))
            while not stop.is_set():
                if patiently(ROLE, stop, lambda: self._lease.held(self._now())):
                    patiently(ROLE, stop, lambda: self.once(partitions))
                    patiently(ROLE, stop, lambda: self._between_rounds(partitions))
                else:
                    self._states = None
                stop.wait(PAUSE_SECONDS)
        except Stopped:
            return
        finally:
            self._lease.release()

    def once(self, partitions: int) -> list[tuple[str, Alert]]:
        """One round over all rules; what was announced, as (event, alert)."""
        if leases.holders(self._engine, leases.ADOPTION, self._now()):
            # The rules learn anew from what is there afterwards.
            self._states = None
            return []
        marks = watermarks(self._engine, aggregate.GROUP, SCORED, partitions)
        if marks is None:
            return []
        first, latest = marks
        WATERMARK.set(latest.timestamp())
        if self._seen(bucket_of(latest)):
            return []
        announced: list[tuple[str, Alert]] = []
        # Until it is saved, what is in memory is ahead of the store.
        states, self._states = self._states, None
        if states is None:
            announced += resolve_orphans(self._engine, self._rules, self._channels, self._now())
        if states is None or any(item.settled is None for item in states.values()):
            states = load_states(self._engine, self._rules, first, latest)
        try:
            # Each at its own moment: what is scored while others fold is folded here.
            looks = [
                look(
                    self._engine,
                    rule,
                    states[rule.name],
                    latest,
                    counted_until(self._engine, self._now()),
                )
                for rule in self._rules
            ]
            announced += conclude(
                self._engine,
                looks,
                latest,
                self._channels,
                self._now(),
                self._grouped,
                # Many alerts at once take longer to write up than a lease lasts.
                lambda: self._lease.held(self._now()),
            )
            self._states = {item.turns.rule.name: item.after for item in looks}
        except StatesMoved as error:
            LOG.info("detect: history was added; rule %s learns anew", error)
        for event, alert in announced:
            ALERTS.labels(alert.rule, event).inc()
            LOG.info("alert %s %s: %s %s", alert.id, event, alert.rule, alert.key)
            if event == "firing" and alert.top:
                newest = max(story.published for story in alert.top)
                PUBLISH_TO_ALERT.observe((self._now() - newest).total_seconds())
        return announced

    def _seen(self, bucket: int) -> bool:
        """Whether no bucket has closed since the last round, which was a moment ago: only what
        came late can have changed then, and it may wait as long."""
        now = self._monotonic()
        if self._states is not None and self._round == bucket and now < self._again_at:
            return True
        self._round, self._again_at = bucket, now + LATE_SECONDS
        return False

    def _between_rounds(self, partitions: int) -> None:
        asides = [item for item in (self._keeper, self._follow_ups) if item and not item.rests]
        marks = watermarks(self._engine, aggregate.GROUP, SCORED, partitions) if asides else None
        if marks is not None:
            for item in asides:
                item.round(marks[1])
