"""The plot of one rule and key: its shape in user units, for an SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from alerts.alert import Alert
from alerts.incidents import Outcome
from monitor.backtest_page.traces import POINTS, Point

WIDTH, LEFT, RIGHT = 1_000, 44, 8
SHARE_TOP, SHARE_HEIGHT = 18, 150
COUNT_TOP, COUNT_HEIGHT = 184, 54
HEIGHT = COUNT_TOP + COUNT_HEIGHT + 18
MOST_TICKS = 12


@dataclass(frozen=True, slots=True)
class Line:
    """A run of windows without a gap."""

    share: str
    band: str
    baseline: str
    negative: str
    expected: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An alert, from start to end, or an incident."""

    x: float
    width: float
    hit: bool
    """An alert that meets an incident; an incident that was found."""
    told: str


@dataclass(frozen=True, slots=True)
class Plot:
    """Everything that is drawn."""

    dimension: str
    key: str
    lines: tuple[Line, ...]
    alerts: tuple[Mark, ...]
    incidents: tuple[Mark, ...]
    ticks: tuple[tuple[float, str], ...]
    most: int
    """Negative stories at the top of the lower plot."""


class _Axes:
    def __init__(self, since: datetime, until: datetime, most: int) -> None:
        self.since, self.until, self.most = since.timestamp(), until.timestamp(), most

    def x(self, seconds: float) -> float:
        part = (seconds - self.since) / (self.until - self.since)
        return round(LEFT + min(1.0, max(0.0, part)) * (WIDTH - LEFT - RIGHT), 1)

    def share(self, value: float) -> float:
        return round(SHARE_TOP + (1 - value) * SHARE_HEIGHT, 1)

    def count(self, value: float) -> float:
        return round(COUNT_TOP + (1 - min(1.0, value / self.most)) * COUNT_HEIGHT, 1)


def plot(
    dimension: str,
    key: str,
    points: Sequence[Point],
    window_seconds: int,
    alerts: Iterable[tuple[Alert, bool]],
    outcomes: Iterable[Outcome],
    since: datetime,
    until: datetime,
) -> Plot:
    """The plot of a key; `alerts` come with whether they meet an incident."""
    most = max((max(p.finding.negative, p.finding.expected_negative) for p in points), default=1)
    axes = _Axes(since, until, max(1, math.ceil(most)))
    step = (axes.until - axes.since) / POINTS
    return Plot(
        dimension,
        key,
        tuple(_line(axes, run) for run in _runs(points, window_seconds + 2 * step)),
        tuple(_alert(axes, alert, hit) for alert, hit in alerts),
        tuple(_incident(axes, outcome) for outcome in outcomes),
        tuple((axes.x(tick.timestamp()), f"{tick:%Y-%m-%d}") for tick in _ticks(since, until)),
        axes.most,
    )


def _runs(points: Sequence[Point], gap_seconds: float) -> list[list[Point]]:
    """Parted where no window lies between two: there was no news."""
    runs: list[list[Point]] = []
    for point in points:
        if runs and point.end - runs[-1][-1].end <= gap_seconds:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _line(axes: _Axes, run: Sequence[Point]) -> Line:
    at = [(axes.x(point.end), point.finding) for point in run]
    if len(at) == 1:  # one window alone would be no line
        at.append((at[0][0] + 2, at[0][1]))
    return Line(
        _path((x, axes.share(found.value)) for x, found in at),
        _path(
            [(x, axes.share(found.upper)) for x, found in at]
            + [(x, axes.share(found.lower)) for x, found in reversed(at)]
        ),
        _path((x, axes.share(found.baseline)) for x, found in at),
        _path((x, axes.count(found.negative)) for x, found in at),
        _path((x, axes.count(found.expected_negative)) for x, found in at)
        if any(found.expected_negative for _, found in at)
        else "",
    )


def _path(points: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{x:g},{y:g}" for x, y in points)


def _alert(axes: _Axes, alert: Alert, hit: bool) -> Mark:
    begun = axes.x(alert.started.timestamp())
    ended = axes.x(alert.resolved.timestamp() if alert.resolved else axes.until)
    told = (
        f"alert {alert.started:%Y-%m-%d %H:%M}: {alert.negative} of {alert.stories} negative, "
        f"usual {alert.baseline:.0%}"
    )
    title = f"; {alert.top[0].title}" if alert.top else ""
    return Mark(begun, max(1.5, round(ended - begun, 1)), hit, told + title)


def _incident(axes: _Axes, outcome: Outcome) -> Mark:
    incident = outcome.incident
    said = "found" if outcome.found else "found late" if outcome.late else "missed"
    told = f"{incident.name}, {incident.first_story:%Y-%m-%d}: {said}"
    return Mark(axes.x(incident.first_story.timestamp()), 0, outcome.found, told)


def _ticks(since: datetime, until: datetime) -> list[datetime]:
    """Beginnings of days, or of months where there are many."""
    days = (until - since).days
    if days > 120:
        months = [
            datetime(year, month, 1, tzinfo=UTC)
            for year in range(since.year, until.year + 1)
            for month in range(1, 13)
        ]
        every = max(1, math.ceil(days / 30 / MOST_TICKS))
        return [month for month in months[::every] if since <= month <= until]
    first = since.replace(hour=0, minute=0, second=0, microsecond=0)
    every = max(1, math.ceil(days / MOST_TICKS))
    found = [first + timedelta(days=day) for day in range(0, days + 2, every)]
    return [day for day in found if since <= day <= until]
