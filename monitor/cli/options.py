"""Options that commands share, and what they lead to."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from monitor.failures import DataError, UsageError
from monitor.settings import Settings, load_settings

if TYPE_CHECKING:
    from sqlalchemy import Engine

AFTER_THE_LAST = timedelta(minutes=10)
LEARNING = timedelta(weeks=2)
"""History that only teaches the rules, unless --from says otherwise."""


def configured(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--config` and `--data-dir`, and the settings as its first argument."""

    @click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration; by default undertone.yaml in this folder, if there is one.",
    )
    @click.option(
        "--data-dir",
        type=click.Path(path_type=Path, file_okay=False),
        help="Where everything is kept.  [default: ./var]",
    )
    @functools.wraps(command)
    def wrapped(config: Path | None, data_dir: Path | None, **options: Any) -> None:
        command(load_settings(config, {"data_dir": data_dir}), **options)

    return wrapped


tier_option = click.option(
    "--tier",
    type=click.Choice(["accurate", "fast"]),
    help="Of the bundled models: the accurate ones, or the fast ones distilled from them.",
)

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")


def print_json(value: Any) -> None:
    """One object, on one line, at once."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} is not JSON")


def write_report(path: Path, text: str) -> None:
    """Write a report, and say so. Raises DataError where it cannot be written."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    click.echo(f"{path}: written", err=True)


def prepare_data_dir(settings: Settings) -> Path:
    """Make the data directory. Raises DataError where it cannot be written."""
    path = settings.data_dir
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"data directory {path}: {error.strerror}") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise DataError(f"data directory {path} is not writable; choose one with --data-dir")
    return path


def stored_span(settings: Settings, engine: Engine) -> tuple[datetime, datetime]:
    """When the first stored article was published, and a while after the last one was: two buckets
    on, so that its own is closed. Raises DataError for an empty store."""
    from monitor.store.readers import time_span

    span = time_span(engine)
    if span is None:
        raise DataError(f"the store in {settings.data_dir} is empty; `undertone backfill` fills it")
    return span[0].astimezone(UTC), span[1] + AFTER_THE_LAST


def judged_span(
    settings: Settings, engine: Engine, since: datetime | None, until: datetime | None
) -> tuple[datetime, datetime]:
    """The time over which alerts are counted: the stored one, less the first weeks of what is not
    rolled up, which only teach the rules. Raises DataError for an empty store, UsageError where
    nothing is left."""
    from monitor.store.reach import reach_of_store

    first, last = stored_span(settings, engine)
    rolled_up_to = reach_of_store(engine).five_minutes_from
    if rolled_up_to > first.timestamp():
        first = datetime.fromtimestamp(rolled_up_to, UTC)
    since, until = since or first + LEARNING, until or last
    if until <= since:
        raise UsageError(
            f"there is no history between {since:%Y-%m-%d} and {until:%Y-%m-%d}; "
            "it must be longer than two weeks, or --from given"
        )
    return since, until


class Moment(click.ParamType[datetime]):
    """A time: ISO 8601, a day, or a span back from now such as `7d`."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        text = str(value).strip()
        if text[-1:] in "mhdw" and text[:-1].isdigit():
            from alerts.rule_fields import parse_duration

            return datetime.now(UTC) - timedelta(seconds=parse_duration(text))
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"'{text}' is no time; write 2026-03-01, 2026-03-01T08:00Z or 7d", param, ctx)
        return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


def parse_mapping(pairs: tuple[str, ...]) -> dict[str, str]:
    """`title=headline` pairs. Raises UsageError."""
    mapping = {}
    for pair in pairs:
        ours, equals, theirs = pair.partition("=")
        if not equals or not ours or not theirs:
            raise UsageError(f"--map {pair}: write it as title=headline")
        mapping[ours] = theirs
    return mapping
