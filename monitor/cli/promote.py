"""`undertone models promote` and `rollback`: what goes into service, and what comes back."""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.cli.options import as_json, configured, prepare_data_dir, print_json
from monitor.failures import UsageError
from monitor.settings import Settings

if TYPE_CHECKING:
    from models.journal import Language
    from monitor.promotion import Outcome

_language = click.Choice(["en", "zh"])


@click.command()
@click.argument("model", metavar="PATH|VERSION")
@click.option("--language", type=_language, help="By default the candidate's, if it has but one.")
@click.option(
    "--on",
    "sets",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Labelled texts to compare on: CSV, JSON lines or Parquet. May be given several times.",
)
@click.option(
    "--max-calibration-error",
    type=click.FloatRange(0, 1),
    help="Of the candidate's sentiment, on each set.  [default: 0.1]",
)
@click.option("--force", is_flag=True, help="Promote whatever the verdict; needs --reason.")
@click.option("--reason", default="", help="Why it is forced; kept in the journal.")
@configured
@as_json
def promote(
    settings: Settings,
    model: str,
    language: Language | None,
    sets: tuple[Path, ...],
    max_calibration_error: float | None,
    force: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Put a model into service, if it is no worse than the one that it replaces.

    A directory is copied into the registry first. Then both models answer the sets: the candidate
    is refused (exit code 1) where on any of them the whole 95% interval of its macro-F1 minus that
    of the model in service lies below zero, or where its probabilities are badly calibrated.

    Name sets that neither model was trained on; the bundled ones were trained on the sets that
    `undertone models show` names.
    """
    from models.promotion import MAX_CALIBRATION_ERROR
    from models.registry import Registry
    from monitor.promotion import promote as run_promotion

    if force and not reason.strip():
        raise UsageError("--force needs --reason: the journal says why a verdict was overruled")
    if reason and not force:
        raise UsageError("--reason is for --force; a model that passes needs none")
    if not sets and not force:
        raise UsageError(
            "--on SET is missing: without labelled texts nobody can say whether the candidate is "
            "worse than the model in service. Name a set, or --force with a --reason"
        )
    prepare_data_dir(settings)
    outcome = run_promotion(
        Registry(settings.model_registry),
        settings.models,
        model,
        language,
        sets,
        MAX_CALIBRATION_ERROR if max_calibration_error is None else max_calibration_error,
        reason.strip() if force else None,
        by=_user(),
        now=datetime.now(UTC),
    )
    if as_json:
        print_json(outcome.as_json())
    else:
        _print(outcome)
    setting = settings.models.english if outcome.language == "en" else settings.models.chinese
    if outcome.promoted and setting != f"registry:{outcome.language}":
        click.secho(
            f"the configuration says {setting} for {outcome.language}: it takes effect where that "
            f"says registry:{outcome.language}",
            fg="yellow",
            err=True,
        )
    if not outcome.promoted:
        raise click.exceptions.Exit(1)


def _print(outcome: Outcome) -> None:
    table = Table(box=None)
    table.add_column("set", overflow="fold")
    for heading in ("task", "texts", "in service", "candidate", "difference, 95%", "ECE"):
        table.add_column(heading, no_wrap=True)
    for item in outcome.comparisons:
        table.add_row(
            Text(item.set),
            item.task,
            str(item.texts),
            f"{item.in_service:.3f}",
            f"{item.candidate:.3f}",
            f"{item.low:+.3f} to {item.high:+.3f}",
            "" if item.calibration_error is None else f"{item.calibration_error:.3f}",
        )
    if outcome.comparisons:
        Console().print(table)
        click.echo("in service, candidate: macro-F1; ECE: calibration error of the candidate")
    for against in outcome.reasons:
        click.secho(against, fg="yellow", err=True)
    click.echo(outcome.verdict)


@click.command()
@click.option("--language", type=_language, help="By default the one that has promotions.")
@configured
@as_json
def rollback(settings: Settings, language: Language | None, as_json: bool) -> None:
    """Put the version that served before back into service; the bundled model at the bottom."""
    import msgspec

    from models.journal import LANGUAGES, succession
    from models.registry import Registry

    registry = Registry(settings.model_registry)
    if language is None:
        entries = registry.entries()
        promoted = [item for item in LANGUAGES if len(succession(entries, item)) > 1]
        if len(promoted) > 1:
            raise UsageError("models were promoted for both languages: say --language en or zh")
        language = promoted[0] if promoted else LANGUAGES[0]
    entry = registry.rollback(language, by=_user(), now=datetime.now(UTC))
    if as_json:
        print_json(msgspec.to_builtins(entry))
    else:
        click.echo(f"{entry.version} is in service for {language} again, {entry.previous} is not")


def _user() -> str:
    """Who runs this, by name; by number where the system has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
