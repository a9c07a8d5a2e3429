"""The factor by which bursts lengthen a CUSUM's run, at the nearest point of a grid.

It hardly changes from point to point, and a usual share that moves a little costs nothing. A point
takes a quarter of a second to simulate; `burst_factors.json` holds those of common odds ratios, as
`python -m benchmarks.burst_factors` wrote them.
"""

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import msgspec

from alerts.detectors import run_length
from alerts.season import moved

LEAST_CORRELATION, MOST_CORRELATION = 0.01, 0.5
MOST_BURST_STORIES = 64
MOST_BUCKET_STORIES = 32
TABLE = "burst_factors.json"


@dataclass(frozen=True, slots=True)
class Point:
    """All but the first as powers of two; `correlation` None: of independent stories."""

    half_logits: int
    """Of the usual share: twice the log of its odds."""
    correlation: int | None
    burst: int
    bucket: int

    @property
    def usual(self) -> float:
        return 1 / (1 + math.exp(-self.half_logits / 2))


def nearest(usual: float, alike: float, others: float, bucket_stories: float) -> Point:
    """For stories of which `alike` count as one, since each has `others` beside it that are like
    it, looked at `bucket_stories` at a time."""
    half_logits = round(2 * math.log(usual / (1 - usual)))
    bucket = round(math.log2(min(bucket_stories, MOST_BUCKET_STORIES)))
    correlation = min(MOST_CORRELATION, (alike - 1) / max(1.0, others))
    if correlation <= LEAST_CORRELATION:
        return Point(half_logits, None, bucket, bucket)
    burst = round(math.log2(1 + min(others, MOST_BURST_STORIES) / 2))
    return Point(half_logits, round(math.log2(correlation)), max(burst, bucket), bucket)


def factor(point: Point, odds_ratio: float) -> float:
    """From the table where it has the point, else simulated."""
    known = _table().get((odds_ratio, point))
    return simulated(point, odds_ratio) if known is None else known


def simulated(point: Point, odds_ratio: float) -> float:
    """With the steps of a turn to `odds_ratio` times the usual odds."""
    usual = point.usual
    turned = moved(usual, odds_ratio)
    if point.correlation is None and point.bucket == 0:
        return run_length.overshoot_factor(usual, turned)
    correlation = 0.0 if point.correlation is None else 2.0**point.correlation
    burst, bucket = 2.0**point.burst, 2**point.bucket
    return run_length.burst_factor(usual, turned, correlation, burst, bucket)


def encode_table(found: dict[tuple[float, Point], float]) -> bytes:
    """One row a line: odds ratio, the point's four numbers, factor."""
    rows = [
        msgspec.json.encode(
            (odds, point.half_logits, point.correlation, point.burst, point.bucket, value)
        )
        for (odds, point), value in found.items()
    ]
    return b"[\n" + b",\n".join(rows) + b"\n]\n"


@cache
def _table() -> dict[tuple[float, Point], float]:
    raw = (files("alerts.detectors") / TABLE).read_bytes()
    rows = msgspec.json.decode(raw, type=list[tuple[float, int, int | None, int, int, float]])
    return {(odds, Point(*rest)): value for odds, *rest, value in rows}  # type: ignore[arg-type]
