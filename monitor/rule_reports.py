"""What a rule file would have announced, held against known incidents and against other files."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from alerts.alert import Alert
from alerts.incidents import SOON, Incident, Judgement, Outcome, judge
from alerts.rules import AnyRule, rule_hash
from monitor.background import with_sources
from monitor.evidence import with_evidence
from monitor.replays import Observer, Replay, replay
from monitor.store.readers import scoring_models
from monitor.store.sight import Sight
from monitor.store.watch import watched_stretches

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule; held against the incidents that it watches."""

    replay: Replay
    judgement: Judgement

    @property
    def rule(self) -> AnyRule:
        return self.replay.rule

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule.name,
            "rule_hash": rule_hash(self.rule),
            "detector": self.rule.detector,
            "dimension": self.rule.dimension,
            **figures(self.judgement),
            "replay_seconds": round(self.replay.seconds, 3),
            "buckets_folded": self.replay.buckets,
        }


@dataclass(frozen=True, slots=True)
class FileReport:
    """A rule file as a whole, and each rule of it."""

    path: str
    text: str
    since: datetime
    until: datetime
    rules: tuple[RuleReport, ...]
    judgement: Judgement
    alerts: tuple[Alert, ...]
    """Of all rules, by time, with their evidence."""
    models: tuple[str, ...]
    """That scored what was published in that time."""

    @property
    def sha256(self) -> str:
        """Of the file's text; 12 hex digits."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]

    def as_json(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "rules_file": self.path,
            "sha256": self.sha256,
            "since": self.since,
            "until": self.until,
            "weeks": round(self.judgement.weeks, 3),
            "models": list(self.models),
            "total": {
                **figures(self.judgement),
                "replay_seconds": round(sum(item.replay.seconds for item in self.rules), 3),
                "buckets_folded": sum(item.replay.buckets for item in self.rules),
            },
            "rules": [item.as_json() for item in self.rules],
            "incidents": [_outcome(outcome) for outcome in self.judgement.outcomes],
            "alerts": [alert.as_json() for alert in self.alerts],
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """What one rule file has that another has not."""

    file: str
    against: str
    incidents: tuple[Incident, ...]
    """That only the first finds."""
    alerts: tuple[Alert, ...]
    """Of the first, about a key of which the second had no alert open meanwhile."""

    def as_json(self) -> dict[str, Any]:
        return {
            "only_in": self.file,
            "against": self.against,
            "incidents": [incident.name for incident in self.incidents],
            "alerts": [alert.id for alert in self.alerts],
        }


def in_range(incidents: Sequence[Incident], since: datetime, until: datetime) -> list[Incident]:
    """Those that begin in a span of time."""
    return [incident for incident in incidents if since <= incident.first_story < until]


def file_report(
    engine: Engine,
    path: Path,
    rules: Sequence[AnyRule],
    incidents: Sequence[Incident],
    since: datetime,
    until: datetime,
    observers: Mapping[str, Observer],
    on_rule: Callable[[AnyRule], None],
) -> FileReport:
    """Replay the rules of a file. `incidents` are those of that time, `observers` by name of the
    rule that they watch; `on_rule` is told each rule that is done."""
    weeks = (until - since) / WEEK
    stretches = watched_stretches(engine)
    reports, alerts = [], []
    for rule in rules:
        done = replay(engine, rule, stretches, since, until, observe=observers.get(rule.name))
        watched = [incident for incident in incidents if incident.watched_by(rule)]
        reports.append(RuleReport(done, judge(done.alerts, watched, weeks)))
        sight = Sight(rule.lateness)
        alerts += [
            with_sources(engine, with_evidence(engine, item, sight), sight) for item in done.alerts
        ]
        on_rule(rule)
    alerts.sort(key=lambda alert: (alert.started, alert.rule, alert.key))
    return FileReport(
        str(path),
        path.read_text(encoding="utf-8"),
        since,
        until,
        tuple(reports),
        judge(alerts, incidents, weeks),
        tuple(alerts),
        tuple(scoring_models(engine, since, until)),
    )


def differences(reports: Sequence[FileReport]) -> Iterator[Difference]:
    """Each file against each other one."""
    for one in reports:
        for other in reports:
            if one is not other:
                yield _difference(one, other)


def _difference(one: FileReport, other: FileReport) -> Difference:
    found = {item.incident for item in other.judgement.outcomes if item.found}
    incidents = [item.incident for item in one.judgement.outcomes if item.found]
    about: dict[tuple[str, str], list[Alert]] = {}
    for alert in other.alerts:
        about.setdefault((alert.dimension, alert.key), []).append(alert)
    alone = [
        alert
        for alert in one.alerts
        if not any(_overlap(alert, its) for its in about.get((alert.dimension, alert.key), ()))
    ]
    missed = tuple(incident for incident in incidents if incident not in found)
    return Difference(one.path, other.path, missed, tuple(alone))


def _overlap(one: Alert, other: Alert) -> bool:
    """Whether two alerts were open at one time."""
    return (other.resolved is None or one.started <= other.resolved) and (
        one.resolved is None or other.started <= one.resolved
    )


def figures(judgement: Judgement) -> dict[str, Any]:
    """As plain values, under the names that programs rely on."""
    median = judgement.median_delay
    return {
        "alerts": judgement.alerts,
        "alerts_a_week": judgement.alerts_a_week,
        "alerts_of_incidents": judgement.meeting,
        "precision": judgement.precision,
        "incidents": len(judgement.outcomes),
        "found": judgement.found,
        "found_late": judgement.late,
        "recall": judgement.recall,
        "incidents_with_an_hour": judgement.timed,
        "median_delay_seconds": None if median is None else median.total_seconds(),
        **{f"found_within_{span // timedelta(hours=1)}h": judgement.within(span) for span in SOON},
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    incident, delay = outcome.incident, outcome.delay
    return {
        "name": incident.name,
        "first_story": incident.first_story,
        "dated_by_day": incident.dated_by_day,
        "about": [" ".join(key) if key[0] != "all" else "all" for key in incident.about],
        "found": outcome.found,
        "found_late": outcome.late,
        "delay_seconds": None if delay is None else delay.total_seconds(),
        "rules": sorted({alert.rule for alert in outcome.alerts}),
        "alerts": [alert.id for alert in outcome.alerts],
    }
