"""Following up alerts whose articles were corrected, retracted or rescored.

The detect role does it between its rounds, under its lease, a little at a time.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.rules import AnyRule
from monitor.following_up import follow_up
from monitor.metrics import ALERTS
from monitor.store import follow_ups, leases
from monitor.store.follow_ups import changed_alerts, last_change

LOG = logging.getLogger(__name__)
ROUND_SECONDS = 0.5
REST_SECONDS = 15.0
OVERLAP = timedelta(minutes=5)
"""A change may be visible so long after its time."""


class FollowUps:
    """Looks at the alerts of the last days again when articles behind them have changed."""

    def __init__(
        self,
        engine: Engine,
        rules: Sequence[AnyRule],
        days: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._rules = {rule.name: rule for rule in rules}
        self._days = days
        self._now = now
        self._monotonic = monotonic
        self._rests_until = -float("inf")
        self._waiting: deque[tuple[Alert, datetime]] = deque()
        self._change: tuple[int | None, datetime | None] = (None, None)
        self._settled = False
        self._looked: datetime | None = None

    @property
    def rests(self) -> bool:
        """Whether there was nothing left to do a short while ago."""
        return not self._days or self._monotonic() < self._rests_until

    def round(self, watermark: datetime) -> list[str]:
        """Work for about `ROUND_SECONDS`; the ids of the alerts that were followed up.

        The age of an alert is held against the watermark.
        """
        if self.rests:
            return []
        began = self._monotonic()
        if leases.holders(self._engine, leases.ADOPTION, self._now()):
            # Half of the scores are of another model: what is found now would not last.
            return []
        if not self._waiting:
            self._look(watermark - timedelta(days=self._days))
        told = []
        while self._waiting:
            alert, fired = self._waiting[0]
            if self._follow_up(alert, fired):
                told.append(alert.id)
            self._waiting.popleft()
            if self._monotonic() > began + ROUND_SECONDS:
                return told
        self._rests_until = self._monotonic() + REST_SECONDS
        return told

    def _look(self, started_from: datetime) -> None:
        """Find the alerts that may need it; all of them at the start, later those of changes."""
        change, now = last_change(self._engine), self._now()
        if change == self._change and self._settled:
            return
        since = None if self._looked is None else self._looked - OVERLAP
        self._waiting.extend(changed_alerts(self._engine, started_from, since))
        # Once more afterwards: another may have been about to write then.
        self._settled = change == self._change
        self._change, self._looked = change, now

    def _follow_up(self, alert: Alert, fired: datetime) -> bool:
        rule = self._rules.get(alert.rule)
        found = None if rule is None else follow_up(self._engine, rule, alert, fired)
        if found is None:
            return False
        state, said = found
        if not follow_ups.save(self._engine, alert, state, said, self._now(), self._hears):
            return False
        ALERTS.labels(alert.rule, follow_ups.EVENT).inc()
        LOG.info("alert %s would not have fired: %s", alert.id, said.changed)
        return True

    def _hears(self, alert: Alert, channel: str) -> bool:
        rule = self._rules.get(alert.rule)
        return rule is not None and (not rule.channels or channel in rule.channels)
