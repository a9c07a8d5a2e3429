"""Public feeds that the product polls where nobody has named others.

Addresses are facts that publishers state; any of them may move or close, which then shows as that
feed's error. Intervals follow how often a publisher writes, time zones where it sits.
"""

from __future__ import annotations

from importlib.resources import files

from pydantic import TypeAdapter

from ingest.feeds.settings import FeedSettings


def default_feeds() -> list[FeedSettings]:
    """Central banks, regulators, exchanges and financial press, English and Chinese."""
    data = files("ingest.feeds").joinpath("default_feeds.json").read_bytes()
    return TypeAdapter(list[FeedSettings]).validate_json(data)
