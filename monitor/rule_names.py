"""Whether the channels and keys that rules name exist: a misspelt one would keep a rule silent."""

import difflib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from alerts.rules import CriticalRule, DivergenceRule, RuleFile
from models.labels import TOPICS
from monitor.failures import UsageError


def check_names(
    path: Path,
    rules: RuleFile,
    channels: Collection[str],
    companies: Collection[str],
    themes: Collection[str],
) -> None:
    """Raise UsageError, with a line a name, for channels, topics, companies and themes that are
    unknown.

    Sources and languages are not checked: they come with the news.
    """
    known = {
        "topic": ("topic", TOPICS),
        "entity": ("company of the watchlist", companies),
        "theme": ("theme of the watchlist", themes),
    }
    problems = list(_unknown(rules, channels, known))
    if problems:
        raise UsageError("\n".join(f"{path}: {problem}" for problem in problems))


def _unknown(
    rules: RuleFile,
    channels: Collection[str],
    known_keys: Mapping[str, tuple[str, Collection[str]]],
) -> Iterator[str]:
    for rule in rules.rules:
        named = [("channel", name, channels) for name in rule.channels]
        if rule.dimension in known_keys:
            kind, known = known_keys[rule.dimension]
            keys = (*rule.keys, *rule.except_keys)
            if isinstance(rule, DivergenceRule):
                keys += rule.against
            named += [(kind, key, known) for key in keys]
        if isinstance(rule, CriticalRule):
            named += [("topic", topic, TOPICS) for topic in rule.topics]
        for kind, name, known in named:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f" (did you mean '{near[0]}'?)" if near else ""
                yield f"rule '{rule.name}': '{name}' is no {kind}{hint}"
