"""Measuring several ways of work in turns, so that what slows the machine slows them all."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ROUNDS = 5

Clock = Callable[[], float]
"""Seconds since some moment."""


@dataclass(frozen=True, slots=True)
class Lap:
    """One turn of one way: how much it did in what time."""

    amount: float
    seconds: float

    @property
    def rate(self) -> float:
        return self.amount / self.seconds


Way = Callable[[int], float]
"""Does the work of a round, given its number, and returns how much that was."""


def in_turns(ways: Mapping[str, Way], rounds: int, clock: Clock) -> dict[str, list[Lap]]:
    """Each way once a round, for all rounds."""
    laps: dict[str, list[Lap]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            started = clock()
            amount = way(number)
            laps[name].append(Lap(amount, max(clock() - started, 1e-9)))
    return laps


def repeated(once: Callable[[], float], seconds: float, clock: Clock) -> Way:
    """A way that does the same until its time is over, at least once."""

    def way(number: int) -> float:
        until = clock() + seconds
        amount = once()
        while clock() < until:
            amount += once()
        return amount

    return way


def fitting(
    work: Callable[[int], object], probe: int, most: int, seconds: float, clock: Clock
) -> int:
    """How many items `work` does in `seconds`, from 1 to `most`; found with `probe` of them, after
    as many to warm up."""
    probe = min(probe, most)
    work(probe)
    started = clock()
    work(probe)
    each = max(clock() - started, 1e-9) / probe
    return max(1, min(most, int(seconds / each)))


def median_rate(laps: Sequence[Lap]) -> float:
    return statistics.median(lap.rate for lap in laps)


def median_ratio(laps: Sequence[Lap], others: Sequence[Lap]) -> float:
    """How many times the others' rate, round by round."""
    return statistics.median(lap.rate / other.rate for lap, other in zip(laps, others, strict=True))
