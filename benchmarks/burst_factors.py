"""Write the table of `alerts/detectors/burst_grid.py`: ten minutes of one core an odds ratio.

python -m benchmarks.burst_factors 2.5 4
"""

import math
from multiprocessing import Pool
from pathlib import Path

import click

from alerts.detectors import burst_grid
from alerts.detectors.burst_grid import Point, encode_table, simulated
from alerts.detectors.cusum import LEAST_USUAL, MOST_USUAL


def points() -> list[Point]:
    """Every point that a rule can come to."""
    edges = (round(2 * math.log(share / (1 - share))) for share in (LEAST_USUAL, MOST_USUAL))
    first, last = edges
    buckets = range(round(math.log2(burst_grid.MOST_BUCKET_STORIES)) + 1)
    bursts = range(round(math.log2(1 + burst_grid.MOST_BURST_STORIES / 2)) + 1)
    least = round(math.log2(burst_grid.LEAST_CORRELATION))
    correlations = range(least, round(math.log2(burst_grid.MOST_CORRELATION)) + 1)
    found = []
    for half_logits in range(first, last + 1):
        for bucket in buckets:
            found.append(Point(half_logits, None, bucket, bucket))
            for correlation in correlations:
                for burst in bursts:
                    if burst >= bucket:
                        found.append(Point(half_logits, correlation, burst, bucket))
    return found


def _simulate(asked: tuple[float, Point]) -> float:
    odds_ratio, point = asked
    return round(simulated(point, odds_ratio), 4)


@click.command()
@click.argument("odds_ratios", type=float, nargs=-1, required=True)
@click.option("--processes", default=2, show_default=True)
def main(odds_ratios: tuple[float, ...], processes: int) -> None:
    """Simulate every point of the grid for ODDS_RATIOS."""
    asked = [(odds_ratio, point) for odds_ratio in odds_ratios for point in points()]
    with Pool(processes) as pool, click.progressbar(length=len(asked), label="points") as bar:
        values = []
        for value in pool.imap(_simulate, asked, chunksize=16):
            values.append(value)
            bar.update(1)
    path = Path(burst_grid.__file__).with_name(burst_grid.TABLE)
    path.write_bytes(encode_table(dict(zip(asked, values, strict=True))))
    click.echo(f"{path}: {len(values)} points")


if __name__ == "__main__":
    main()
