"""The settings that are tried for a kind of detector on a dimension: few, and all stated here."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alerts.rules import AnyRule, CusumRule, RuleFile, SurgeRule, VolumeRule

DETECTORS: Mapping[str, type[SurgeRule | CusumRule | VolumeRule]] = {
    "surge": SurgeRule,
    "cusum": CusumRule,
    "volume": VolumeRule,
}
ASKS = (1.0, 2.0, 0.5)
"""Of what the budget leaves for the rule. What is asked is not what comes, so that twice as much
may still keep within the budget, and half of it may be needed to."""
WINDOWS = ("48h", "24h", "6h")
ODDS_RATIOS = (2.5, 1.8, 4.0)
CUSUM_WINDOWS = {"entity": "72h", "topic": "24h"}
"""What an alert rests on. A sum passes its limit where the window may hold too little news, so that
a key with little news needs a long one; other dimensions have two days."""
NAMES = {"entity": "company"}
_DIMENSIONS: dict[str, dict[str, Any]] = {
    "entity": {"min_negative": 4, "min_stories": 4, "prior_negative": 0.5},
    "theme": {"min_negative": 4, "min_stories": 4, "prior_stories": 4, "cooldown": "24h"},
    "topic": {"min_negative": 5, "min_stories": 6, "prior_stories": 4, "cooldown": "24h"},
    "source": {
        "ask": "tone",
        "min_negative": 15,
        "min_stories": 20,
        "prior_stories": 4,
        "cooldown": "24h",
    },
    "language": {"min_negative": 20, "min_stories": 30, "cooldown": "24h"},
    "all": {"min_negative": 20, "min_stories": 30, "cooldown": "24h"},
}
"""What is not tried: news enough for a share to say something, and what a key begins with."""
_HOURS_A_YEAR = 366 * 24


@dataclass(frozen=True, slots=True)
class Candidate:
    """A rule, and the same as it is written in a rule file."""

    rule: AnyRule
    fields: Mapping[str, Any]


def candidates(detector: str, dimension: str, rate: float) -> list[Candidate]:
    """What is tried; `rate` is what the budget leaves for the rule, in alarms a day. Those
    that ask for no more and no less than that stand first, but of `cusum`."""
    found: dict[str, Candidate] = {}
    model = DETECTORS[detector]
    tried: Iterable[tuple[float, dict[str, str | float]]] = (
        (ask, {"window": window}) for ask in ASKS for window in WINDOWS
    )
    if detector == "cusum":
        # What it costs to measure the law of an odds ratio, it costs once.
        tried = (
            (ask, {"window": CUSUM_WINDOWS.get(dimension, "48h"), "odds_ratio": ratio})
            for ratio in ODDS_RATIOS
            for ask in ASKS
        )
    for ask, settings in tried:
        fields: dict[str, Any] = {
            "name": f"{NAMES.get(dimension, dimension)}-{detector}",
            "detector": detector,
            "dimension": dimension,
            **settings,
            "baseline": "28d",
            "false_alarms": rate_text(ask * rate),
        }
        common = _DIMENSIONS[dimension].items()
        fields |= {name: value for name, value in common if name in model.model_fields}
        found.setdefault(str(fields), Candidate(model.model_validate(fields), fields))
    return list(found.values())


def rate_text(rate: float) -> str:
    """Alarms a day as a rule file has them, no more of them than was given, within its bounds."""
    if rate >= 24:
        return f"{min(100, int(rate))} per day"
    hours = min(_HOURS_A_YEAR, math.ceil(24 / rate - 1e-6)) if rate > 0 else _HOURS_A_YEAR
    if hours > 20 * 24:  # an hour more or less is nothing to that
        hours = 24 * math.ceil(hours / 24)
    return f"1 per {hours}h" if hours % 24 else f"1 per {hours // 24}d"


def file_text(chosen: Sequence[Candidate]) -> str:
    """The rules as a rule file; empty where there are none."""
    if not chosen:
        return ""
    RuleFile.model_validate({"rules": [item.fields for item in chosen]})
    lines = ["rules:"]
    for item in chosen:
        for name, value in item.fields.items():
            lines.append(f"  {'- ' if name == 'name' else '  '}{name}: {value}")
    return "\n".join(lines) + "\n"
