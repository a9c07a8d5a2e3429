"""Whether the CUSUM's false alarms come as seldom as was asked, and its alarms as early as can be.

    python -m benchmarks.detection [--alarms 4000] [--seed 1]

Streams of Bernoulli stories: run length on usual news, and delay in the worst case (the turn comes
while the sum is at 0), against the least that is possible at that run length. Then stories in
bursts, alike among themselves, that are looked at a bucket at a time: run length against the asked
one. Ends with status 1 where a figure is out of bounds.
"""

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from alerts.detectors.cusum import threshold as burst_threshold
from alerts.detectors.run_length import design_effect, exact_threshold

# Usual and turned share, and the exact CUSUM's delay at run lengths of 10^3, 10^4 and 10^5.
SHIFTS = (
    (0.1, 0.2, (62.5, 111.0, 163.0)),
    (0.2, 0.3, (86.9, 163.0, 244.0)),
    (0.2, 0.4, (34.5, 55.9, 77.8)),
    (0.2, 0.5, (19.6, 29.5, 39.9)),
    (0.3, 0.5, (40.3, 65.9, 92.1)),
)
RUN_LENGTHS = (1_000, 10_000, 100_000)
RUN_LENGTH_WITHIN = 0.10
BURSTS_WITHIN = 1.5
"""A factor."""
DELAY_WITHIN = 0.05
# Correlation within a burst, mean stories of a burst, stories of a bucket.
BURSTS = ((0.02, 4, 1), (0.05, 4, 2), (0.05, 16, 4), (0.2, 4, 2), (0.2, 16, 4))
BURST_SHIFT = (0.2, 0.4)
BURST_RUN_LENGTHS = (3_000, 30_000)


@dataclass(frozen=True)
class Row:
    """What was asked and what was measured; `delay` in stories, `least` the exact CUSUM's."""

    name: str
    asked: int
    threshold: float
    run_length: float
    error: float
    """Standard error of the run length, of itself."""
    delay: float | None = None
    least: float | None = None

    @property
    def holds(self) -> bool:
        if self.delay is None or self.least is None:
            return 1 / BURSTS_WITHIN <= self.run_length / self.asked <= BURSTS_WITHIN
        run_holds = abs(self.run_length / self.asked - 1) <= RUN_LENGTH_WITHIN
        return run_holds and abs(self.delay / self.least - 1) <= DELAY_WITHIN


def stories_to_alarm(
    source: np.random.Generator,
    share: float,
    usual: float,
    turned: float,
    limit: float,
    streams: int,
) -> float:
    """Mean stories from a sum of 0 to the alarm, when `share` of them are negative."""
    up, down = math.log(turned / usual), math.log((1 - turned) / (1 - usual))
    steps = np.array([down, up], dtype=np.float32)
    total = np.zeros(streams, dtype=np.float32)
    told = 0
    while len(total):
        told += len(total)
        total += steps[(source.random(len(total), dtype=np.float32) < share).view(np.int8)]
        np.maximum(total, 0, out=total)
        if total.max() > limit:
            total = total[total <= limit]
    return told / streams


def bursts_to_alarm(
    source: np.random.Generator,
    correlation: float,
    burst_stories: float,
    bucket_stories: float,
    limit: float,
    streams: int,
) -> float:
    """Mean stories to the alarm where every burst has a share of its own, drawn from a Beta.

    A bucket holds one story and a Poisson number more; the sum is looked at where it ends.
    """
    usual, turned = BURST_SHIFT
    trust = 1 / correlation - 1
    alike = design_effect(correlation, burst_stories)
    up, down = math.log(turned / usual) / alike, math.log((1 - turned) / (1 - usual)) / alike
    total = np.zeros(streams)
    own = source.beta(usual * trust, (1 - usual) * trust, streams)
    seen = 0
    while len(total):
        stories = 1 + source.poisson(bucket_stories - 1, len(total))
        negative = source.binomial(stories, own)
        total = np.maximum(total + negative * up + (stories - negative) * down, 0)
        seen += int(stories.sum())
        over = source.random(len(total)) < bucket_stories / burst_stories
        own[over] = source.beta(usual * trust, (1 - usual) * trust, int(over.sum()))
        going = total <= limit
        total, own = total[going], own[going]
    return seen / streams


def independent(source: np.random.Generator, alarms: int) -> Iterator[Row]:
    """The rows of independent stories."""
    for usual, turned, delays in SHIFTS:
        for asked, least in zip(RUN_LENGTHS, delays, strict=True):
            limit = exact_threshold(asked, usual, turned)
            measured = stories_to_alarm(source, usual, usual, turned, limit, alarms)
            name = f"{usual:.0%} to {turned:.0%}"
            late = stories_to_alarm(source, turned, usual, turned, limit, 20_000)
            yield Row(name, asked, limit, measured, alarms**-0.5, late, least)


def in_bursts(source: np.random.Generator, alarms: int) -> Iterator[Row]:
    """The rows of stories in bursts."""
    usual, turned = BURST_SHIFT
    odds_ratio = turned / (1 - turned) / (usual / (1 - usual))
    for correlation, burst, bucket in BURSTS:
        for asked in BURST_RUN_LENGTHS:
            alike, others = design_effect(correlation, burst), 2 * (burst - 1)
            limit = burst_threshold(asked, usual, odds_ratio, alike, others, bucket)
            measured = bursts_to_alarm(source, correlation, burst, bucket, limit, alarms)
            name = f"{usual:.0%} to {turned:.0%}, bursts of {burst} alike by {correlation}"
            yield Row(f"{name}, {bucket} a bucket", asked, limit, measured, alarms**-0.5)


@click.command()
@click.option(
    "--alarms", default=4_000, show_default=True, help="Streams a row, each to its first alarm."
)
@click.option("--seed", default=1, show_default=True)
def main(alarms: int, seed: int) -> None:
    """Measure run lengths and delays, a row as it comes, and say whether all are within bounds."""
    source = np.random.default_rng(seed)
    table = Table("turn", "asked", "threshold", "measured", "delay", "least", "holds", box=None)
    console = Console(width=160 if not sys.stdout.isatty() else None)
    failed = 0
    for rows in (independent(source, alarms), in_bursts(source, alarms // 2)):
        for row in rows:
            failed += not row.holds
            table.add_row(
                row.name,
                f"{row.asked:,}",
                f"{row.threshold:.3f}",
                f"{row.run_length:,.0f} ± {1.96 * row.error:.1%}",
                f"{row.delay:.1f}" if row.delay is not None else "",
                f"{row.least:.1f}" if row.least is not None else "",
                "yes" if row.holds else "NO",
            )
            click.echo(".", nl=False, err=True)
    click.echo(err=True)
    console.print(table)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
