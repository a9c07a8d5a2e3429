"""Titles of archives of news as texts without labels, for a student to read."""

from collections.abc import Iterator
from pathlib import Path

from ingest.archives import RefusedRow, read_archive
from models.languages import detect_language, route
from models.manifest import DataSource, file_sha256
from models.training.examples import Example
from monitor.labelled_texts import archives_in

NOT_STATED = "not stated"
"""Licence of an archive: it is other people's news."""


def unlabelled_titles(folder: Path, language: str) -> tuple[list[Example], list[DataSource]]:
    """The titles of all archives in a folder that a language's model would read, each once, and
    which archives they came from.

    Raises UsageError where there is no archive, ArchiveError for one that cannot be read.
    """
    seen: set[str] = set()
    found: list[Example] = []
    sources = []
    for path in archives_in(folder):
        before = len(found)
        for title, of in _titles(path):
            if route(of) == language and title not in seen:
                seen.add(title)
                found.append(Example(title, None, None, of))
        if rows := len(found) - before:
            sources.append(DataSource(path.name, rows, NOT_STATED, file_sha256(path)))
    return found, sources


def _titles(path: Path) -> Iterator[tuple[str, str]]:
    for row in read_archive(path):
        if not isinstance(row, RefusedRow):
            yield row.title, detect_language(row.title, row.language)
