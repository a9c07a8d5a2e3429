"""How long a text waits for its score."""

from collections.abc import Callable, Sequence

import numpy as np

from monitor.bench.rounds import Clock


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """The median, the 95th and the 99th percentile, in milliseconds."""
    found = np.asarray(seconds) * 1_000
    return {f"p{name}": round(float(np.percentile(found, name)), 2) for name in (50, 95, 99)}


def poisson_arrivals(per_second: float, seconds: float, seed: int) -> list[float]:
    """Moments from 0 to `seconds` at which texts arrive by chance, `per_second` on average."""
    chance = np.random.default_rng(seed)
    count = chance.poisson(per_second * seconds)
    return [float(moment) for moment in np.sort(chance.uniform(0, seconds, count))]


def served(
    arrivals: Sequence[float],
    serve: Callable[[int, int], object],
    max_batch: int,
    clock: Clock,
    sleep: Callable[[float], object],
) -> list[float]:
    """Seconds from the arrival of each text to its answer, where all that wait are served together.

    `serve` answers the texts from its first number up to its second.
    """
    started = clock()
    waits: list[float] = []
    while len(waits) < len(arrivals):
        first = len(waits)
        now = clock() - started
        if arrivals[first] > now:
            sleep(arrivals[first] - now)
            continue
        last = first + 1
        while last < len(arrivals) and last - first < max_batch and arrivals[last] <= now:
            last += 1
        serve(first, last)
        done = clock() - started
        waits += [done - arrivals[index] for index in range(first, last)]
    return waits
