"""Known incidents, which alerts meet them, and what that says of a rule.

An alert *meets* an incident when it is about one of the keys that would be right for it and starts
between the beginning of the UTC day of the first story and the incident's end. The incident is
*found* when such an alert starts no later than 24 hours after the first story, and one bucket: an
alert starts at the end of the bucket that raised it.
"""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.alert import Alert
from alerts.rules import AnyRule
from alerts.series import BUCKET_SECONDS

IN_TIME = timedelta(hours=24)
AFTERMATH = timedelta(days=3)
"""How long an incident lasts from the beginning of its first day on where nothing says it."""
SOON = (timedelta(hours=2), timedelta(hours=12), IN_TIME)
_BUCKET = timedelta(seconds=BUCKET_SECONDS)


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that the news should have raised an alarm for."""

    name: str
    first_story: datetime
    """In UTC; of one that is dated by day, the beginning of the day."""
    about: tuple[tuple[str, str], ...]
    """(dimension, key) of the alerts that would be right: any of them."""
    end: datetime | None = None
    dated_by_day: bool = False
    """The hour of the first story is not known: it tells nothing of an alert's delay."""

    @property
    def begins(self) -> datetime:
        """When an alert may meet it from."""
        return self.first_story.replace(hour=0, minute=0, second=0, microsecond=0)

    @property
    def ends(self) -> datetime:
        return self.begins + AFTERMATH if self.end is None else self.end

    def met_by(self, alert: Alert) -> bool:
        """Whether an alert is of the right key and of the incident's time."""
        return (alert.dimension, alert.key) in self.about and (
            self.begins <= alert.started <= self.ends
        )

    def found_by(self, alert: Alert) -> bool:
        """Whether an alert meets it in time."""
        return self.met_by(alert) and self.delay(alert) <= IN_TIME + _BUCKET

    def delay(self, alert: Alert) -> timedelta:
        """From the first story to the alert; negative where the alert was ahead."""
        return alert.started - self.first_story

    def watched_by(self, rule: AnyRule) -> bool:
        """Whether an alert of that rule could meet it at all."""
        return any(name == rule.dimension and rule.watches(key) for name, key in self.about)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an incident."""

    incident: Incident
    alerts: tuple[Alert, ...]
    """That meet it, the earliest first."""

    @property
    def found(self) -> bool:
        return bool(self.alerts) and self.incident.found_by(self.alerts[0])

    @property
    def late(self) -> bool:
        """Met, but not in time."""
        return bool(self.alerts) and not self.found

    @property
    def delay(self) -> timedelta | None:
        """Of the first alert; None where there is none, or the incident is dated by day."""
        if not self.alerts or self.incident.dated_by_day:
            return None
        return self.incident.delay(self.alerts[0])


@dataclass(frozen=True, slots=True)
class Judgement:
    """Alerts held against incidents; shares are in [0, 1], None where there is nothing to share."""

    weeks: float
    alerts: int
    meeting: int
    """Alerts that meet an incident."""
    outcomes: tuple[Outcome, ...]

    @property
    def alerts_a_week(self) -> float:
        return self.alerts / self.weeks

    @property
    def others_a_week(self) -> float:
        """Alerts that meet no incident: right ones too, where the list is not complete."""
        return (self.alerts - self.meeting) / self.weeks

    @property
    def precision(self) -> float | None:
        """Share of the alerts that meet an incident."""
        return self.meeting / self.alerts if self.alerts else None

    @property
    def found(self) -> int:
        return sum(outcome.found for outcome in self.outcomes)

    @property
    def late(self) -> int:
        return sum(outcome.late for outcome in self.outcomes)

    @property
    def recall(self) -> float | None:
        """Share of the incidents that were found."""
        return self.found / len(self.outcomes) if self.outcomes else None

    @property
    def timed(self) -> int:
        """Incidents whose first story's hour is known."""
        return sum(not outcome.incident.dated_by_day for outcome in self.outcomes)

    @property
    def delays(self) -> list[timedelta]:
        """Of the incidents that were found and whose first story's hour is known, in order."""
        found = (outcome.delay for outcome in self.outcomes if outcome.found)
        return sorted(delay for delay in found if delay is not None)

    @property
    def median_delay(self) -> timedelta | None:
        delays = [delay.total_seconds() for delay in self.delays]
        return timedelta(seconds=statistics.median(delays)) if delays else None

    def within(self, span: timedelta) -> int:
        """Incidents found no later than so long after their first story, and one bucket."""
        return sum(delay <= span + _BUCKET for delay in self.delays)


def judge(alerts: Iterable[Alert], incidents: Sequence[Incident], weeks: float) -> Judgement:
    """Hold alerts against the incidents of the same time, which is so many weeks long."""
    ordered = sorted(alerts, key=lambda alert: (alert.started, alert.rule, alert.key))
    outcomes = tuple(
        Outcome(incident, tuple(alert for alert in ordered if incident.met_by(alert)))
        for incident in incidents
    )
    meeting = {alert.id for outcome in outcomes for alert in outcome.alerts}
    return Judgement(weeks, len(ordered), len(meeting), outcomes)
