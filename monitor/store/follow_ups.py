"""Follow-ups of alerts, each with what is owed for it, and the alerts that may need one."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import Connection, Engine, func, select

from alerts.alert import Alert, gravity
from alerts.follow_up import FollowUp
from monitor.store import alerts as alert_store
from monitor.store.alerts import decode_alert
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.readers import under
from monitor.store.schema import alerts, article_versions, follow_ups, outbox

EVENT = "follow-up"
QUEUED = "follow-up"
"""The state of what is owed here. Versions that know of no follow-ups look for "queued" alone: they
would send one as a fresh alarm while a cluster is upgraded role by role."""


def last_change(engine: Engine) -> tuple[int | None, datetime | None]:
    """What is another once an article was replaced or taken back."""
    versions = article_versions.c
    with reading(engine) as connection:
        number, superseded = connection.execute(
            select(func.max(versions.number), func.max(versions.superseded))
        ).one()
    return number, superseded


def changed_alerts(
    engine: Engine, started_from: datetime, replaced_from: datetime | None
) -> Iterator[tuple[Alert, datetime]]:
    """Alerts of that time on, with when they fired, of whose window an article was replaced since;
    where a time is given, since then."""
    found = select(alerts.c.body, alerts.c.fired).where(alerts.c.started >= started_from)
    with reading(engine) as connection:
        rows = connection.execute(found.order_by(alerts.c.started)).all()
    for body, fired in rows:
        alert = decode_alert(body)
        versions = article_versions.c
        replaced = select(versions.number).where(
            versions.published >= alert.started - timedelta(seconds=alert.window_seconds),
            versions.published < alert.started,
            versions.superseded > max(fired, replaced_from or fired),
            *under(alert.dimension, alert.key, article_versions),
        )
        with reading(engine) as connection:
            if connection.execute(replaced.limit(1)).first() is not None:
                yield alert, fired


def save(
    engine: Engine,
    alert: Alert,
    state: str,
    said: FollowUp,
    now: datetime,
    hears: Callable[[Alert, str], bool],
) -> bool:
    """Keep a follow-up and what is owed for it, to the channels that were told of the alert; False
    where it stood already. `state` is a digest of the articles that it rests on.

    Another alert of its group may still stand, of which such a channel was told nothing: it is told
    now, where it `hears` of that alert's rule.
    """
    name = f"{alert.id}:{state}"
    with writing(engine) as connection:
        insert = insert_for(connection)
        written = connection.execute(
            insert(follow_ups)
            .values(id=name, alert_id=alert.id, found=now, body=msgspec.json.encode(said))
            .on_conflict_do_nothing()
            .returning(follow_ups.c.id)
        ).first()
        if written is None:
            return False
        told = select(outbox.c.channel).where(
            outbox.c.alert_id == alert.id, outbox.c.event == "firing", outbox.c.state != "dead"
        )
        channels = connection.execute(told.distinct()).scalars().all()
        standing = _standing(connection, alert)
        heard = alert_store.told(connection, standing)
        for channel in channels:
            connection.execute(
                insert(outbox).values(
                    id=f"{name}:{channel}",
                    alert_id=alert.id,
                    event=EVENT,
                    channel=channel,
                    state=QUEUED,
                    attempts=0,
                    queued=now,
                    next_attempt=now,
                    follow_up=name,
                )
            )
            untold = [item for item in standing if hears(item, channel)]
            if untold and channel not in heard:
                alert_store.owe(connection, untold[0].id, "firing", [channel], now)
    return True


def _standing(connection: Connection, alert: Alert) -> list[Alert]:
    """Of the alerts of its group, the others that are open and were not followed up; the gravest
    ahead."""
    group = alert_store.group_of(connection, alert.id)
    query = select(follow_ups.c.alert_id).where(
        follow_ups.c.alert_id.in_([item.id for item in group])
    )
    gone = {alert.id, *connection.execute(query).scalars()}
    standing = [item for item in group if item.resolved is None and item.id not in gone]
    return sorted(standing, key=lambda item: -gravity(item))


def find(engine: Engine, name: str) -> FollowUp | None:
    """A follow-up by its id."""
    with reading(engine) as connection:
        body = connection.execute(select(follow_ups.c.body).where(follow_ups.c.id == name)).scalar()
    return None if body is None else msgspec.json.decode(body, type=FollowUp)


def latest_of(engine: Engine, alert_id: str) -> tuple[FollowUp, datetime] | None:
    """The last follow-up of an alert, with when it was found."""
    query = (
        select(follow_ups.c.body, follow_ups.c.found)
        .where(follow_ups.c.alert_id == alert_id)
        .order_by(follow_ups.c.found.desc())
        .limit(1)
    )
    with reading(engine) as connection:
        row = connection.execute(query).first()
    return None if row is None else (msgspec.json.decode(row.body, type=FollowUp), row.found)
