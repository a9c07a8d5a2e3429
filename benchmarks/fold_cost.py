"""What rules with a budget cost over months of news of a thousand keys.

    python -m benchmarks.fold_cost [--keys 1000] [--days 90] [--times 1]

The keys are the companies of real flash news over and over (`benchmarks/streams.py`), each so many
times as often in the news. Processor time of one rule: its budget is shared day by day, then every
key is folded, as in `undertone backtest`.
"""

import json
import time
from dataclasses import replace

import click
import numpy as np

from alerts.crowd import Crowd
from alerts.fold import fold
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.surroundings import Surroundings
from benchmarks.bursty_detection import START, key_name, rule_of
from benchmarks.peers import DAY
from benchmarks.streams import Group, read_groups, stream


def news(keys: int, days: int, times: float) -> tuple[Group, dict[str, list[Bucket]]]:
    """The keys' group, and their non-empty buckets."""
    source = np.random.default_rng(1)
    group = next(group for group in read_groups() if group.name == "flash entity")
    busy = [replace(key, stories_a_week=key.stories_a_week * times) for key in group.keys]
    return group, {
        key_name(number): stream(source, group, busy[number % len(busy)], START, days)
        for number in range(keys)
    }


@click.command()
@click.option("--keys", default=1_000, show_default=True)
@click.option("--days", default=90, show_default=True)
@click.option("--times", default=1.0, show_default=True, help="As often in the news.")
@click.option("--rule", "kinds", multiple=True, default=["surge", "cusum"], show_default=True)
def main(keys: int, days: int, times: float, kinds: tuple[str, ...]) -> None:
    """Print seconds of processor time, a JSON object a rule."""
    group, found = news(keys, days, times)
    last = START + days * DAY - BUCKET_SECONDS
    for kind in kinds:
        rule = rule_of(kind, group, "1 per day")
        began = time.process_time()
        shares = Crowd().advance(rule, found, last)
        shared = time.process_time()
        around = Surroundings(rule, shares)
        alarms = sum(
            item.event == "firing"
            for key, buckets in found.items()
            for item in fold(rule, None, key, buckets, last, START, around)[1]
        )
        told = {
            "rule": kind,
            "buckets": sum(map(len, found.values())),
            "sharing_seconds": round(shared - began, 1),
            "folding_seconds": round(time.process_time() - shared, 1),
            "alarms": alarms,
        }
        click.echo(json.dumps(told))


if __name__ == "__main__":
    main()
