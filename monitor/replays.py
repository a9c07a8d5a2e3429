"""Rules over stored history, by the folds that run live: as it was, and as if nothing turned."""

import functools
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.correction import ErrorCounts, Kind
from alerts.crowd import Crowd
from alerts.fold import fold
from alerts.intervals import poisson_interval
from alerts.rules import AnyRule, CriticalRule
from alerts.series import BUCKET_SECONDS, Bucket, Finding
from alerts.shuffling import shuffled
from alerts.surroundings import Surroundings, has_crowd
from monitor.detection import silence_since
from monitor.rule_history import history
from monitor.store.model_errors import known_errors
from monitor.store.reach import reach_of_store
from monitor.store.watch import Stretch, watched_stretches
from monitor.stories import bucket_of


@dataclass(frozen=True, slots=True)
class SimulatedRate:
    """False alarms of a rule on history with its labels shuffled."""

    rule: str
    asked: float | None
    """A day; None where the rule names no rate."""
    alarms: int
    days: float
    """Of all shuffles together."""

    @property
    def rate(self) -> float:
        """Alarms a day. Raises ValueError where there was no history."""
        if not self.days:
            raise ValueError("no history, no rate")
        return self.alarms / self.days

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the rate, alarms taken to be independent. Raises ValueError, likewise."""
        if not self.days:
            raise ValueError("no history, no rate")
        lower, upper = poisson_interval(self.alarms)
        return lower / self.days, upper / self.days


@dataclass(frozen=True, slots=True)
class Replay:
    """A rule over stored history: what it announced, and what that cost."""

    rule: AnyRule
    alerts: tuple[Alert, ...]
    buckets: int
    """With news, that were folded, of all keys together."""
    seconds: float
    """Reading included."""


Observer = Callable[[str, Bucket, Finding], None]
"""Is told key, bucket and what the detector saw, of every bucket that is folded."""


def replay(
    engine: Engine,
    rule: AnyRule,
    stretches: Sequence[Stretch],
    since: datetime,
    until: datetime,
    as_of: datetime | None = None,
    observe: Observer | None = None,
    only: str | None = None,
) -> Replay:
    """What a rule would have announced on stored history, by the fold that runs live.

    `stretches` are those that the store was watched in. History before `since` is folded too, for
    the baselines, and announces nothing; from before the tallies were rolled up there is none.
    `as_of` leaves out what was scored later. `only` folds one key; the others are still those that
    it shares a budget with, and is held against.
    """
    begun = time.perf_counter()
    found: list[Alert] = []
    count = 0
    errors = known_errors(engine, as_of)
    for whole in stretches:
        stretch = _fine(engine, rule, whole)
        last = min(bucket_of(until) - BUCKET_SECONDS, stretch.last)
        buckets, against = history(engine, rule, stretch.first - BUCKET_SECONDS, last, as_of)
        found += _alerts(rule, buckets, against, stretch, last, since, errors, observe, only)
        count += sum(map(len, buckets.values()))
    found.sort(key=_in_order)
    return Replay(rule, tuple(found), count, time.perf_counter() - begun)


def simulate(
    engine: Engine,
    rule: AnyRule,
    since: datetime,
    until: datetime,
    shuffles: int,
    seed: int,
) -> SimulatedRate:
    """How often a rule fires when each key's labels are shuffled in time.

    The stories stay where they are, so bursts of news remain, but no share turns. History before
    `since` is folded too, for the baselines.
    """
    alarms, days = 0, 0.0
    errors = known_errors(engine)
    for whole in watched_stretches(engine):
        stretch = _fine(engine, rule, whole)
        last = min(bucket_of(until) - BUCKET_SECONDS, stretch.last)
        begin = max(stretch.first, bucket_of(since))
        if last <= begin:
            continue
        found, against = history(engine, rule, stretch.first - BUCKET_SECONDS, last)
        for number in range(shuffles):
            dealt = {
                key: shuffled(buckets, random.Random(f"{seed}:{number}:{key}"))  # noqa: S311
                for key, buckets in found.items()
            }
            # Shuffled as well, of themselves: were they not, the keys would miss the others' turns.
            source = random.Random(f"{seed}:{number}")  # noqa: S311
            told = shuffled(against, source)
            alarms += len(_alerts(rule, dealt, told, stretch, last, since, errors))
            days += (last + BUCKET_SECONDS - begin) / timedelta(days=1).total_seconds()
    return SimulatedRate(rule.name, getattr(rule, "false_alarms", None), alarms, days)


def _fine(engine: Engine, rule: AnyRule, stretch: Stretch) -> Stretch:
    """The part of a stretch whose tallies are of five minutes, for a rule that reads tallies."""
    if isinstance(rule, CriticalRule):
        return stretch
    return Stretch(max(stretch.first, reach_of_store(engine).five_minutes_from), stretch.last)


def _alerts(
    rule: AnyRule,
    found: dict[str, list[Bucket]],
    against: Sequence[Bucket],
    stretch: Stretch,
    last: int,
    since: datetime,
    errors: Mapping[Kind, ErrorCounts],
    observe: Observer | None = None,
    only: str | None = None,
) -> list[Alert]:
    """The alerts of one rule on one stretch, each in its last state."""
    watched = silence_since(rule, stretch.first)
    shares = Crowd().advance(rule, found, last) if has_crowd(rule) else []
    around = Surroundings(rule, shares, against, errors)
    latest: dict[str, Alert] = {}
    for key in found if only is None else {only} & found.keys():
        told = None if observe is None else functools.partial(observe, key)
        _, transitions = fold(rule, None, key, found[key], last, watched, around, told)
        for transition in transitions:
            if transition.alert.started >= since:
                latest[transition.alert.id] = transition.alert
    return list(latest.values())


def _in_order(alert: Alert) -> tuple[datetime, str, str]:
    return alert.started, alert.rule, alert.key
