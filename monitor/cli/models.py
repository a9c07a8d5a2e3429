"""`undertone models`: the registry of models, and what is in service."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from monitor.cli.options import as_json, configured, print_json
from monitor.cli.promote import promote, rollback
from monitor.settings import Settings

if TYPE_CHECKING:
    from models.journal import Promotion
    from models.manifest import Manifest
    from models.registry import Registry


@click.group()
def models() -> None:
    """The registry of models: versions that never change, and which of them is in service.

    A model that `undertone train` has made goes into service by

        undertone models promote our-model --on our-test-set.csv

    if it is no worse there than the model that it replaces. What runs takes it over within half a
    minute. `rollback` puts the one before it back.
    """


def _registry(settings: Settings) -> Registry:
    from models.registry import Registry

    return Registry(settings.model_registry)


@models.command("list")
@configured
@as_json
def list_(settings: Settings, as_json: bool) -> None:
    """List the bundled models and all versions of the registry."""
    from models.directories import bundled_specs
    from models.journal import LANGUAGES, succession
    from models.manifest import MANIFEST, ModelError, parse_manifest
    from models.tiers import in_tier

    registry = _registry(settings)
    entries = registry.entries()
    serving = {
        language: in_tier(succession(entries, language)[-1], settings.models.tier)
        for language in LANGUAGES
    }
    broken: list[str] = []
    table = Table(box=None)
    table.add_column("version", no_wrap=True)
    for heading in ("languages", "method", "in service", "created", "size", "sentiment F1"):
        table.add_column(heading)
    for version in [*bundled_specs(), *registry.versions()]:
        directory = registry.directory(version)
        row: dict[str, Any] = {
            "version": version,
            "in_service": [key for key, name in serving.items() if name == version],
        }
        try:
            manifest = parse_manifest(directory)
        except ModelError as error:
            row["broken"] = str(error)
            table.add_row(Text(version), Text("broken", "red"))
            broken.append(str(error))
        else:
            size = sum(file.stat().st_size for file in directory.iterdir())
            created = datetime.fromtimestamp((directory / MANIFEST).stat().st_mtime, UTC)
            f1 = manifest.metrics.get("valid", {}).get("sentiment_f1")
            row |= {
                "languages": list(manifest.languages),
                "method": manifest.method,
                "created": created,
                "bytes": size,
                "sentiment_f1": f1,
            }
            table.add_row(
                Text(version),
                ", ".join(manifest.languages),
                manifest.method,
                Text(", ".join(row["in_service"]), "green"),
                f"{created:%Y-%m-%d}",
                f"{size / 1e6:.1f} MB",
                "" if f1 is None else f"{f1:.3f}",
            )
        if as_json:
            print_json(row)
    if not as_json:
        Console().print(table)
        for reason in broken:
            click.secho(reason, fg="red", err=True)


@models.command()
@click.argument("model", metavar="VERSION|PATH|bundled:en")
@configured
@as_json
def show(settings: Settings, model: str, as_json: bool) -> None:
    """Show what a model was made of, how good it is, and how it went into service."""
    import msgspec

    from models.manifest import parse_manifest

    registry = _registry(settings)
    version, directory = registry.find(model)
    manifest = parse_manifest(directory)
    promotions = [entry for entry in registry.entries() if version and entry.version == version]
    if as_json:
        print_json(
            {
                "version": version or manifest.identifier,
                "directory": str(directory),
                "manifest": msgspec.to_builtins(manifest),
                "promotions": [msgspec.to_builtins(entry) for entry in promotions],
            }
        )
        return
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _told(manifest, directory, promotions):
        table.add_row(Text(name, "bold"), Text(value))
    Console().print(table)


def _told(
    manifest: Manifest, directory: Path, promotions: list[Promotion]
) -> list[tuple[str, str]]:
    base = manifest.base
    rows = [
        ("version", manifest.identifier),
        ("directory", str(directory)),
        ("languages", ", ".join(manifest.languages)),
        ("base", ", ".join(filter(None, (base.name, base.licence, base.package)))),
        ("method", f"{manifest.method}, pooled by {manifest.pooling}"),
        ("reads", f"{manifest.max_tokens} tokens of a text"),
    ]
    rows += [
        ("data", f"{source.name}: {source.rows} rows, {source.licence}, {source.sha256[:16]}…")
        for source in manifest.data
    ]
    for part, figures in manifest.metrics.items():
        told = ", ".join(f"{name} {value:.3f}" for name, value in figures.items())
        rows.append((f"figures, {part}", told))
    rows += _errors(manifest)
    cuts = ", ".join(f"{topic} {cut:g}" for topic, cut in manifest.topic_thresholds.items())
    rows += [("calibration", f"temperature {manifest.temperature:g}"), ("", f"topics from {cuts}")]
    rows.append(("made by", manifest.command))
    rows += [("file", f"{name}  {digest}") for name, digest in manifest.files.items()]
    for entry in promotions:
        reason = f", forced: {entry.forced}" if entry.forced is not None else ""
        what = "promoted" if entry.action == "promote" else "rolled back to"
        when = f"{entry.time:%Y-%m-%d %H:%M} UTC"
        rows.append((f"{what} for {entry.language}", f"{when} by {entry.by}{reason}"))
    return rows


def _errors(manifest: Manifest) -> list[tuple[str, str]]:
    """How often "negative" is found where it is true, and rightly not said where it is not."""
    confusion = manifest.confusion
    if confusion is None:
        return []
    rows = []
    for task, by_language in confusion.counts.items():
        for language in by_language:
            negative, found, other, passed = confusion.negative_or_not(task, language)
            if negative and other:
                told = (
                    f"{found / negative:.1%} of {negative} negative texts are found, "
                    f"{passed / other:.1%} of {other} others passed, on {confusion.on}"
                )
                rows.append((f"errors, {task}, {language}", told))
    return rows


@models.command()
@click.argument("names", metavar="[VERSION|PATH]...", nargs=-1)
@configured
@as_json
def verify(settings: Settings, names: tuple[str, ...], as_json: bool) -> None:
    """Check models: files, hashes, keys, shapes, numbers, and that a text can be scored.

    Without a name all versions of the registry and the bundled models are checked. Exit code 1 if
    one of them is not sound.
    """
    from models.directories import bundled_specs
    from models.manifest import ModelError
    from models.serving import ServiceOptions, open_directory, open_version

    registry, options = _registry(settings), ServiceOptions()
    broken = False
    for name in names or [*bundled_specs(), *registry.versions()]:
        try:
            version, directory = registry.find(name)
            model = (
                open_version(registry, version, options)
                if version
                else open_directory(directory, options)
            )
            finding, sound = model.identifier, True
        except ModelError as error:
            finding, sound = str(error), False
        broken |= not sound
        if as_json:
            print_json({"model": name, "sound": sound, "finding": finding})
        else:
            click.secho("ok    " if sound else "error ", fg="green" if sound else "red", nl=False)
            click.echo(f"{name}: {finding}")
    if broken:
        raise click.exceptions.Exit(1)


models.add_command(promote)
models.add_command(rollback)
