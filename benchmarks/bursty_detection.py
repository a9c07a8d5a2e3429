"""False alarms and delay on streams like real ones, beside the rules of others.

    python -m benchmarks.bursty_detection [--rule cusum] [--false-alarms "1 per 7d"] [--seed 1001]

Streams are drawn as `benchmarks/streams.py` states, with the figures of real archives. A rule
watches the keys of a group together. First nothing turns: its alarms are counted and held against
those asked for, and every rule of others is tuned to as many. Then one key at a time turns, its
negative stories coming so many times as often, and the hours to the first alarm are counted; where
none comes within two weeks, two weeks. Ends with status 1 where a figure is out of bounds.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click
import msgspec
import numpy as np
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from alerts.crowd import Crowd
from alerts.fold import KeyState, fold
from alerts.rules import AnyRule, DivergenceRule, Rule
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.surroundings import Surroundings
from benchmarks.peers import DAY, PEERS, Counts, Statistic, alarms, tuned
from benchmarks.streams import Group, Key, read_groups, stream

START = 1_767_571_200
"""A Monday, seconds since the epoch."""
LEARNING_DAYS = 42
PATIENCE_DAYS = 14
SHIFTS = (1.5, 2.0, 3.0, 5.0, 10.0)
"""Odds of a negative story after the turn, over the usual ones."""
LEAST_STORIES_A_WEEK = 10.0
"""Keys with fewer do not turn: nobody could see it within two weeks."""
WITHIN = 1.5
RULES: dict[str, dict[str, Any]] = {
    "cusum": {"detector": "cusum", "window": "48h", "baseline": "28d"},
    "surge": {"detector": "surge", "window": "24h", "baseline": "28d"},
    "volume": {"detector": "volume", "window": "24h", "baseline": "28d"},
    "divergence": {"detector": "divergence", "window": "24h", "baseline": "28d"},
}


@dataclass
class Outcome:
    """What one rule did on one group; delays in hours by size of shift."""

    group: str
    rule: str
    asked: float
    """False alarms a day; for the rules of others, as many as ours had."""
    found: float
    alarms: int
    threshold: float | None = None
    delays: dict[float, float] = field(default_factory=dict)


def rule_of(kind: str, group: Group, rate: str) -> AnyRule:
    fields: dict[str, object] = {
        "name": kind,
        "dimension": group.name.split()[-1],
        "false_alarms": rate,
    }
    if kind == "divergence":
        # By name, so that a key that turns is held against them and is none of them.
        fields |= {"against": [key_name(number) for number in range(len(group.keys))]}
    rule: AnyRule = TypeAdapter(Rule).validate_python(RULES[kind] | fields)
    return rule


def key_name(number: int) -> str:
    return f"key {number}"


def totals(found: Mapping[str, Sequence[Bucket]]) -> list[Bucket]:
    """The buckets of all keys together, in order of time."""
    told: dict[int, tuple[int, int]] = {}
    for item in (item for buckets in found.values() for item in buckets):
        stories, negative = told.get(item.start, (0, 0))
        told[item.start] = stories + item.stories, negative + item.negative
    return [
        Bucket(start, stories, stories, negative, stories - negative)
        for start, (stories, negative) in sorted(told.items())
    ]


class Null:
    """Streams of a group in which nothing turns."""

    def __init__(self, source: np.random.Generator, group: Group, days: int) -> None:
        self.days = days
        self.begin = START + LEARNING_DAYS * DAY
        self.last = START + (LEARNING_DAYS + days) * DAY - BUCKET_SECONDS
        self.found = {
            key_name(number): stream(source, group, key, START, LEARNING_DAYS + days)
            for number, key in enumerate(group.keys)
        }

    def surroundings(self, rule: AnyRule) -> Surroundings:
        shares = Crowd().advance(rule, self.found, self.last)
        against = totals(self.found) if isinstance(rule, DivergenceRule) else []
        return Surroundings(rule, shares, against)

    def alarms(self, rule: AnyRule) -> int:
        around = self.surroundings(rule)
        return sum(
            item.event == "firing" and item.bucket >= self.begin
            for key, buckets in self.found.items()
            for item in fold(rule, None, key, buckets, self.last, START, around)[1]
        )


@dataclass(frozen=True)
class Turn:
    """A key's stream before it turns, and after, by size of the shift."""

    before: list[Bucket]
    after: dict[float, list[Bucket]]
    at: int


def turns(source: np.random.Generator, group: Group, keys: Sequence[Key]) -> Iterator[Turn]:
    """One for each key, at a random hour of the week after the learning."""
    for key in keys:
        days = LEARNING_DAYS + int(source.integers(7))
        hour = int(source.integers(24)) * 3_600
        at = START + days * DAY + hour
        before = [
            bucket for bucket in stream(source, group, key, START, days + 1) if bucket.start < at
        ]
        midnight = at - hour
        after = {
            shift: [
                bucket
                for bucket in stream(
                    source, group, key, midnight, PATIENCE_DAYS + 1, shift, midnight
                )
                if at <= bucket.start < at + PATIENCE_DAYS * DAY
            ]
            for shift in SHIFTS
        }
        yield Turn(before, after, at)


