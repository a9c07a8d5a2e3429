"""The rules of the first day."""

import random
from typing import Any, cast

from ruamel.yaml import YAML

from alerts.crowd import Crowd
from alerts.fold import Transition, fold
from alerts.rules import AnyRule, RuleFile
from alerts.series import BUCKET_SECONDS, Bucket
from alerts.surroundings import Surroundings, has_crowd
from tests.paths import ROOT
from tests.unit.alerts.records import DAY, HOUR, START, bucket


def default_rules() -> RuleFile:
    text = (ROOT / "alerts" / "default_rules.yaml").read_text(encoding="utf-8")
    plain = cast("dict[str, Any]", YAML(typ="safe").load(text))
    return RuleFile.model_validate(plain)


def counting_rules() -> list[AnyRule]:
    """Those that look at all stories: `critical` is given only those that are surely bad."""
    return [rule for rule in default_rules().rules if rule.detector != "critical"]


def run(dimension: str, buckets: list[Bucket], through: int) -> list[Transition]:
    return [
        found
        for rule in counting_rules()
        if rule.dimension == dimension
        for found in fold(rule, None, "key", buckets, through)[1]
    ]


def stories(
    seed: int, start: int, seconds: int, count: int, negative_share: float
) -> dict[int, list[bool]]:
    """Whether negative, by bucket; at random times."""
    source = random.Random(seed)
    found: dict[int, list[bool]] = {}
    for _ in range(count):
        at = start + source.randrange(seconds) // BUCKET_SECONDS * BUCKET_SECONDS
        found.setdefault(at, []).append(source.random() < negative_share)
    return found


def as_buckets(*parts: dict[int, list[bool]]) -> list[Bucket]:
    joined: dict[int, list[bool]] = {}
    for part in parts:
        for start, flags in part.items():
            joined.setdefault(start, []).extend(flags)
    return [bucket(at, sum(f), len(f) - sum(f)) for at, f in sorted(joined.items())]


def test_every_dimension_of_a_desk_is_watched() -> None:
    assert {rule.dimension for rule in default_rules().rules} == {
        "all",
        "topic",
        "entity",
        "theme",
        "source",
    }


def test_a_source_is_asked_for_its_tone_alone() -> None:
    surges = [rule for rule in default_rules().rules if rule.detector == "surge"]
    assert {rule.dimension for rule in surges if rule.ask == "tone"} == {"source"}


def test_a_crisis_at_a_company_fires_within_its_first_hour() -> None:
    week = stories(1, START, 7 * DAY, 50, 0.15)
    crisis = stories(2, START + 7 * DAY, 3 * HOUR, 90, 0.95)
    found = run("entity", as_buckets(week, crisis), START + 7 * DAY + 3 * HOUR)
    first = min(item.bucket for item in found if item.event == "firing")
    assert START + 7 * DAY <= first <= START + 7 * DAY + HOUR


def usual_news(dimension: str, a_day: float) -> dict[str, list[Bucket]]:
    """Eight keys (one of all news) over half a year, whose tone and volume move from day to day as
    news does."""
    found = {}
    for number in range(1 if dimension == "all" else 8):
        source = random.Random(f"{dimension}{number}")
        share = source.uniform(0.1, 0.5)
        days = []
        for day in range(180):
            busy = source.gammavariate(1 / 0.3**2, 0.3**2)
            tone = min(0.95, max(0.02, source.gauss(share, 0.04)))
            count = round(source.gauss(a_day * busy, (a_day * busy) ** 0.5))
            days.append(
                stories(source.randrange(10**9), START + day * DAY, DAY, max(0, count), tone)
            )
        found[f"key {number}"] = as_buckets(*days)
    return found


def test_half_a_year_of_usual_news_raises_no_more_alarms_than_were_asked_for() -> None:
    through = START + 180 * DAY
    news = {
        dimension: usual_news(dimension, a_day)
        for dimension, a_day in (
            ("entity", 1.5),
            ("theme", 12),
            ("topic", 25),
            ("source", 40),
            ("all", 120),
        )
    }
    for rule in counting_rules():
        found = {key: own for key, own in news[rule.dimension].items() if rule.watches(key)}
        shares = Crowd().advance(rule, found, through) if has_crowd(rule) else []
        around = Surroundings(rule, shares)
        alerts = sum(
            item.event == "firing"
            for key, own in found.items()
            for item in fold(rule, None, key, own, through, START, around)[1]
        )
        asked = 180 * (getattr(rule, "false_alarms", None) or 0)
        assert alerts <= 1.5 * asked + 1, f"{rule.name}: {alerts} alerts, asked for {asked:.0f}"
