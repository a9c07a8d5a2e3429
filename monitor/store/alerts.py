"""Alerts and their outbox: a transition and its deliveries are one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    func,
    or_,
    select,
    update,
)

from alerts.alert import Alert
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.schema import alerts, outbox

OPEN_STATES = ("pending", "firing", "acknowledged")


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that is owed to one channel; `id` is its idempotency key."""

    id: str
    alert_id: str
    event: str
    channel: str
    state: str
    attempts: int
    """As they were read: what another has settled since is not settled again."""
    queued: datetime
    follow_up: str | None = None
    """The id of what is told afterwards."""


def encode_alert(alert: Alert) -> bytes:
    return msgspec.json.encode(alert)


def decode_alert(body: bytes) -> Alert:
    return msgspec.json.decode(body, type=Alert)


def save(
    connection: Connection,
    alert: Alert,
    event: str,
    channels: Iterable[str],
    now: datetime,
    grounds: bytes | None = None,
    group: str | None = None,
    fired: datetime | None = None,
) -> bool:
    """Write an alert's new state and what is owed for it; False when it stood already.

    `grounds` are kept with an alert that begins to fire, `group` is the one that it joins (None: it
    begins one), and `fired` is when what it follows from was read (None: now).
    """
    values = {
        "id": alert.id,
        "fingerprint": alert.fingerprint,
        "rule": alert.rule,
        "dimension": alert.dimension,
        "key": alert.key,
        "state": alert.state,
        "started": alert.started,
        "resolved": alert.resolved,
        "fired": fired or now,
        "body": encode_alert(alert),
    }
    if event == "firing":
        written = connection.execute(
            insert_for(connection)(alerts)
            .values(values | {"grounds": grounds, "group_id": group or alert.id})
            .on_conflict_do_nothing()
            .returning(alerts.c.id)
        ).first()
    else:
        values.pop("fired")
        written = connection.execute(
            update(alerts)
            .where(alerts.c.id == alert.id, alerts.c.state.in_(OPEN_STATES))
            .values(values)
            .returning(alerts.c.id)
        ).first()
    if written is None:
        return False
    owe(connection, alert.id, event, channels, now)
    return True


def owe(
    connection: Connection, alert_id: str, event: str, channels: Iterable[str], now: datetime
) -> None:
    """Put messages into the outbox, unless they are or were there."""
    for channel in channels:
        connection.execute(
            insert_for(connection)(outbox)
            .values(
                id=f"{alert_id}:{event}:{channel}",
                alert_id=alert_id,
                event=event,
                channel=channel,
                state="queued",
                attempts=0,
                queued=now,
                next_attempt=now,
            )
            .on_conflict_do_nothing()
        )


def group_in(rows: FromClause) -> ColumnElement[str]:
    """The group of an alert; those of earlier versions, which knew of none, are one each."""
    return func.coalesce(rows.c.group_id, rows.c.id)


_GROUP = group_in(alerts)


def group_at(connection: Connection, alert: Alert, moment: datetime) -> str | None:
    """The group of the alerts on an alert's dimension and key that had begun and not ended by a
    moment of the news, whatever became of them since; None: there were none."""
    query = (
        select(_GROUP)
        .where(
            alerts.c.dimension == alert.dimension,
            alerts.c.key == alert.key,
            alerts.c.started <= moment,
            or_(alerts.c.resolved.is_(None), alerts.c.resolved >= moment),
        )
        .order_by(alerts.c.started, alerts.c.id)
        .limit(1)
    )
    found: str | None = connection.execute(query).scalar()
    return found


def group_of(connection: Connection, alert_id: str) -> list[Alert]:
    """The alerts of an alert's group, itself among them, in the order in which they started."""
    group = select(_GROUP).where(alerts.c.id == alert_id).scalar_subquery()
    query = (
        select(alerts.c.body)
        .where(or_(alerts.c.group_id == group, alerts.c.id == group))
        .order_by(alerts.c.started, alerts.c.id)
    )
    return [decode_alert(body) for body in connection.execute(query).scalars()]


def told(connection: Connection, group: Sequence[Alert]) -> dict[str, list[Alert]]:
    """By channel, the alerts that it was owed a message of when they began."""
    by_id = {alert.id: alert for alert in group}
    query = select(outbox.c.alert_id, outbox.c.channel).where(
        outbox.c.alert_id.in_(by_id), outbox.c.event == "firing"
    )
    found: dict[str, list[Alert]] = {}
    for alert_id, channel in connection.execute(query.order_by(outbox.c.channel, outbox.c.id)):
        found.setdefault(channel, []).append(by_id[alert_id])
    return found


