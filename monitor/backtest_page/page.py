"""The page of a backtest: for each rule file the tables, and for each rule plots of its keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from alerts.alert import Alert
from alerts.incidents import SOON, Outcome
from alerts.rules import rule_hash
from monitor.backtest_page import plot as shapes
from monitor.backtest_page.plot import Plot, plot
from monitor.backtest_page.traces import Traces
from monitor.rule_reports import Difference, FileReport, RuleReport
from monitor.settings import PACKAGE

HERE = Path(__file__).parent
STYLES = PACKAGE / "models" / "evaluation"
"""Reports of models and of rules look alike."""
MAX_ALERTS = 500
MAX_NAMED = 40


@dataclass(frozen=True, slots=True)
class RulePlots:
    """The plots of a rule, and what there is no room for."""

    report: RuleReport
    plots: tuple[Plot, ...]
    left_out: tuple[str, ...]
    """Keys with alerts or incidents that are not plotted, with why."""
    more: int
    """Of those, so many are not even named."""

    @property
    def hash(self) -> str:
        return rule_hash(self.report.rule)


@dataclass(frozen=True, slots=True)
class Section:
    """A rule file."""

    report: FileReport
    rules: tuple[RulePlots, ...]
    alerts: tuple[Alert, ...]
    meeting: frozenset[str]
    """Ids of the alerts that meet an incident."""


def page(
    reports: Sequence[FileReport],
    changes: Sequence[Difference],
    traces: Mapping[tuple[str, str], Traces],
    events_path: str | None,
    outside: int,
    max_plots: int,
) -> str:
    """The page as text; whatever stands in names and titles is escaped.

    `traces` by path of the rule file and name of the rule; `max_plots` a rule.
    """
    pages = Environment(
        loader=FileSystemLoader([HERE, STYLES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    sections = [_section(report, traces, max_plots) for report in reports]
    return pages.get_template("page.html").render(
        sections=sections,
        reports=reports,
        changes=changes,
        events_path=events_path,
        outside=outside,
        soon=SOON,
        shapes=shapes,
    )


def _section(
    report: FileReport, traces: Mapping[tuple[str, str], Traces], max_plots: int
) -> Section:
    meeting = {alert.id for item in report.judgement.outcomes for alert in item.alerts}
    rules = tuple(
        _rule_plots(report, item, traces[report.path, item.rule.name], meeting, max_plots)
        for item in report.rules
    )
    return Section(report, rules, report.alerts[:MAX_ALERTS], frozenset(meeting))


def _rule_plots(
    report: FileReport, item: RuleReport, trace: Traces, meeting: set[str], max_plots: int
) -> RulePlots:
    rule = item.rule
    alerts: dict[str, list[Alert]] = {}
    for alert in report.alerts:
        if alert.rule == rule.name:
            alerts.setdefault(alert.key, []).append(alert)
    incidents: dict[str, list[Outcome]] = {}
    for outcome in item.judgement.outcomes:
        for dimension, key in outcome.incident.about:
            if dimension == rule.dimension and rule.watches(key):
                incidents.setdefault(key, []).append(outcome)
    # Those with an incident ahead: they are what a reader looks for.
    order = sorted(
        alerts.keys() | incidents.keys(),
        key=lambda key: (key not in incidents, -len(alerts.get(key, ())), key),
    )
    silent = [key for key in order if not trace.points(key)]
    seen = [key for key in order if key not in silent]
    plots = tuple(
        plot(
            rule.dimension,
            key,
            trace.points(key),
            rule.window,
            [(alert, alert.id in meeting) for alert in alerts.get(key, ())],
            incidents.get(key, ()),
            report.since,
            report.until,
        )
        for key in seen[:max_plots]
    )
    left_out = [f"{key} (alerts: {len(alerts.get(key, ()))})" for key in seen[max_plots:]]
    left_out += [f"{key} (no news of it)" for key in silent]
    return RulePlots(item, plots, tuple(left_out[:MAX_NAMED]), len(left_out[MAX_NAMED:]))
