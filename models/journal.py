"""Which version was put into service when, by whom and on what grounds: one JSON object a line."""

import logging
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from models.manifest import ModelError
from models.verification import NAME_PATTERN

LOG = logging.getLogger(__name__)
Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")

_VERSION = rf"^(bundled:[a-z]{{2}}(-fast)?|{NAME_PATTERN}@[0-9a-f]{{8}})\Z"
Version = Annotated[str, msgspec.Meta(pattern=_VERSION)]


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """One line: a version that was put into service for a language."""

    time: Annotated[datetime, msgspec.Meta(tz=True)]
    language: Language
    action: Literal["promote", "rollback"]
    version: Version
    previous: Version
    """What was in service before."""
    manifest_sha256: str = ""
    """Of the version's `manifest.json`; "" for a bundled model."""
    by: str
    """Who did it, by the operating system's name."""
    figures: tuple[dict[str, Any], ...] = ()
    """What it was compared on."""
    forced: str | None = None
    """Why it was put into service against the verdict; None where it was not."""


def bundled(language: Language) -> str:
    """What serves a language that nothing was promoted for."""
    return f"bundled:{language}"


def read_journal(path: Path) -> list[Promotion]:
    """All entries, oldest first; a line that cannot be read is left out, with a warning.

    A last line without its end is one whose writing was interrupted: it never took effect. Raises
    ModelError for a file that cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror}") from None
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        if number == len(lines):
            LOG.warning("%s:%d: its writing was interrupted; the line is ignored", path, number)
            continue
        try:
            entries.append(msgspec.json.decode(line, type=Promotion))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            LOG.warning("%s:%d: %s; the line is ignored", path, number, error)
    return entries


def append(path: Path, entry: Promotion) -> None:
    """Write an entry, durable on return; a torn last line is taken away first.

    The caller keeps others from writing meanwhile. Raises ModelError where it cannot be written.
    """
    line = msgspec.json.encode(entry) + b"\n"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            content = path.read_bytes()
            whole = content.rfind(b"\n") + 1
            os.ftruncate(descriptor, whole)
            os.lseek(descriptor, whole, os.SEEK_SET)
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        sync_folder(path.parent)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written: {error.strerror}") from error


def sync_folder(folder: Path) -> None:
    """Make what was created or renamed in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def succession(entries: Sequence[Promotion], language: Language) -> list[str]:
    """The versions that a language can go back through, the one in service last.

    A promotion puts a version on top of those before it, a rollback takes the top away. At the
    bottom is the bundled model.
    """
    versions = [bundled(language)]
    for entry in entries:
        if entry.language != language:
            continue
        if entry.action == "rollback":
            while len(versions) > 1 and versions[-1] != entry.version:
                versions.pop()
        elif versions[-1] != entry.version:
            versions.append(entry.version)
    return versions