def find(engine: Engine, alert_id: str) -> Alert | None:
    """An alert by its id, or by a beginning of it that only one has."""
    whole = select(alerts.c.body).where(alerts.c.id == alert_id)
    # No index helps to find a beginning.
    begun = select(alerts.c.body).where(alerts.c.id.startswith(alert_id, autoescape=True)).limit(2)
    with reading(engine) as connection:
        bodies = (
            connection.execute(whole).scalars().all() or connection.execute(begun).scalars().all()
        )
    return decode_alert(bodies[0]) if len(bodies) == 1 else None


def grounds_of(engine: Engine, alert_id: str) -> bytes | None:
    """What was kept with an alert; None for those of earlier versions."""
    with reading(engine) as connection:
        kept: bytes | None = connection.execute(
            select(alerts.c.grounds).where(alerts.c.id == alert_id)
        ).scalar()
    return kept


def fired_at(engine: Engine, alert_id: str) -> datetime | None:
    """When an alert was decided, by the clock."""
    with reading(engine) as connection:
        moment: datetime | None = connection.execute(
            select(alerts.c.fired).where(alerts.c.id == alert_id)
        ).scalar()
    return moment


def listing(
    engine: Engine, states: Sequence[str] | None = None, limit: int | None = None
) -> list[Alert]:
    """Alerts, newest first."""
    query = select(alerts.c.body).order_by(alerts.c.started.desc(), alerts.c.id)
    if states is not None:
        query = query.where(alerts.c.state.in_(states))
    with reading(engine) as connection:
        return [decode_alert(body) for body in connection.execute(query.limit(limit)).scalars()]


def open_alerts(connection: Connection, rule: str | None = None) -> dict[str, Alert]:
    """The open alerts, of one rule or of all, by fingerprint."""
    query = select(alerts.c.body).where(alerts.c.state.in_(OPEN_STATES))
    if rule is not None:
        query = query.where(alerts.c.rule == rule)
    found = [decode_alert(body) for body in connection.execute(query).scalars()]
    return {alert.fingerprint: alert for alert in found}


def latest(connection: Connection, fingerprint: str) -> Alert | None:
    """The alert of a fingerprint that started last."""
    query = (
        select(alerts.c.body)
        .where(alerts.c.fingerprint == fingerprint)
        .order_by(alerts.c.started.desc())
        .limit(1)
    )
    body = connection.execute(query).scalar()
    return None if body is None else decode_alert(body)


def due(engine: Engine, now: datetime, limit: int = 50, state: str = "queued") -> list[Delivery]:
    """Deliveries that wait in a state and whose time has come, oldest first."""
    names = ("id", "alert_id", "event", "channel", "state", "attempts", "queued", "follow_up")
    query = (
        select(*(outbox.c[name] for name in names))
        .where(outbox.c.state == state, outbox.c.next_attempt <= now)
        .order_by(outbox.c.queued, outbox.c.id)
        .limit(limit)
    )
    with reading(engine) as connection:
        return [Delivery(*row) for row in connection.execute(query)]


def delivered(engine: Engine, delivery: Delivery, now: datetime) -> bool:
    """The channel has it; False where another has settled it since it was read."""
    return _settle(engine, delivery, state="delivered", delivered=now, last_error=None)


def retry_later(engine: Engine, delivery: Delivery, at: datetime, reason: str) -> bool:
    """Due again at a time; False where another has settled it since it was read."""
    return _settle(engine, delivery, next_attempt=at, last_error=reason[:500])


def dead(engine: Engine, delivery: Delivery, reason: str) -> bool:
    """Given up on; it stays for a person to see. False where another has settled it since it was
    read."""
    return _settle(engine, delivery, state="dead", last_error=reason[:500])


def outbox_counts(engine: Engine) -> dict[str, int]:
    """Number of deliveries by state."""
    query = select(outbox.c.state, func.count()).group_by(outbox.c.state)
    with reading(engine) as connection:
        return {str(state): int(count) for state, count in connection.execute(query)}


def _settle(engine: Engine, delivery: Delivery, **values: object) -> bool:
    as_read = (
        outbox.c.id == delivery.id,
        outbox.c.state == delivery.state,
        outbox.c.attempts == delivery.attempts,
    )
    with writing(engine) as connection:
        done = connection.execute(
            update(outbox).where(*as_read).values(attempts=delivery.attempts + 1, **values)
        )
        return done.rowcount == 1
