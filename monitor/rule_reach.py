"""How far back a rule reads, and whether the store keeps that much."""

from collections.abc import Callable, Iterable
from datetime import timedelta

from alerts.coverage import REFERENCE_SECONDS
from alerts.rules import AnyRule
from alerts.series import BUCKET_SECONDS
from alerts.source_mix import compared_seconds
from alerts.surroundings import has_crowd
from monitor.failures import UsageError
from monitor.retention import RetentionSettings
from monitor.stories import STORY_HORIZON

HISTORY = timedelta(days=120)
"""How far back a new rule looks to learn what is usual."""
_DAY = timedelta(days=1)


def reach_of(rule: AnyRule) -> timedelta:
    """How far behind the watermark lie the oldest five minutes that a rule may still read.

    A rule that learns reads its history again when it is changed, or when older news was added. One
    that looks at its window alone must know whether its alert was on, or has just ended.
    """
    # One more bucket: the one that holds the edge of lateness is read whole.
    before = timedelta(seconds=rule.cooldown + (rule.for_buckets + 1) * BUCKET_SECONDS)
    if has_crowd(rule):
        before = max(before, HISTORY)
    return before + timedelta(seconds=rule.window + rule.lateness)


def compares_with(rule: AnyRule) -> timedelta:
    """How far behind the watermark lie the oldest articles that an alert of a rule is written
    with."""
    before = compared_seconds(rule.dimension, rule.detector)
    return timedelta(seconds=before + rule.window + rule.lateness)


def listens_to(rule: AnyRule) -> timedelta:
    """How far behind the watermark lie the oldest hours of the sources that an alert of a rule is
    written with."""
    return timedelta(seconds=REFERENCE_SECONDS + rule.window + rule.lateness)


def check_retention(retention: RetentionSettings, rules: Iterable[AnyRule]) -> None:
    """Raise UsageError, with a line a setting, where less is kept than a rule reads."""
    told = list(rules)
    if not told:
        return
    # A copy counts by the story's articles before it, so that these must be there as well.
    needed: dict[str, Callable[[AnyRule], timedelta]] = {
        "articles_days": lambda rule: max(reach_of(rule), compares_with(rule)) + STORY_HORIZON,
        "alerts_days": reach_of,
        "five_minute_tallies_days": reach_of,
        "hourly_tallies_days": listens_to,
    }
    problems = []
    for name, least in needed.items():
        rule = max(told, key=least)
        days, kept = -(-least(rule) // _DAY), getattr(retention, name)
        if kept is not None and kept < days:
            problems.append(
                f"store.retention.{name} is {kept}, but rule '{rule.name}' may read {days} days "
                f"back: set it to {days} at least, or shorten the rule's window or lateness"
            )
    if problems:
        raise UsageError("\n".join(problems))
