"""Running the rules over the store: what a tick folds, saves and announces.

A bucket is folded once the watermark has passed its end. Articles that come later than that, but
within the rule's lateness, still count: the saved states stand at the settled bucket, the last one
that lies wholly behind that, and every tick folds from there again. So the alerts follow from the
data, not from when a process ran.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, Engine, delete, select, update

from alerts.alert import Alert
from alerts.correction import ErrorCounts, Kind
from alerts.crowd import Crowd
from alerts.fold import KeyState, Transition, fold
from alerts.rules import AnyRule, rule_hash
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.surroundings import Surroundings, has_crowd
from monitor.announcing import Turns, announce, end, write_up
from monitor.grounds import Grounds, grounds
from monitor.rule_history import history
from monitor.rule_reach import HISTORY
from monitor.store import alerts as alert_store
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.model_errors import known_errors
from monitor.store.reach import reach_of_store
from monitor.store.schema import detector_progress, detector_states
from monitor.store.watch import watched_since
from monitor.stories import bucket_of

S = TypeVar("S", KeyState, Crowd)

CROWD = "crowd"
"""Stands for the dimension where the state is not a key's but that of all of a rule's keys."""


class StatesMoved(RuntimeError):
    """The saved states are not those that were folded on: a backfill had them forgotten."""


@dataclass(slots=True)
class RuleStates:
    """A rule's key states, as of the settled bucket."""

    announce_after: int
    """Alerts that started by then are history: learned from, never announced."""
    watched_since: int
    """From this bucket on silence about a key means that there was no news of it."""
    settled: int | None = None
    """None until a bucket of the watch has settled: the first timely articles may come later than
    the first watermark, and then the watch began with them."""
    keys: dict[str, KeyState] = field(default_factory=dict)
    crowd: Crowd = field(default_factory=Crowd)


def load_states(
    engine: Engine, rules: Sequence[AnyRule], first_watermark: datetime, watermark: datetime
) -> dict[str, RuleStates]:
    """The saved states by rule; rules that are new or changed begin anew.

    In a store that has never been watched alerts begin with the stream's first watermark, however
    late the detector starts; a rule that joins later does not announce what is older than its
    lateness.
    """
    table, states = detector_progress.c, detector_states.c
    result: dict[str, RuleStates] = {}
    watched = watched_since(engine)
    fine_from = reach_of_store(engine).five_minutes_from
    with writing(engine) as connection:
        known = {row.rule: row for row in connection.execute(select(detector_progress))}
        for rule in rules:
            digest, row = rule_hash(rule), known.get(rule.name)
            # What is not read, or was rolled up, is no silence.
            reads_from = max(fine_from, _first_read(rule, watermark))
            began = reads_from if reads_from > watched else None
            if row is not None and row.rule_hash == digest:
                if row.settled is None:
                    connection.execute(
                        update(detector_progress).where(table.rule == rule.name).values(began=began)
                    )
                else:
                    began = row.began
                keys: dict[str, KeyState] = {}
                crowd = Crowd()
                for dimension, key, state in connection.execute(
                    select(states.dimension, states.key, states.state).where(
                        states.rule == rule.name
                    )
                ):
                    if dimension == CROWD:
                        crowd = msgspec.json.decode(state, type=Crowd)
                    else:
                        keys[key] = msgspec.json.decode(state, type=KeyState)
                result[rule.name] = RuleStates(
                    row.announce_after,
                    watched if began is None else began,
                    row.settled,
                    keys,
                    crowd,
                )
                continue
            begin = watermark - timedelta(seconds=rule.lateness) if known else first_watermark
            result[rule.name] = RuleStates(
                int(begin.timestamp()), watched if began is None else began
            )
            connection.execute(delete(detector_states).where(states.rule == rule.name))
            connection.execute(delete(detector_progress).where(table.rule == rule.name))
            connection.execute(
                detector_progress.insert().values(
                    rule=rule.name,
                    rule_hash=digest,
                    settled=None,
                    announce_after=int(begin.timestamp()),
                    began=began,
                )
            )
    return result


