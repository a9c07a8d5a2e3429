"""What news streams are like: seasons, bursts and over-dispersion, fitted to stored archives.

    undertone backfill --data-dir var/flash flash-2026.jsonl.gz
    python -m benchmarks.stream_fit flash=sqlite:///var/flash/undertone.db > benchmarks/streams.json

Only numbers come out, no text and no name of a key. The model is that of `benchmarks/streams.py`;
the fit is by moments. With n stories in a span of W, of which c are negative, and the season's
expectations m and p:

- n (n - 1) - m^2 counts pairs of stories of one burst. Over spans of two days it gives the size of
  bursts; how much of it is left over spans of two hours gives how long they last.
- (c - n p)^2 - n p (1 - p), over the same pairs, gives how alike the stories of a burst are.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict

import click
import numpy as np
from numpy.typing import NDArray

from alerts.series import Bucket
from benchmarks.streams import HOUR_SECONDS, WEEK_HOURS, Group, Key, hour_of_week
from monitor.store.engine import open_store
from monitor.store.readers import series
from monitor.store.watch import watched_stretches

LONG_HOURS, SHORT_HOURS = 48, 2
LEAST_STORIES = 5
"""A key with fewer is left out."""
OWN_FIT_STORIES = 400
"""A key with fewer has the burst of its group."""
SEASON_STORIES = 40.0
"""An hour of the week is shrunk to its neighbours by so many stories of the usual."""
DURATIONS_HOURS = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)

Counts = NDArray[np.float64]


def hourly(buckets: list[Bucket], first: int, last: int) -> tuple[Counts, Counts]:
    """Stories and negative ones by hour."""
    begin = first // HOUR_SECONDS
    found = np.zeros((2, last // HOUR_SECONDS - begin + 1))
    for bucket in buckets:
        place = bucket.start // HOUR_SECONDS - begin
        if 0 <= place < found.shape[1]:
            found[:, place] += bucket.stories, bucket.negative
    return found[0], found[1]


def season(stories: Counts, negative: Counts, hours: NDArray[np.int64]) -> tuple[Counts, Counts]:
    """By hour of the week: news, over its mean; odds of a negative story, over the usual ones."""
    watched = np.bincount(hours, minlength=WEEK_HOURS).astype(float)
    told = np.bincount(hours, stories, WEEK_HOURS)
    bad = np.bincount(hours, negative, WEEK_HOURS)
    mean, share = stories.mean(), negative.sum() / stories.sum()
    rate = (told + SEASON_STORIES) / (watched * mean + SEASON_STORIES)
    shrunk = (bad + SEASON_STORIES * share) / (told + SEASON_STORIES)
    odds = shrunk / (1 - shrunk) / (share / (1 - share))
    return rate / rate.mean(), odds


def summed(values: Counts, hours: int) -> Counts:
    """Over spans of so many hours, side by side; what is left over is left out."""
    whole = len(values) // hours * hours
    return np.asarray(values[:whole].reshape(-1, hours).sum(1))


def pairs_kept(duration_hours: float, span_hours: float) -> float:
    """Share of a burst's pairs that lie in one span: their distance is Laplace-distributed."""
    ratio = duration_hours / span_hours
    return float(1 - ratio * -np.expm1(-1 / ratio))


def burst(
    stories: Counts, negative: Counts, expected: Counts, share: Counts
) -> tuple[float, float, float, float]:
    """Pairs of one burst over long and over short spans, stories, and excess of the labels."""
    found = []
    for span in (LONG_HOURS, SHORT_HOURS):
        told, mean = summed(stories, span), summed(expected, span)
        mean *= told.sum() / mean.sum()
        found.append(float((told * (told - 1) - mean**2).sum()))
    told, bad = summed(stories, LONG_HOURS), summed(negative, LONG_HOURS)
    likely = summed(stories * share, LONG_HOURS)
    likely *= bad.sum() / max(likely.sum(), 1e-9)
    usual = likely / np.maximum(told, 1)
    spread = likely * (1 - usual)
    overall = bad.sum() / told.sum()
    variance = max(1e-3, overall * (1 - overall))
    excess = float(((bad - likely) ** 2 - spread).sum() / variance)
    return found[0], found[1], float(told.sum()), excess


def described(long: float, short: float, stories: float, excess: float) -> tuple[float, ...]:
    """Stories of a burst, how alike they are, and how long it lasts, from its moments."""
    left = short / long if long > 0 else 1.0
    duration = min(
        DURATIONS_HOURS,
        key=lambda hours: abs(
            pairs_kept(hours, SHORT_HOURS) / pairs_kept(hours, LONG_HOURS) - left
        ),
    )
    pairs = max(0.0, long) / pairs_kept(duration, LONG_HOURS)
    # Sizes are geometric: a story has 2 (size - 1) others of its burst, on average.
    size = 1 + min(20.0, pairs / max(1.0, stories) / 2)
    alike = min(0.8, max(0.0, excess / pairs)) if pairs > 0.05 * stories else 0.0
    return round(size, 2), round(alike, 3), duration


def fitted(name: str, found: dict[str, list[Bucket]], first: int, last: int) -> Group:
    """A group of keys: one season, and each its own volume, share and bursts."""
    hours = np.array(
        [hour_of_week(at) for at in range(first - first % HOUR_SECONDS, last + 1, HOUR_SECONDS)]
    )
    counts = {key: hourly(buckets, first, last) for key, buckets in found.items()}
    counts = {key: own for key, own in counts.items() if own[0].sum() >= LEAST_STORIES}
    together = np.sum([np.array(own) for own in counts.values()], axis=0)
    rate, odds = season(together[0], together[1], hours)
    overall = together[1].sum() / together[0].sum()
    weeks = len(hours) / WEEK_HOURS
    keys, moments, own_burst = [], [], []
    for stories, negative in counts.values():
        share = (negative.sum() + 4 * overall) / (stories.sum() + 4)
        likely = odds[hours] * share / (1 - share)
        found_moments = burst(stories, negative, rate[hours], likely / (1 + likely))
        moments.append(found_moments)
        own_burst.append(stories.sum() >= OWN_FIT_STORIES)
        keys.append((stories.sum() / weeks, share))
    pooled = described(*np.sum(moments, axis=0))
    return Group(
        name,
        [round(float(value), 2) for value in rate],
        [round(float(value), 2) for value in odds],
        [
            Key(
                round(float(volume), 2),
                round(float(share), 3),
                *(described(*own) if sure else pooled),
            )
            for (volume, share), own, sure in zip(keys, moments, own_burst, strict=True)
        ],
    )


def groups(name: str, url: str) -> Iterator[Group]:
    """Those of one store."""
    engine = open_store(url)
    stretch = max(watched_stretches(engine), key=lambda item: item.last - item.first)
    for dimension in ("topic", "entity"):
        found = series(engine, dimension, stretch.first - 1, stretch.last)
        yield fitted(f"{name} {dimension}", found, stretch.first, stretch.last)


@click.command()
@click.argument("stores", nargs=-1, required=True)
def main(stores: tuple[str, ...]) -> None:
    """Fit the stores, each given as NAME=URL, and print what was found."""
    found = [group for store in stores for group in groups(*store.split("=", 1))]
    rows = []
    for group in found:
        fields = asdict(group)
        fields["keys"] = [list(asdict(key).values()) for key in group.keys]
        rows.append(
            "{\n" + ",\n".join(f'  "{k}": {json.dumps(v)}' for k, v in fields.items()) + "\n}"
        )
    click.echo("[" + ",\n".join(rows) + "]")


if __name__ == "__main__":
    main()
