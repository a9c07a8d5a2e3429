"""Which faults happen when: drawn from a seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

KILLED = ("ingest", "score", "aggregate", "detect", "notify")
STOPPED = ("score", "aggregate", "detect", "ingest", "notify")

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
    "network silent": 2,
    "clock jump": 2,
    "duplicates": 3,
    "out of order": 3,
}
"""Every kind of fault, and how often it is drawn beside the others."""
LASTS_SECONDS = {"stop": (13.0, 16.0), "network silent": (5.0, 30.0)}
"""A stop is longer than a consumer's session and its poll interval; a silence now and then than a
lease, and than a connection may be silent where TCP can tell."""
USUALLY_LASTS_SECONDS = (0.5, 4.0)


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
    """So many faults, about `gap_seconds` apart; each kind comes once before chance decides."""
    source = random.Random(seed)
    names = list(kinds or WEIGHTS)
    order = source.sample(names, len(names))[:count]
    order += source.choices(names, [WEIGHTS[name] for name in names], k=count - len(order))
    at = 0.0
    faults: list[Fault] = []
    for kind in order:
        at += source.uniform(0.4, 1.6) * gap_seconds
        lasts = source.uniform(*LASTS_SECONDS.get(kind, USUALLY_LASTS_SECONDS))
        faults.append(Fault(at, kind, source.randrange(1_000), lasts))
    return faults