def resolve_orphans(
    engine: Engine, rules: Sequence[AnyRule], channels: Sequence[str], now: datetime
) -> list[tuple[str, Alert]]:
    """End the open alerts of rules that are no more; what was announced, as (event, alert)."""
    names = {rule.name for rule in rules}
    announced: list[tuple[str, Alert]] = []
    with writing(engine) as connection:
        for alert in alert_store.open_alerts(connection).values():
            if alert.rule not in names:
                gone = msgspec.structs.replace(alert, state="resolved", resolved=now)
                if end(connection, gone, channels, now):
                    announced.append(("resolved", gone))
    return announced


def forget_states(engine: Engine, watermark: datetime) -> None:
    """Let every rule learn anew: history was added behind it. Nothing old is announced."""
    begin = int(watermark.timestamp())
    with writing(engine) as connection:
        connection.execute(delete(detector_states))
        connection.execute(
            update(detector_progress)
            .where(detector_progress.c.announce_after < begin)
            .values(announce_after=begin)
        )
        connection.execute(update(detector_progress).values(settled=None))


@dataclass(frozen=True, slots=True)
class Look:
    """A rule folded up to the last closed bucket; nothing of it is saved."""

    turns: Turns
    before: RuleStates
    after: RuleStates
    changed: dict[str, KeyState]
    """By key, the settled states that are not those of before."""


def look(
    engine: Engine, rule: AnyRule, states: RuleStates, watermark: datetime, now: datetime
) -> Look:
    """Fold a rule up to the watermark, with the models' errors as they are known by `now`, the
    moment of the reading: what alerts follow from is told as of then."""
    last_closed = _last_closed(watermark)
    # Of the bucket that holds the edge of lateness a part may still come.
    settle = bucket_of(watermark - timedelta(seconds=rule.lateness)) - BUCKET_SECONDS
    after = states.settled
    if after is None:
        after = states.watched_since - BUCKET_SECONDS
    settle = max(settle, after)
    settled = settle if settle > after else states.settled
    found, against = history(engine, rule, after, last_closed)
    errors = known_errors(engine, now)
    crowd, around = _look_around(rule, states.crowd, found, against, settle, last_closed, errors)
    since = silence_since(rule, states.watched_since)
    settled_states = dict(states.keys)
    transitions: list[Transition] = []
    open_now: dict[str, bool] = {}
    changed: dict[str, KeyState] = {}
    for key in sorted(found.keys() | _open_keys(states.keys)):
        state, folded = _fold_to(
            rule, states.keys.get(key), key, found.get(key, ()), settle, since, around
        )
        if settle > after:
            changed[key] = settled_states[key] = state
        ahead, more = _fold_to(rule, state, key, found.get(key, ()), last_closed, since, around)
        transitions += [
            item for item in folded + more if item.alert.started.timestamp() > states.announce_after
        ]
        open_now[key] = ahead.life.phase == "firing"

    # Of rules without an alert nothing that was read is kept in memory.
    own = {item.alert.key: found.get(item.alert.key, ()) for item in transitions}

    def grounds_for(fired: Transition) -> Grounds:
        key = fired.alert.key
        return grounds(rule, states.keys.get(key), key, own[key], since, around, against, fired)

    return Look(
        Turns(rule, transitions, open_now, grounds_for, now),
        states,
        RuleStates(states.announce_after, states.watched_since, settled, settled_states, crowd),
        changed,
    )


def conclude(
    engine: Engine,
    looks: Sequence[Look],
    watermark: datetime,
    channels: Sequence[str],
    now: datetime,
    grouped: bool = True,
    meanwhile: Callable[[], object] = lambda: None,
) -> list[tuple[str, Alert]]:
    """Save what the rules came to; the (event, alert) announced. `meanwhile` is called before what
    is behind an alert is read.

    States, alerts and what is owed to the channels are saved in one transaction, for all rules
    together: which of their alerts tell of one event follows from the news alone, wherever a
    process was stopped. Raises StatesMoved, and then nothing is saved: the states must be loaded
    again.
    """
    turns = [item.turns for item in looks]
    written = write_up(engine, turns, meanwhile)
    with writing(engine) as connection:
        announced = announce(
            engine,
            connection,
            turns,
            written,
            _last_closed(watermark),
            channels,
            now,
            grouped,
        )
        for item in looks:
            _save_states(connection, item)
    return announced


