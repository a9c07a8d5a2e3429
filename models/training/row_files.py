"""Rows of JSON lines, CSV and Parquet as they stand in the file, each with its place."""

import csv
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.training.examples import LabelledDataError

MAX_LINE_CHARACTERS = 1_000_000
TEXT, HASH = "text", "content_hash"
"""What a row is labelled by: its text, or the hash of a text that is kept elsewhere."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """What keeps a file from being read, as LabelledDataError."""
    if not path.is_file():
        raise LabelledDataError(f"{path}: no such file")
    try:
        yield
    except UnicodeDecodeError as error:
        raise LabelledDataError(f"{path}: not UTF-8 at byte {error.start}") from None


def json_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Place and object of each line that is not blank. Raises LabelledDataError."""
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            if len(line) > MAX_LINE_CHARACTERS:
                raise LabelledDataError(
                    f"{path}:{number}: {len(line)} characters, the limit is {MAX_LINE_CHARACTERS}"
                )
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise LabelledDataError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise LabelledDataError(f"{path}:{number}: a JSON object is wanted")
            yield f"{path}:{number}", row


def table_rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """Place and cells of each row of a CSV or Parquet file. Raises LabelledDataError."""
    rows = _parquet_rows(path) if path.suffix.lower() == ".parquet" else _csv_rows(path)
    return [(f"{path}:{number}", row) for number, row in enumerate(rows, start=2)]


def _parquet_rows(path: Path) -> list[dict[str, Any]]:
    from pyarrow.lib import ArrowInvalid
    from pyarrow.parquet import read_table

    try:
        rows: list[dict[str, Any]] = read_table(path).to_pylist()
    except ArrowInvalid as error:
        raise LabelledDataError(f"{path}: not Parquet: {error}") from None
    return rows


def _csv_rows(path: Path) -> Sequence[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        if not {TEXT, HASH} & set(reader.fieldnames or ()):
            names = ", ".join(reader.fieldnames or ()) or "nothing"
            raise LabelledDataError(f"{path}:1: no column 'text' in the header; it has {names}")
        try:
            return list(reader)
        except csv.Error as error:
            raise LabelledDataError(f"{path}:{reader.line_num}: {error}") from None
