"""Rows of each format as mappings, in file order, without what they mean."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, cast

import pyarrow.parquet
from pyarrow.lib import ArrowException

from ingest.archives.container import ArchiveError, Container, opened, what_it_looks_like

MAX_LINE_BYTES: Final = 10_000_000
_BATCH_ROWS: Final = 500
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_PARQUET_FILE: Callable[..., Any] = pyarrow.parquet.ParquetFile


@dataclass(frozen=True, slots=True)
class Row:
    """`number` counts lines from 1 where the format has lines (a CSV header is line 1), else rows.

    `problem` says why there are no values.
    """

    number: int
    values: dict[str, object]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    columns: list[str] | None
    """As the file declares them; None for JSON lines, where each row has its own."""
    rows: Iterator[Row]
    """Holds the file open until it is used up or closed."""


def table_of(container: Container, wanted: Sequence[str]) -> Table:
    """The rows; raises ArchiveError, now or while reading, where the file is not of its format.

    `wanted` are the columns that will be looked at: formats that store columns apart read only
    these, where they exist.
    """
    parts = _columns_then_rows(container, wanted)
    columns = cast(list[str] | None, next(parts))
    return Table(columns, cast(Iterator[Row], parts))


def _columns_then_rows(
    container: Container, wanted: Sequence[str]
) -> Iterator[list[str] | Row | None]:
    with opened(container) as stream:
        match container.format:
            case "jsonl":
                yield None
                yield from _json_lines(container, stream)
            case "csv":
                lines = _text_lines(container, stream)
                header, delimiter = _csv_header(next(lines, ""))
                yield header
                yield from _csv(lines, header, delimiter)
            case "parquet":
                file = _parquet_file(container, stream)
                names = [str(name) for name in file.schema_arrow.names]
                yield names
                yield from _parquet(container, file, [name for name in names if name in wanted])


def _json_lines(container: Container, stream: BinaryIO) -> Iterator[Row]:
    any_good = False
    for number, line in _lines(stream):
        if line is None:
            yield Row(number, {}, f"the line is longer than {MAX_LINE_BYTES:,} bytes")
            continue
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if not line.strip():
            continue
        try:
            values = json.loads(line.decode("utf-8"))
            problem = "" if isinstance(values, dict) else "the line is no JSON object"
        except UnicodeDecodeError:
            problem = "the line is not UTF-8"
        except (ValueError, RecursionError):
            problem = "the line is not JSON"
        if problem and not any_good:
            found = what_it_looks_like(line[:64])
            raise ArchiveError(
                f"{container.path}:{number}: not what its suffix says: expected a JSON object on "
                f"each line, but {problem}" + (f" (it looks like {found})" if found else "")
            )
        any_good = True
        yield Row(number, {}, problem) if problem else Row(number, values)


def _csv_header(line: str) -> tuple[list[str], str]:
    delimiter = max(",;\t", key=line.count)
    cells = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
    return [cell.strip() for cell in cells], delimiter


def _csv(lines: Iterator[str], header: list[str], delimiter: str) -> Iterator[Row]:
    # A process-wide setting of the library; only ever raised, to our own limit.
    csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE_BYTES))
    reader = csv.reader(lines, delimiter=delimiter)
    while True:
        number = reader.line_num + 2
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(number, {}, f"the line is not CSV: {error}")
            continue
        if not cells:
            continue
        if any(_NOT_UTF8.search(cell) for cell in cells):
            yield Row(number, {}, "the line is not UTF-8")
        elif len(cells) > len(header):
            yield Row(number, {}, f"{len(cells)} cells under {len(header)} columns")
        else:
            yield Row(number, dict(zip(header, cells, strict=False)))


def _parquet(container: Container, file: Any, columns: list[str]) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=columns):
            for values in batch.to_pylist():
                number += 1
                yield Row(number, values)
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        raise ArchiveError(
            f"{container.path}: the Parquet data is damaged after row {number}"
        ) from error


def _parquet_file(container: Container, stream: BinaryIO) -> Any:
    try:
        return _PARQUET_FILE(stream)
    except (ArrowException, OSError, ValueError, OverflowError) as error:
        raise ArchiveError(
            f"{container.path}: not what its suffix says: it does not open as a Parquet file"
        ) from error


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines with their numbers; None for one over the limit, which is skipped, not kept."""
    number = 0
    while line := stream.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) <= MAX_LINE_BYTES:
            yield number, line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE_BYTES + 1)
        yield number, None


def _text_lines(container: Container, stream: BinaryIO) -> Iterator[str]:
    """Lines for the CSV reader; bytes that are not UTF-8 come as lone surrogates."""
    for number, line in _lines(stream):
        if line is None:
            raise ArchiveError(
                f"{container.path}:{number}: the line is longer than {MAX_LINE_BYTES:,} bytes"
            )
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
            if found := what_it_looks_like(line[:64]):
                raise ArchiveError(
                    f"{container.path}: not what its suffix says: expected CSV, found {found}"
                )
        yield line.decode("utf-8", "surrogateescape")
