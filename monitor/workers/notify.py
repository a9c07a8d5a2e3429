"""The notify role: what is owed in the outbox, to its channels, at least once."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import cast

from sqlalchemy import Engine

from alerts.alert import Event
from alerts.channels.protocol import Channel, Delivered, Outcome, Rejected, Retryable
from alerts.messages import Message
from alerts.retry import next_attempt
from monitor.metrics import DELIVERIES
from monitor.store import alerts as alert_store
from monitor.store import follow_ups, leases
from monitor.store.alerts import Delivery
from monitor.store.engine import reading
from monitor.workers.loop import Stopped, patiently

LOG = logging.getLogger(__name__)
ROLE = "notify"
PAUSE_SECONDS = 0.5


class NotifyWorker:
    """One at a time by lease. `link` makes the console's address of an alert's id."""

    def __init__(
        self,
        engine: Engine,
        channels: Mapping[str, Channel],
        link: Callable[[str], str],
        owner: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._link = link
        self._lease = leases.Lease(engine, ROLE, owner, monotonic)
        self._now = now

    def run(self, stop: threading.Event) -> None:
        """Deliver until told to stop."""
        try:
            while not stop.is_set():
                if patiently(ROLE, stop, self._hold):
                    patiently(ROLE, stop, self.once)
                stop.wait(PAUSE_SECONDS)
        except Stopped:
            return
        finally:
            self._lease.release()

    def once(self) -> int:
        """Try all that is due, for as long as the lease is held; the number of tries."""
        now = self._now()
        due = [
            delivery
            for state in ("queued", follow_ups.QUEUED)
            for delivery in alert_store.due(self._engine, now, state=state)
        ]
        for tried, delivery in enumerate(due):
            if not self._hold():
                LOG.info("notify: another notifier has taken over")
                return tried
            self._settle(delivery, self._deliver(delivery))
        return len(due)

    def _deliver(self, delivery: Delivery) -> Outcome:
        channel = self._channels.get(delivery.channel)
        if channel is None:
            return Rejected(f"no channel is named '{delivery.channel}' any more")
        alert = alert_store.find(self._engine, delivery.alert_id)
        if alert is None:
            return Rejected("the alert is not in the store")
        link = self._link(alert.id)
        if delivery.follow_up is None:
            with reading(self._engine) as connection:
                group = alert_store.group_of(connection, alert.id)
            message = Message(cast("Event", delivery.event), alert, link, group=tuple(group))
        else:
            said = follow_ups.find(self._engine, delivery.follow_up)
            if said is None:
                return Rejected("the follow-up is not in the store")
            message = Message("follow-up", alert, link, said)
        return channel.deliver(message, delivery.id)

    def _settle(self, delivery: Delivery, outcome: Outcome) -> None:
        now = self._now()
        match outcome:
            case Delivered():
                result = "delivered"
                settled = alert_store.delivered(self._engine, delivery, now)
            case Rejected(reason):
                result = "dead"
                settled = self._give_up(delivery, reason)
            case Retryable(reason, wait):
                at = next_attempt(delivery.id, delivery.attempts + 1, now, wait)
                if at is None:
                    result = "dead"
                    settled = self._give_up(delivery, reason)
                else:
                    result = "retried"
                    LOG.warning("notify: %s again at %s: %s", delivery.id, at, reason)
                    settled = alert_store.retry_later(self._engine, delivery, at, reason)
        if not settled:
            result = "overtaken"
            LOG.info("notify: another notifier has settled %s meanwhile", delivery.id)
        DELIVERIES.labels(delivery.channel, result).inc()

    def _give_up(self, delivery: Delivery, reason: str) -> bool:
        settled = alert_store.dead(self._engine, delivery, reason)
        if settled:
            tries = delivery.attempts + 1
            LOG.error("notify: %s is dead at try %d: %s", delivery.id, tries, reason)
        return settled

    def _hold(self) -> bool:
        return self._lease.held(self._now())
