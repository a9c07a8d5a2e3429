"""A backtest as tables for people."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from alerts.alert import Alert
from alerts.incidents import SOON, Judgement, Outcome
from monitor.replays import Replay
from monitor.rule_reports import Difference, FileReport


def alert_table(alerts: Sequence[Alert]) -> Table:
    """Each alert, by time."""
    table = Table("since", "until", "rule", "about", "negative", "usual", "headline", box=None)
    for alert in alerts:
        table.add_row(
            f"{alert.started:%Y-%m-%d %H:%M}",
            f"{alert.resolved:%m-%d %H:%M}" if alert.resolved else "open",
            alert.rule,
            Text(f"{alert.dimension} {alert.key}"),
            f"{alert.negative}/{alert.stories}",
            f"{alert.baseline:.0%}",
            Text(alert.top[0].title if alert.top else ""),
        )
    return table


def report_tables(
    reports: Sequence[FileReport], changes: Sequence[Difference], outside: int, has_events: bool
) -> Iterator[RenderableType]:
    """What is printed of reports on the same time and incidents, top to bottom."""
    names = short_names(reports)
    for report in reports:
        rows = [(item.rule.name, item.judgement, [item.replay]) for item in report.rules]
        rows.append(("all rules", report.judgement, [item.replay for item in report.rules]))
        models = ", ".join(report.models) or "none"
        yield f"[bold]{escape(report.path)}[/bold] {report.sha256}, models {escape(models)}"
        yield _found_table("rule", rows, has_events)
        yield ""
        yield _delay_table("rule", rows, has_events)
        yield ""
    if len(reports) > 1:
        rows = [
            (names[report.path], report.judgement, [item.replay for item in report.rules])
            for report in reports
        ]
        yield _found_table("all rules of", rows, has_events, totals=False)
        yield ""
        yield _delay_table("all rules of", rows, has_events, totals=False)
        yield ""
    if has_events:
        yield _incident_table(reports)
        yield ""
    for change in changes:
        told = f"{escape(names[change.file])} has and {escape(names[change.against])} has not: "
        told += counted(len(change.alerts), "alert")
        if has_events:
            only = "; ".join(incident.name for incident in change.incidents)
            told += f", {counted(len(change.incidents), 'incident')}"
            told += f": {escape(only)}" if only else ""
        yield told
    if outside:
        yield f"[yellow]outside that time: {counted(outside, 'incident')}, left out[/yellow]"


Row = tuple[str, Judgement, list[Replay]]


def _found_table(title: str, rows: Sequence[Row], has_events: bool, totals: bool = True) -> Table:
    """What was announced, and what it found."""
    names = ["alerts", "a week"]
    if has_events:
        names += ["precision", "found", "recall", "late"]
    table = _table(title, names)
    for name, judgement, _ in rows:
        cells = [str(judgement.alerts), f"{judgement.alerts_a_week:.2f}"]
        if has_events:
            cells += [
                _share(judgement.precision),
                f"{judgement.found} of {len(judgement.outcomes)}" if judgement.outcomes else "-",
                _share(judgement.recall),
                str(judgement.late) if judgement.outcomes else "-",
            ]
        table.add_row(Text(name), *cells, style="bold" if totals and name == rows[-1][0] else "")
    return table


def _delay_table(title: str, rows: Sequence[Row], has_events: bool, totals: bool = True) -> Table:
    """How soon it was found, and what that cost."""
    names = ["seconds", "buckets"]
    if has_events:
        names = ["median delay", *(f"in {span // timedelta(hours=1)} h" for span in SOON), *names]
    table = _table(title, names)
    for name, judgement, replays in rows:
        cells = [
            f"{sum(item.seconds for item in replays):.1f}",
            f"{sum(item.buckets for item in replays):,}",
        ]
        if has_events:
            median, timed = judgement.median_delay, judgement.timed
            soon = (f"{judgement.within(span)} of {timed}" if timed else "-" for span in SOON)
            cells = ["-" if median is None else delay_text(median), *soon, *cells]
        table.add_row(Text(name), *cells, style="bold" if totals and name == rows[-1][0] else "")
    return table


def _table(title: str, names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(title)
    for name in names:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _incident_table(reports: Sequence[FileReport]) -> Table:
    table = Table("first story", "incident", box=None, pad_edge=False)
    names = short_names(reports)
    for report in reports:
        table.add_column(names[report.path] if len(reports) > 1 else "found", overflow="fold")
    if len(reports) == 1:
        table.add_column("by")
    for outcomes in zip(*(report.judgement.outcomes for report in reports), strict=True):
        incident = outcomes[0].incident
        moment = f"{incident.first_story:%Y-%m-%d}"
        if not incident.dated_by_day:
            moment += f" {incident.first_story:%H:%M}"
        cells = [_told(outcome) for outcome in outcomes]
        if len(reports) == 1:
            cells.append(", ".join(sorted({alert.rule for alert in outcomes[0].alerts})))
        table.add_row(moment, Text(incident.name), *cells)
    return table


def _told(outcome: Outcome) -> str:
    if not outcome.alerts:
        return "[red]missed[/red]"
    delay = outcome.delay
    word = "" if delay is None else delay_text(delay)
    return word or "on its day" if outcome.found else f"[yellow]late[/yellow] {word}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def short_names(reports: Sequence[FileReport]) -> dict[str, str]:
    """By path what a file is called in a table: its name, where no two have the same."""
    names = [Path(report.path).name for report in reports]
    return {
        report.path: name if names.count(name) == 1 else report.path
        for report, name in zip(reports, names, strict=True)
    }


def delay_text(delay: timedelta) -> str:
    """Hours and minutes with a sign: `+1:05` is an hour and five minutes behind."""
    minutes = round(abs(delay.total_seconds()) / 60)
    return f"{'-' if delay < timedelta() else '+'}{minutes // 60}:{minutes % 60:02}"


def counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
