"""From what folds came to, to stored alerts and to what is owed to the channels for them.

Alerts of one dimension and key that are open at the same time tell of one event: they are a group,
named by the one that began it. A channel is told of a group once, again only where it gets graver,
and once more when all of it has ended.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

import msgspec
from sqlalchemy import Connection, Engine

from alerts.alert import Alert, gravity
from alerts.fold import Transition
from alerts.rules import AnyRule, CriticalRule
from alerts.series import BUCKET_SECONDS
from monitor.background import HeardBy, read_background, with_background
from monitor.evidence import with_evidence
from monitor.grounds import Grounds, encode_grounds
from monitor.rule_history import alert_window
from monitor.store import alerts as alert_store
from monitor.store.engine import reading
from monitor.store.sight import Sight


@dataclass(frozen=True, slots=True)
class Turns:
    """What became of a rule's alerts, up to the last closed bucket."""

    rule: AnyRule
    transitions: Sequence[Transition]
    open_now: Mapping[str, bool]
    """By key that was folded, whether its alert is open after the last closed bucket."""
    grounds_for: Callable[[Transition], Grounds]
    moment: datetime
    """By the clock: what was scored until then has been folded."""


Written = Mapping[str, tuple[Alert, bytes]]
"""By id, alerts with their evidence, and what is kept with each."""


def write_up(
    engine: Engine, turns: Sequence[Turns], meanwhile: Callable[[], object] = lambda: None
) -> Written:
    """The alerts that may have to be announced; reading what is behind them takes a while, in which
    nobody should wait to write. `meanwhile` is called before each."""
    written: dict[str, tuple[Alert, bytes]] = {}
    heard: HeardBy = {}
    for turn in turns:
        ends: dict[str, datetime] = {}
        for transition in turn.transitions:
            alert = transition.alert
            if transition.event == "resolved":
                ends[alert.fingerprint] = alert.started
                continue
            with reading(engine) as connection:
                known = alert_store.latest(connection, alert.fingerprint)
            if known is None or not _stands(known, alert, ends.get(alert.fingerprint)):
                meanwhile()
                written[alert.id] = _written_up(engine, turn, transition, heard)
    return written


def _stands(known: Alert, alert: Alert, ended: datetime | None) -> bool:
    """Whether an alert is the known one, or another start of it; `ended` is when the last one
    started whose end comes first."""
    if known.started >= alert.started or known.resolved is not None:
        return _overlap(known, alert)
    return ended is None or ended < known.started


def _overlap(known: Alert, alert: Alert) -> bool:
    return known.resolved is None or known.resolved >= alert.started


def announce(
    engine: Engine,
    connection: Connection,
    turns: Sequence[Turns],
    written: Written,
    last_closed: int,
    channels: Sequence[str],
    now: datetime,
    grouped: bool,
) -> list[tuple[str, Alert]]:
    """Bring the stored alerts in line with the folds; the (event, alert) that were new.

    A late article can move the start of an alert that was announced already: it stays the same
    alert, under the id that people know. Without `grouped` each alert is told of by itself.
    """
    announced: list[tuple[str, Alert]] = []
    ordered = [(item, turn) for turn in turns for item in turn.transitions]
    for transition, turn in sorted(ordered, key=lambda pair: _in_order(pair[0])):
        owed = _channels_of(turn.rule, channels)
        alert = transition.alert
        known = alert_store.latest(connection, alert.fingerprint)
        if transition.event == "firing":
            if known is not None and _overlap(known, alert):
                continue
            alert, kept = written.get(alert.id) or _written_up(engine, turn, transition, {})
            moment = datetime.fromtimestamp(transition.bucket + BUCKET_SECONDS, UTC)
            group = alert_store.group_at(connection, alert, moment) if grouped else None
            stands = turn.open_now.get(alert.key, True)
            untold = owed if group is None else _untold(connection, alert, group, owed, stands)
            new = alert_store.save(
                connection, alert, "firing", untold, now, kept, group, turn.moment
            )
        elif known is None or known.resolved is not None or known.started > alert.started:
            continue
        else:
            alert = msgspec.structs.replace(known, state="resolved", resolved=alert.resolved)
            new = end(connection, alert, channels, now)
        if new:
            announced.append((transition.event, alert))
    ended = datetime.fromtimestamp(last_closed + BUCKET_SECONDS, UTC)
    for turn in turns:
        for alert in alert_store.open_alerts(connection, turn.rule.name).values():
            if not turn.open_now.get(alert.key, True):
                gone = msgspec.structs.replace(alert, state="resolved", resolved=ended)
                if end(connection, gone, channels, now):
                    announced.append(("resolved", gone))
    return announced


def end(connection: Connection, alert: Alert, channels: Sequence[str], now: datetime) -> bool:
    """Save that an alert has ended, and what is owed where it was the last of its group; False
    when it had ended already."""
    if not alert_store.save(connection, alert, "resolved", (), now):
        return False
    group = alert_store.group_of(connection, alert.id)
    if any(item.resolved is None for item in group):
        return True
    for channel, told in alert_store.told(connection, group).items():
        if channel in channels:
            # The one that people know of this event.
            known = alert if alert in told else min(told, key=attrgetter("started", "id"))
            alert_store.owe(connection, known.id, "resolved", [channel], now)
    return True


def _in_order(item: Transition) -> tuple[int, bool, int, str, str]:
    """As the news came; of one moment what begins before what ends, and the graver ahead."""
    alert = item.alert
    return item.bucket, item.event == "resolved", -gravity(alert), alert.rule, alert.key


def _channels_of(rule: AnyRule, channels: Sequence[str]) -> list[str]:
    return [name for name in channels if not rule.channels or name in rule.channels]


def _untold(
    connection: Connection, alert: Alert, group: str, channels: Sequence[str], stands: bool
) -> list[str]:
    """The channels that have not been told of a group, or of nothing as grave as this; all of them
    where they were told that it is over, and this one still stands."""
    members = alert_store.group_of(connection, group)
    if stands and all(item.resolved is not None for item in members):
        return list(channels)
    told = alert_store.told(connection, members)
    gravest = {name: max(map(gravity, found)) for name, found in told.items()}
    return [name for name in channels if gravity(alert) > gravest.get(name, -1)]


def _written_up(
    engine: Engine, turn: Turns, fired: Transition, heard: HeardBy
) -> tuple[Alert, bytes]:
    """An alert with its evidence, and what is kept with it for the time when older news is gone."""
    # Tallies are read as they are: of all articles to find those of the last seconds costs more.
    background = read_background(engine, fired.alert, Sight(turn.rule.lateness), heard)
    sight = Sight(turn.rule.lateness, turn.moment)
    alert = with_background(engine, with_evidence(engine, fired.alert, sight), background, sight)
    last_step = msgspec.structs.replace(turn.grounds_for(fired), background=background)
    if not isinstance(turn.rule, CriticalRule):
        window = tuple(alert_window(engine, turn.rule, alert))
        last_step = msgspec.structs.replace(last_step, window=window)
    return alert, encode_grounds(last_step)