def our_delays(rule: AnyRule, around: Surroundings, turn: Turn) -> dict[float, float]:
    """Hours by size of shift; none where an alert was open when the key turned."""
    state, _ = fold(rule, None, "key", turn.before, turn.at - BUCKET_SECONDS, START, around)
    if state.life.phase != "quiet":
        return {}
    saved = msgspec.json.encode(state)
    delays = {}
    for shift, buckets in turn.after.items():
        copy = msgspec.json.decode(saved, type=KeyState)
        through = turn.at + PATIENCE_DAYS * DAY - BUCKET_SECONDS
        found = fold(rule, copy, "key", buckets, through, START, around)[1]
        first = next((item.bucket + BUCKET_SECONDS for item in found), through + BUCKET_SECONDS)
        delays[shift] = (first - turn.at) / 3_600
    return delays


def their_delays(name: str, threshold: float, turn: Turn) -> dict[float, float]:
    """The same of a rule of others."""
    delays = {}
    for shift, buckets in turn.after.items():
        counts = Counts([*turn.before, *buckets])
        begun = alarms(counts, PEERS[name](counts), threshold)
        if ((begun > turn.at - DAY) & (begun <= turn.at)).any():
            return {}
        later = begun[begun > turn.at]
        delays[shift] = (later[0] - turn.at) / 3_600 if len(later) else PATIENCE_DAYS * 24.0
    return delays


def mean_delays(found: Sequence[dict[float, float]]) -> dict[float, float]:
    kept = [delays for delays in found if delays]
    return {shift: float(np.mean([delays[shift] for delays in kept])) for shift in SHIFTS}


def race(
    source: np.random.Generator, group: Group, rules: Sequence[AnyRule], days: int, rounds: int
) -> list[Outcome]:
    """Our rules and those of others on one group; the others tuned to the first of ours."""
    nulls = [Null(source, group, 90) for _ in range(max(1, days // 90))]
    watched = sum(null.days for null in nulls)
    outcomes = []
    for rule in rules:
        total = sum(null.alarms(rule) for null in nulls)
        asked = getattr(rule, "false_alarms", 0.0)
        outcomes.append(Outcome(group.name, rule.name, asked, total / watched, total))
    told = [Counts(buckets) for null in nulls for buckets in null.found.values() if buckets]
    since = [nulls[0].begin] * len(told)
    for name, statistic in PEERS.items():
        keys: list[tuple[Counts, Statistic]] = [(counts, statistic(counts)) for counts in told]
        threshold, total = tuned(keys, since, outcomes[0].alarms)
        outcomes.append(
            Outcome(group.name, name, outcomes[0].found, total / watched, total, threshold)
        )
    turning = [key for key in group.keys if key.stories_a_week >= LEAST_STORIES_A_WEEK]
    drawn = [turn for _ in range(rounds) for turn in turns(source, group, turning)]
    for rule, outcome in zip(rules, outcomes, strict=False):
        around = nulls[0].surroundings(rule)
        outcome.delays = mean_delays([our_delays(rule, around, turn) for turn in drawn])
    for outcome in outcomes[len(rules) :]:
        assert outcome.threshold is not None
        outcome.delays = mean_delays(
            [their_delays(outcome.rule, outcome.threshold, turn) for turn in drawn]
        )
    return outcomes


def failures(outcomes: Sequence[Outcome], ours: int) -> list[str]:
    """What is out of bounds: our rates, and delays of the first of ours above another's."""
    told = [
        f"{own.group}: {own.rule} has {own.found / own.asked:.2f} times the asked false alarms"
        for own in outcomes[:ours]
        if not 1 / WITHIN <= own.found / own.asked <= WITHIN
    ]
    first = outcomes[0]
    told += [
        f"{first.group}: {peer.rule} is earlier at a shift of {shift:g}"
        for peer in outcomes[ours:]
        for shift in SHIFTS
        if peer.delays[shift] <= first.delays[shift]
    ]
    return told


@click.command()
@click.option("--rule", "kinds", multiple=True, default=tuple(RULES), show_default=True)
@click.option("--group", "named", multiple=True, help="Only this group; may be repeated.")
@click.option("--false-alarms", "rate", default="1 per 7d", show_default=True)
@click.option("--days", default=720, show_default=True, help="Without a turn.")
@click.option("--rounds", default=20, show_default=True, help="Turns of each key.")
@click.option("--seed", default=1_001, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def main(
    kinds: tuple[str, ...],
    named: tuple[str, ...],
    rate: str,
    days: int,
    rounds: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure, print a table, and say what is out of bounds."""
    table = Table("group", "rule", "asked", "found", "alarms", *(f"x{shift:g}" for shift in SHIFTS))
    failed = []
    for group in read_groups():
        if named and group.name not in named:
            continue
        rules = [rule_of(kind, group, rate) for kind in kinds]
        outcomes = race(np.random.default_rng(seed), group, rules, days, rounds)
        failed += failures(outcomes, len(rules))
        for outcome in outcomes:
            if as_json:
                click.echo(json.dumps(asdict(outcome)))
            table.add_row(
                outcome.group,
                outcome.rule,
                f"{30 * outcome.asked:.2f}",
                f"{30 * outcome.found:.2f}",
                str(outcome.alarms),
                *(f"{outcome.delays[shift]:.0f}" for shift in SHIFTS),
            )
        click.echo(f"{group.name}: done", err=True)
    if not as_json:
        Console(width=160 if not sys.stdout.isatty() else None).print(table)
        click.echo("False alarms per 30 days; delays in hours, by the odds of a negative story.")
    for line in failed:
        click.echo(line, err=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
