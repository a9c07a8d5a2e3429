"""Which faults happen when: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

KILLED = ("ingest", "score", "aggregate", "detect", "notify")
STOPPED = ("score", "aggregate", "detect", "ingest")

WEIGHTS = {
    "kill": 10,
    "stop": 3,
    "rolling restart": 1,
    "broker killed": 3,
    "broker stalled": 2,
    "controller killed": 2,
    "all brokers down": 1,
    "database restarted": 3,
    "database read-only": 2,
    "disk full": 2,
    "network cut": 3,
    "network slow": 2,
    "clock jump": 2,
    "duplicates": 3,
    "out of order": 3,
}
"""Every kind of fault, and how often it is drawn beside the others."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong `at_seconds` after the start, for `lasts_seconds`."""

    at_seconds: float
    kind: str
    target: int
    """Which of those that it can strike; taken modulo how many there are."""
    lasts_seconds: float

    def __str__(self) -> str:
        return f"{self.at_seconds:.1f} s: {self.kind} #{self.target} for {self.lasts_seconds:.1f} s"


def draw(seed: int, count: int, gap_seconds: float, kinds: Sequence[str] = ()) -> list[Fault]:
    """So many faults, on average `gap_seconds` apart; every kind comes once before chance decides.

    A stop lasts longer than a consumer's session and its poll interval.
    """
    source = random.Random(seed)
    names = list(kinds or WEIGHTS)
    order = source.sample(names, len(names))[:count]
    order += source.choices(names, [WEIGHTS[name] for name in names], k=count - len(order))
    at = 0.0
    faults: list[Fault] = []
    for kind in order:
        at += source.uniform(0.4, 1.6) * gap_seconds
        lasts = source.uniform(13, 16) if kind == "stop" else source.uniform(0.5, 4)
        faults.append(Fault(at, kind, source.randrange(1_000), lasts))
    return faults
