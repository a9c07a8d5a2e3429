"""The texts of labelled items, found again in archives of news by their content hash."""

from collections.abc import Collection
from pathlib import Path

from ingest.archives import SUFFIXES, RefusedRow, is_archive_name, read_archive
from monitor.failures import UsageError
from monitor.scoring import scored_text


def archives_in(folder: Path) -> list[Path]:
    """The archives of a folder; files of other kinds are passed over.

    Raises UsageError where there is none.
    """
    paths = [
        path
        for path in sorted(folder.glob("*"))
        if is_archive_name(path) and not path.name.endswith(".incidents.csv")
    ]
    if not paths:
        raise UsageError(f"{folder}: holds no archive ({SUFFIXES})")
    return paths


def texts_by_hash(folder: Path, wanted: Collection[str]) -> dict[str, str]:
    """What is scored of the wanted items, by content hash, from all archives in a folder.

    Raises UsageError where there is no archive, ArchiveError for one that cannot be read.
    """
    needed = set(wanted)
    return {
        row.content_hash: scored_text(row.title, row.text)
        for path in archives_in(folder)
        for row in read_archive(path)
        if not isinstance(row, RefusedRow) and row.content_hash in needed
    }
