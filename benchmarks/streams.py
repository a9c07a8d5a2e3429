"""News streams like real ones: seasonal by hour of the week, in bursts that are of one tone.

Bursts of a key begin at a Poisson rate that follows the week. A burst holds a geometric number of
stories, each an exponential time after its beginning, and has a share of negative ones of its own,
Beta-distributed around the key's at that hour (a Neyman-Scott process with beta-binomial marks).
`benchmarks/streams.json` holds the figures of real archives, fitted by `benchmarks/stream_fit.py`.

When a key turns, its negative stories come `odds_ratio` times as often and the others as before.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alerts.series import BUCKET_SECONDS, Bucket

HOUR_SECONDS = 3_600
WEEK_HOURS = 168
MONDAY = 4 * 86_400
"""1970-01-05, seconds since the epoch."""
FITTED = Path(__file__).with_name("streams.json")


@dataclass(frozen=True)
class Key:
    """How one key is in the news."""

    stories_a_week: float
    share: float
    """Of negative stories, at the usual odds of the week."""
    burst_stories: float
    """Mean size of a burst."""
    correlation: float
    """Of the tone of two stories of a burst."""
    burst_hours: float
    """Mean time from the beginning of a burst to a story of it."""


@dataclass(frozen=True)
class Group:
    """Keys that a rule watches together."""

    name: str
    rate: list[float]
    """News by hour of the week, over its mean."""
    odds: list[float]
    """Odds of a negative story by hour of the week, over the usual ones."""
    keys: list[Key]


def hour_of_week(seconds: int) -> int:
    """0 is the first hour of Monday, UTC."""
    return (seconds - MONDAY) // HOUR_SECONDS % WEEK_HOURS


def read_groups(path: Path = FITTED) -> list[Group]:
    """The fitted groups."""
    return [
        Group(item["name"], item["rate"], item["odds"], [Key(*key) for key in item["keys"]])
        for item in json.loads(path.read_text(encoding="utf-8"))
    ]


def stream(
    source: np.random.Generator,
    group: Group,
    key: Key,
    start: int,
    days: int,
    odds_ratio: float = 1.0,
    turns_at: int | None = None,
) -> list[Bucket]:
    """A key's non-empty buckets over so many days from `start`, seconds since the epoch.

    From `turns_at` on negative stories come `odds_ratio` times as often.
    """
    hours = np.arange(days * 24)
    at = start + hours * HOUR_SECONDS
    of_week = np.array([hour_of_week(int(moment)) for moment in at])
    odds = np.array(group.odds)[of_week] * key.share / (1 - key.share)
    share = odds / (1 + odds)
    rate = np.array(group.rate)[of_week] * key.stories_a_week / WEEK_HOURS
    if turns_at is not None:
        turned = at >= turns_at
        more = 1 + share * (odds_ratio - 1)
        rate = np.where(turned, rate * more, rate)
        share = np.where(turned, share * odds_ratio / more, share)
    begun = np.repeat(hours, source.poisson(rate / key.burst_stories))
    sizes = source.geometric(1 / key.burst_stories, len(begun))
    own = _burst_shares(source, share[begun], key.correlation)
    begins = (begun + source.random(len(begun))) * HOUR_SECONDS
    later = source.exponential(key.burst_hours * HOUR_SECONDS, int(sizes.sum()))
    first = np.cumsum(sizes) - sizes
    later[first[sizes > 0]] = 0.0
    told = np.repeat(begins, sizes) + later
    negative = source.random(len(told)) < np.repeat(own, sizes)
    kept = told < days * 86_400
    return _bucketed(told[kept], negative[kept], start)


def _burst_shares(
    source: np.random.Generator, share: NDArray[np.float64], correlation: float
) -> NDArray[np.float64]:
    if not correlation:
        return share
    trust = 1 / correlation - 1
    return source.beta(share * trust, (1 - share) * trust)


def _bucketed(told: NDArray[np.float64], negative: NDArray[np.bool_], start: int) -> list[Bucket]:
    places = (told // BUCKET_SECONDS).astype(int)
    stories = np.bincount(places)
    bad = np.bincount(places, negative, len(stories)).astype(int)
    return [
        Bucket(
            start + int(place) * BUCKET_SECONDS,
            int(stories[place]),
            int(stories[place]),
            int(bad[place]),
            int(stories[place] - bad[place]),
        )
        for place in np.flatnonzero(stories)
    ]
