"""A report as one HTML page: tables and plots, with nothing loaded from outside."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.evaluation.figures import Evaluation
from models.evaluation.intervals import RESAMPLES
from models.evaluation.report import Report

HERE = Path(__file__).parent
MODEL_COLOURS = ("#0072b2", "#d55e00")
BASELINE_COLOURS = ("#6b7280", "#009e73", "#cc79a7", "#e69f00")
"""Told apart by those who see few colours: Okabe and Ito 2008, "Color Universal Design"."""


@dataclass(frozen=True, slots=True)
class Series:
    """One model or baseline in a plot."""

    name: str
    colour: str
    how: str
    is_model: bool
    figures: Evaluation


@dataclass(frozen=True, slots=True)
class Section:
    """A task of a set: a report of each model, and all that is drawn side by side."""

    set: str
    task: str
    reports: tuple[Report, ...]
    series: tuple[Series, ...]


def page(reports: Sequence[Report]) -> str:
    """The page as text. Whatever stands in the reports is escaped."""
    pages = Environment(
        loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    found: dict[tuple[str, str], list[Report]] = {}
    for report in reports:
        found.setdefault((report.set, report.figures.task), []).append(report)
    sections = [
        Section(name, task, tuple(group), _series(group)) for (name, task), group in found.items()
    ]
    return pages.get_template("page.html").render(sections=sections, resamples=RESAMPLES)


def _series(reports: Sequence[Report]) -> tuple[Series, ...]:
    """The models, then what stands beside them; what they share once, what is a model's own by its
    name."""
    models = [
        Series(report.model, colour, "", True, report.figures)
        for report, colour in zip(reports, MODEL_COLOURS, strict=False)
    ]
    beside = {}
    for report in reports:
        for item in report.baselines:
            alone = len(reports) == 1 or all(item in other.baselines for other in reports)
            beside[item.name if alone else f"{item.name}, {report.model}"] = item
    return (
        *models,
        *(
            Series(name, BASELINE_COLOURS[place % 4], item.how, False, item.figures)
            for place, (name, item) in enumerate(beside.items())
        ),
    )
