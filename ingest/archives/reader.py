"""Rows of an archive to articles, and reasons for those that are none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import chain, islice
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ingest.archives.container import ArchiveError, Container, container_of
from ingest.archives.rows import Row, table_of
from ingest.article import Article, article_id, content_hash
from ingest.dates import EARLIEST_YEAR, from_epoch, parse_date
from ingest.links import absolute_url
from ingest.text import MAX_TITLE_CHARS, language_code, plain_text

COLUMNS: Final = ("published", "source", "title", "text", "language", "url")
_REQUIRED: Final = ("published", "title")
_LOOKED_AHEAD_ROWS: Final = 100
_CLOCK_TOLERANCE: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is no article."""

    path: Path
    row: int
    """Line number in JSON lines and CSV, row number in Parquet; from 1."""
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.row}: {self.reason}"


def read_archive(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    source_default: str | None = None,
    *,
    zone: tzinfo = UTC,
    now: datetime | None = None,
) -> Iterator[Article | RefusedRow]:
    """The archive's rows as articles, in file order, one at a time.

    `mapping` names the file's columns where they differ: {"title": "headline"}. `source_default`
    stands where a row has no source; without it the host name of the row's address does. Dates
    that name no zone are in `zone`. With `now`, a date more than a day ahead of it is refused. An
    article's `first_seen` is its `published`: nobody here saw it earlier or later.

    Raises ArchiveError, before the first row wherever it can be known by then: no such file, not
    what its suffix says, no rows, a column that the file does not have.
    """
    container = container_of(path)
    columns = _columns(container, mapping or {})
    table = table_of(container, list(columns.values()))
    head = list(islice(table.rows, _LOOKED_AHEAD_ROWS))
    if not head:
        raise ArchiveError(f"{path}: the archive holds no rows")
    found = table.columns or list(dict.fromkeys(name for row in head for name in row.values))
    _check_columns(container, columns, found, mapping or {}, source_default)
    rows = chain(head, table.rows)
    return (_article(row, path, columns, source_default or "", zone, now) for row in rows)


def _columns(container: Container, mapping: Mapping[str, str]) -> dict[str, str]:
    for name in mapping:
        if name not in COLUMNS:
            raise ArchiveError(
                f"{container.path}: {name!r} cannot be mapped; columns are {', '.join(COLUMNS)}"
            )
    return {name: mapping.get(name, name) for name in COLUMNS}


def _check_columns(
    container: Container,
    columns: Mapping[str, str],
    found: list[str],
    mapping: Mapping[str, str],
    source_default: str | None,
) -> None:
    listed = ", ".join(repr(name) for name in found[:50]) or "none"
    for name, column in columns.items():
        if column in found:
            continue
        if name in mapping:
            raise ArchiveError(
                f"{container.path}: has no column {column!r} to read as {name}; it has {listed}"
            )
        if name in _REQUIRED:
            raise ArchiveError(
                f"{container.path}: has no column {name!r}; it has {listed} "
                f"(name the one to read as {name}: {name}=COLUMN)"
            )
        if name == "source" and not source_default and columns["url"] not in found:
            raise ArchiveError(
                f"{container.path}: has no column 'source'; it has {listed} "
                "(name the one to read as source: source=COLUMN, or give one source for all rows)"
            )


def _article(
    row: Row,
    path: Path,
    columns: Mapping[str, str],
    source_default: str,
    zone: tzinfo,
    now: datetime | None,
) -> Article | RefusedRow:
    if row.problem:
        return RefusedRow(path, row.number, row.problem)
    values = {name: row.values.get(column) for name, column in columns.items()}
    title = plain_text(_text(values["title"]), max_chars=MAX_TITLE_CHARS)
    if not title:
        return RefusedRow(path, row.number, f"no title (column {columns['title']!r})")
    url = absolute_url("", _text(values["url"]))
    source = plain_text(_text(values["source"]), markup=False, max_chars=200)
    source = source or source_default or (urlsplit(url).hostname or "").removeprefix("www.")
    if not source:
        return RefusedRow(path, row.number, f"no source (column {columns['source']!r})")
    published = _moment(values["published"], zone)
    if published is None:
        return RefusedRow(path, row.number, _no_date(values["published"], columns["published"]))
    if now is not None and published > now + _CLOCK_TOLERANCE:
        return RefusedRow(path, row.number, f"date in the future: {published.isoformat()}")
    text = plain_text(_text(values["text"]))
    return Article(
        id=article_id(source, url if _names_a_page(url) else "", title, text, published),
        source=source,
        url=url,
        title=title,
        text=text,
        language=language_code(_text(values["language"])),
        published=published,
        first_seen=published,
        published_is_estimate=False,
        content_hash=content_hash(title, text),
    )


def _names_a_page(url: str) -> bool:
    """A site's front door as the address of every row would make them all one article."""
    parts = urlsplit(url)
    return bool(parts.path.strip("/") or parts.query or parts.fragment)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    # Not-a-number is how tables exported by pandas leave a cell empty.
    return str(value) if isinstance(value, int | float) and value == value else ""


def _moment(value: object, zone: tzinfo) -> datetime | None:
    try:
        if isinstance(value, datetime):
            aware = value if value.tzinfo is not None else value.replace(tzinfo=zone)
            moment: datetime | None = aware.astimezone(UTC)
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day, tzinfo=zone).astimezone(UTC)
        elif isinstance(value, str):
            moment = parse_date(value, zone)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            moment = from_epoch(value)
        else:
            moment = None
    except (ValueError, OverflowError):
        return None
    return moment if moment is not None and moment.year >= EARLIEST_YEAR else None


def _no_date(value: object, column: str) -> str:
    if value is None or value == "":
        return f"no date (column {column!r})"
    return (
        f"not a date: {str(value)[:40]!r} (column {column!r}; wanted is ISO 8601, "
        "as in 2026-02-05T16:18:54+08:00)"
    )
