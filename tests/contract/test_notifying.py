"""Of two notifiers one sends at a time, and neither undoes what the other has settled."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from alerts.channels.protocol import Delivered, Outcome, Rejected
from alerts.messages import Message
from monitor.store import alerts as alert_store
from monitor.store import leases
from monitor.store.engine import reading, writing
from monitor.store.schema import outbox
from monitor.workers.notify import NotifyWorker
from tests.unit.alerts.records import alert
from tests.unit.monitor.stories_data import START

CHANNELS = ("desk", "mail", "pager")


class Clock:
    """The wall's and the monotonic one."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds


class Slow:
    """Takes a message over, or refuses it, after something has happened."""

    def __init__(self, sent: list[str], outcome: Outcome) -> None:
        self.sent = sent
        self.outcome = outcome
        self.meanwhile: list[NotifyWorker] = []
        self.clock: Clock | None = None

    def deliver(self, message: Message, idempotency_key: str) -> Outcome:
        self.sent.append(idempotency_key)
        while self.meanwhile:
            assert self.clock is not None
            self.clock.seconds += leases.LEASE_SECONDS + 5
            self.meanwhile.pop().once()
        return self.outcome


def owe(engine: Engine) -> None:
    with writing(engine) as connection:
        alert_store.save(connection, alert(), "firing", CHANNELS, START)


def notifier(engine: Engine, channel: Slow, owner: str, clock: Clock) -> NotifyWorker:
    named = dict.fromkeys(CHANNELS, channel)
    return NotifyWorker(engine, named, lambda name: "", owner, clock.now, clock.monotonic)


def rows(engine: Engine) -> set[tuple[str, int]]:
    with reading(engine) as connection:
        return {(row.state, row.attempts) for row in connection.execute(select(outbox))}


@pytest.mark.parametrize("outcome", [Delivered(), Rejected("too late")])
def test_a_notifier_that_stood_still_sends_no_more_and_overwrites_nothing(
    engine: Engine, outcome: Outcome
) -> None:
    owe(engine)
    clock = Clock()
    first, second = Slow([], outcome), Slow([], Delivered())
    first.clock, first.meanwhile = clock, [notifier(engine, second, "second", clock)]
    assert notifier(engine, first, "first", clock).once() == 1
    assert (len(first.sent), len(second.sent)) == (1, len(CHANNELS))
    assert rows(engine) == {("delivered", 1)}


def test_only_what_stands_as_it_was_read_is_settled(engine: Engine) -> None:
    owe(engine)
    read, other, third = alert_store.due(engine, START)
    later = START + timedelta(minutes=1)
    assert alert_store.retry_later(engine, read, later, "busy")
    assert not alert_store.delivered(engine, read, START)
    assert alert_store.dead(engine, other, "refused")
    assert not alert_store.retry_later(engine, other, later, "busy")
    assert alert_store.delivered(engine, third, START)
    assert not alert_store.dead(engine, third, "refused")
    (again,) = alert_store.due(engine, later)
    assert (again.id, again.attempts) == (read.id, 1)
    assert alert_store.outbox_counts(engine) == {"queued": 1, "dead": 1, "delivered": 1}
