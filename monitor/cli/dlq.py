"""`undertone dlq`: what could not be processed, and what is to become of it."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from monitor.cli.options import Moment, as_json, configured, prepare_data_dir, print_json
from monitor.dead_letters import OPEN_STATES, Filter, FoundLetter, State, find, full, named
from monitor.events import DEAD_LETTER_TOPICS
from monitor.failures import UsageError
from monitor.letter_replay import Outcome
from monitor.letter_replay import replay as send_again
from monitor.letters import DeadLetter
from monitor.settings import Settings
from monitor.store.dead_letters import drop as mark_dropped
from monitor.store.engine import open_store

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from monitor.bus import Bus

SHOWN_BYTES = 4_000


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose letters by what they are."""
    for option in (
        click.option("--since", type=Moment(), help="Failed since then: 2026-03-01, or 2h back."),
        click.option("--reason", help="The reason holds this text, or the stack has this digest."),
        click.option("--stage", type=click.Choice(sorted(DEAD_LETTER_TOPICS)), help="Of a stage."),
    ):
        command = option(command)
    return command


@click.group()
def dlq() -> None:
    """Dead letters: records that a stage could not process.

    \b
        undertone dlq list --stage score --since 1d
        undertone dlq show 3f2a9c
        undertone dlq replay --reason "schema version 3"
        undertone dlq drop 3f2a9c

    A letter says why, and where its record lay. `replay` sends the record back there, once what
    was wrong is mended.
    """


@dlq.command("list")
@filtered
@click.option("--all", "everything", is_flag=True, help="Also what was replayed or dropped.")
@click.option("--limit", type=click.IntRange(1), help="At most so many, newest first.")
@configured
@as_json
def list_(
    settings: Settings, everything: bool, limit: int | None, as_json: bool, **options: Any
) -> None:
    """List the letters that wait for somebody, newest first.

    One that is `replaying` was in a replay that broke off: it may have been sent or not.
    """
    bus, engine = _opened(settings)
    table = Table(
        Column("letter", no_wrap=True),
        "state",
        "failed",
        "from",
        "offset",
        "bytes",
        "reason",
        box=None,
    )
    found = find(bus, engine, Filter(**options))
    shown = [item for item in reversed(found) if everything or item.state in OPEN_STATES]
    for item in shown[:limit]:
        if as_json:
            print_json(item.as_json())
            continue
        table.add_row(
            item.id,
            item.state,
            item.head.failed.strftime("%Y-%m-%d %H:%M:%S"),
            f"{item.head.stage}: {item.head.topic}/{item.head.partition}",
            str(item.head.offset),
            f"{item.bytes_in_all:,}",
            Text(escaped(item.head.reason.encode())),
        )
    if not as_json:
        Console().print(table)


@dlq.command()
@click.argument("letter")
@click.option(
    "--bytes",
    "shown_bytes",
    type=click.IntRange(0),
    default=SHOWN_BYTES,
    show_default=True,
    help="At most so many bytes of the record, for people.",
)
@configured
@as_json
def show(settings: Settings, letter: str, shown_bytes: int, as_json: bool) -> None:
    """Show one letter with its record; the beginning of its id is enough.

    What could move the cursor or is no UTF-8 is written as an escape. --json gives all bytes that
    were kept, in base64.
    """
    bus, engine = _opened(settings)
    (found,) = named(find(bus, engine, Filter()), [letter])
    whole = full(bus, found)
    if as_json:
        print_json({**found.as_json(), "key": _base64(whole.key), "value": _base64(whole.value)})
        return
    for name, text in _described(found, whole):
        click.echo(f"{name:8} {text}")
    value = whole.value or b""
    click.echo(f"\n{escaped(value[:shown_bytes])}")
    if len(value) > shown_bytes:
        click.echo(f"… and {len(value) - shown_bytes:,} bytes more (--bytes, or --json for all)")


