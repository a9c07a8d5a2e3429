"""`undertone rules`: checking a rule file."""

from pathlib import Path

import click

from monitor.cli.options import configured
from monitor.settings import DEFAULT_RULES, Settings


@click.group()
def rules() -> None:
    """The rules that decide what an alert is."""


@rules.command()
@click.argument("path", required=False, type=click.Path(path_type=Path))
@configured
def check(settings: Settings, path: Path | None) -> None:
    """Check a rule file: PATH, or the one in force. Errors name file, line and column."""
    chosen = path or settings.rules or DEFAULT_RULES
    found = settings.read_rules(chosen)
    for rule in found.rules:
        keys = ", ".join(rule.keys) if rule.keys else "every key"
        click.echo(f"{rule.name}: {rule.detector} on {rule.dimension} ({keys})")
    click.secho(f"{chosen}: {len(found.rules)} rules, all right", fg="green")
