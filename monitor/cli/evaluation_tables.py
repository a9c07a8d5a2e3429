"""An evaluation as tables for people."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from models.evaluation.figures import Evaluation
    from models.evaluation.intervals import Interval
    from models.evaluation.report import Report


def tables(report: "Report") -> Iterator[RenderableType]:
    """What is printed of a report, top to bottom."""
    figures = report.figures
    title = f"{report.set}: {figures.task}, {figures.texts} texts, {report.model}"
    yield f"[bold]{escape(title)}[/bold]"
    yield _classes(figures)
    yield _summary(figures)
    if figures.negative_or_not is not None:
        yield "negative or not: " + _summary(figures.negative_or_not)
    for note in report.notes:
        yield f"[yellow]{escape(note)}[/yellow]"
    if report.baselines:
        beside = _beside("beside it")
        for item in report.baselines:
            _row(beside, item.name, item.figures)
        yield beside
        for how in dict.fromkeys(item.how for item in report.baselines):
            names = [item.name for item in report.baselines if item.how == how]
            yield f"[dim]{escape(', '.join(names))}: {escape(how)}[/dim]"
    for way in dict.fromkeys(item.by for item in report.slices):
        sliced = _beside(f"by {way}")
        for part in report.slices:
            if part.by == way:
                _row(sliced, part.value, part.figures)
        yield sliced
    if report.comparison is not None:
        on = report.comparison.on
        yield f"[bold]{escape(on)}: {escape(report.comparison.verdict)}[/bold]"
    yield ""


def _classes(figures: "Evaluation") -> Table:
    """By class; then, of exclusive classes, how often each answer was given to its texts."""
    answers = list(next(iter(figures.confusion.values()), {}))
    table = Table(box=None, pad_edge=False)
    table.add_column("class", no_wrap=True)
    for name in ("precision", "recall", "F1", "95%", "support"):
        table.add_column(name, justify="right")
    for answer in answers:
        table.add_column(f"said\n{answer[:3]}.", justify="right", style="dim")
    for name, item in figures.classes.items():
        table.add_row(
            name,
            *(f"{value:.3f}" for value in (item.precision, item.recall, item.f1)),
            _span(figures.intervals.classes[name]),
            str(item.support),
            *(str(figures.confusion[name][answer]) for answer in answers),
        )
    averages = {"macro": figures.macro, "weighted": figures.weighted, "micro": figures.micro}
    for name, item in averages.items():
        table.add_row(
            name,
            *(f"{value:.3f}" for value in (item.precision, item.recall, item.f1)),
            _span(figures.intervals.macro_f1) if name == "macro" else "",
            str(item.support),
        )
    return table


def _summary(figures: "Evaluation") -> str:
    text = f"accuracy {figures.accuracy:.3f} ({_span(figures.intervals.accuracy)})"
    text += f", macro F1 {figures.macro.f1:.3f} ({_span(figures.intervals.macro_f1)})"
    if "not negative" in figures.classes:
        text += f", F1 of negative {figures.classes['negative'].f1:.3f}"
    if figures.calibration_error is not None:
        text += f", calibration error {figures.calibration_error:.3f}"
    return text


def _beside(title: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(title)
    for name in ("texts", "accuracy", "95%", "macro F1", "95%"):
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _row(table: Table, name: str, figures: "Evaluation") -> None:
    table.add_row(
        escape(name),
        str(figures.texts),
        f"{figures.accuracy:.3f}",
        _span(figures.intervals.accuracy),
        f"{figures.macro.f1:.3f}",
        _span(figures.intervals.macro_f1),
    )


def _span(interval: "Interval") -> str:
    """Without the noughts, as there is not much room."""
    return "-".join(f"{value:.3f}".removeprefix("0") for value in (interval.low, interval.high))