@dlq.command()
@click.argument("letters", nargs=-1)
@filtered
@click.option("--all", "everything", is_flag=True, help="All that wait.")
@click.option("--again", is_flag=True, help="Also what was replayed before (by id: or dropped).")
@click.option("--rekey", is_flag=True, help="Give articles that had no key the one of their story.")
@configured
@as_json
def replay(
    settings: Settings,
    letters: tuple[str, ...],
    everything: bool,
    again: bool,
    rekey: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Send LETTERS, or those that the options choose, back to where they came from.

    Each goes to its topic and partition with its key, headers and bytes, and is replayed once. Of a
    large record the letter holds the beginning only: the rest is fetched from its topic. The exit
    code is 1 where a record is no longer to be had, or is refused: such a letter waits again.
    """
    bus, engine = _opened(settings)
    states: Sequence[State] = (*OPEN_STATES, "replayed") if again else ("waiting",)
    chosen = _chosen(bus, engine, letters, everything, Filter(**options), states)
    counts = {"replayed": 0, "left": 0, "refused": 0, "lost": 0}
    for outcome in send_again(bus, engine, chosen, again=again, rekey=rekey):
        counts[outcome.result] += 1
        _tell(outcome, as_json)
    if not as_json:
        click.echo(
            f"{counts['replayed']} replayed, {counts['left']} left as they were, "
            f"{counts['refused']} refused, {counts['lost']} lost"
        )
    if counts["refused"] or counts["lost"]:
        raise click.exceptions.Exit(1)


@dlq.command()
@click.argument("letters", nargs=-1)
@filtered
@click.option("--all", "everything", is_flag=True, help="All that wait.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@configured
@as_json
def drop(
    settings: Settings,
    letters: tuple[str, ...],
    everything: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Give up LETTERS, or those that the options choose: they are no longer listed nor replayed.

    Their bytes stay in the dead-letter topic until its retention ends.
    """
    bus, engine = _opened(settings)
    chosen = _chosen(bus, engine, letters, everything, Filter(**options), OPEN_STATES)
    if not yes:
        click.confirm(f"Give up {len(chosen)} dead letters?", abort=True, err=True)
    mark_dropped(engine, [item.id for item in chosen], datetime.now(UTC))
    for item in chosen:
        if as_json:
            print_json({"id": item.id, "result": "dropped"})
    if not as_json:
        click.echo(f"{len(chosen)} dropped")


def escaped(value: bytes) -> str:
    """Text that is safe on a terminal: controls, marks of direction and bad bytes as escapes."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in value.decode("utf-8", "backslashreplace")
    )


def _opened(settings: Settings) -> tuple[Bus, Engine]:
    from monitor.bus.opening import open_bus

    prepare_data_dir(settings)
    return open_bus(settings), open_store(settings.store_url)


def _chosen(
    bus: Bus,
    engine: Engine,
    ids: Sequence[str],
    everything: bool,
    wanted: Filter,
    states: Sequence[State],
) -> list[FoundLetter]:
    """Letters by id in any state, or by filter in the given states. Raises UsageError where
    nothing was chosen, DataError."""
    if ids:
        if everything or wanted != Filter():
            raise UsageError("name letters, or choose them with options: not both")
        return named(find(bus, engine, wanted), ids)
    if not everything and wanted == Filter():
        raise UsageError("which letters? Name them, or use --stage, --reason, --since or --all")
    return [item for item in find(bus, engine, wanted) if item.state in states]


def _described(found: FoundLetter, whole: DeadLetter) -> list[tuple[str, str]]:
    cut = f", of which {found.cut_bytes:,} were not kept" if found.cut_bytes else ""
    key = "not known" if whole.key is None else escaped(whole.key) or "none"
    if len(whole.key or b"") < whole.key_bytes:
        key += f" … ({whole.key_bytes:,} bytes in all)"
    value = "no value" if whole.value is None else f"{found.bytes_in_all:,} bytes{cut}"
    return [
        ("letter", found.id),
        ("state", found.state),
        ("failed", whole.failed.isoformat()),
        ("stage", whole.stage),
        ("reason", escaped(whole.reason.encode())),
        ("stack", whole.stack or "none"),
        ("origin", f"{whole.topic}/{whole.partition} at offset {whole.offset}"),
        ("key", key),
        ("record", value),
    ]


def _tell(outcome: Outcome, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "id": outcome.letter.id,
                "result": outcome.result,
                "reason": outcome.reason or None,
            }
        )
    elif outcome.result != "replayed":
        click.secho(
            f"{outcome.letter.id}: {outcome.result}: {outcome.reason}", fg="yellow", err=True
        )


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