def _last_closed(watermark: datetime) -> int:
    return bucket_of(watermark) - BUCKET_SECONDS


def _first_read(rule: AnyRule, watermark: datetime) -> int:
    """The first bucket that a rule reads that is new."""
    begin = watermark - HISTORY - timedelta(seconds=rule.lateness)
    return bucket_of(begin) + BUCKET_SECONDS


def began_with_the_watch(engine: Engine, rule: AnyRule) -> bool:
    """Whether a rule has read all that was watched, as a backtest does; one that joined an old
    store has read its last months only."""
    table = detector_progress.c
    with reading(engine) as connection:
        began = connection.execute(select(table.began).where(table.rule == rule.name)).scalar()
    return began is None


def silence_since(rule: AnyRule, since: int) -> int | None:
    """From when on silence about a key means that there was no news of it.

    Not for sources: one that is silent may only have been added later.
    """
    return since if rule.dimension in ("all", "topic", "entity", "theme") else None


def _look_around(
    rule: AnyRule,
    crowd: Crowd,
    found: dict[str, list[Bucket]],
    against: Sequence[Bucket],
    settle: int,
    last_closed: int,
    errors: Mapping[Kind, ErrorCounts],
) -> tuple[Crowd, Surroundings]:
    """The crowd as of the settled bucket, and what the folds up to the last closed one may know."""
    if not has_crowd(rule):
        return crowd, Surroundings(rule, (), against, errors)
    settled = _copied(crowd)
    shares = settled.advance(rule, found, settle)
    ahead = _copied(settled)
    late = {key: [item for item in own if item.start > settle] for key, own in found.items()}
    shares += ahead.advance(rule, late, last_closed)
    return settled, Surroundings(rule, shares, against, errors)


def _copied(state: S) -> S:
    """A state that can be changed while this one stays."""
    return msgspec.json.decode(msgspec.json.encode(state), type=type(state))


def _fold_to(
    rule: AnyRule,
    state: KeyState | None,
    key: str,
    buckets: Sequence[Bucket],
    through: int,
    watched_since: int | None,
    around: Surroundings,
) -> tuple[KeyState, list[Transition]]:
    """Fold a copy of the state, so that the one given can be folded again."""
    copy = _copied(state) if state else None
    begun = -1 if state is None or state.bucket is None else state.bucket
    ahead = [bucket for bucket in buckets if begun < bucket.start <= through]
    return fold(rule, copy, key, ahead, through, watched_since, around)


def _open_keys(states: dict[str, KeyState]) -> set[str]:
    return {key for key, state in states.items() if state.life.phase != "quiet"}


def _save_states(connection: Connection, looked: Look) -> None:
    rule, before, after = looked.turns.rule, looked.before, looked.after
    progress = detector_progress.c
    moved = connection.execute(
        update(detector_progress)
        .where(
            progress.rule == rule.name,
            progress.settled.is_not_distinct_from(before.settled),
            progress.announce_after == before.announce_after,
        )
        .values(settled=after.settled)
    )
    if moved.rowcount != 1:
        raise StatesMoved(rule.name)
    rows: list[tuple[str, str, bytes]] = [
        (rule.dimension, key, msgspec.json.encode(state))
        for key, state in sorted(looked.changed.items())
    ]
    if has_crowd(rule) and after.settled != before.settled:
        rows.append((CROWD, "", msgspec.json.encode(after.crowd)))
    if not rows:
        return
    statement = insert_for(connection)(detector_states)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[
                detector_states.c.rule,
                detector_states.c.dimension,
                detector_states.c.key,
            ],
            set_={
                "rule_hash": statement.excluded.rule_hash,
                "state": statement.excluded.state,
            },
        ),
        [
            {
                "rule": rule.name,
                "dimension": dimension,
                "key": key,
                "rule_hash": rule_hash(rule),
                "state": state,
            }
            for dimension, key, state in rows
        ],
    )
