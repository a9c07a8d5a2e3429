"""Watchlist files, YAML or CSV, with errors that name file, line and field."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from models.watched import MAX_COMPANIES, Companies, Company, WatchlistFile, conflicts
from monitor.yamlfile import (
    Problem,
    YamlFileError,
    checked,
    locate,
    read_limited,
    read_yaml,
    suggest,
)

MAX_CSV_BYTES = 50_000_000
COLUMNS = tuple(Company.model_fields)
LISTS = ("aliases", "tickers", "isin", "ambiguous", "cues", "not_in")


def load_watchlist(path: Path) -> WatchlistFile:
    """The companies of a file: CSV where its name ends so, else YAML.

    A CSV has a header of the fields' names, in any order; lists are parted by `;` or `|`. Raises
    YamlFileError, with a problem a line.
    """
    if path.suffix.lower() == ".csv":
        return _from_csv(path)
    document = read_yaml(path)
    listed = checked(path, document, Companies).companies
    problems = []
    for index, field, message in conflicts(listed):
        _, line, column = locate(document, ("companies", index, field))
        problems.append(Problem(str(path), line, column, f"companies.{index}.{field}: {message}"))
    if problems:
        raise YamlFileError(sorted(problems, key=lambda problem: problem.line))
    return WatchlistFile(companies=listed)


def _from_csv(path: Path) -> WatchlistFile:
    companies: list[Company] = []
    lines: list[int] = []
    problems: list[Problem] = []
    for line, cells in _rows(path):
        try:
            companies.append(Company.model_validate(_values(cells)))
            lines.append(line)
        except ValidationError as error:
            problems += [
                Problem(str(path), line, 1, _message(item["loc"], item["msg"]))
                for item in error.errors(include_url=False, include_input=False)
            ]
    if len(companies) > MAX_COMPANIES:
        raise YamlFileError([Problem(str(path), 1, 1, f"more than {MAX_COMPANIES} companies")])
    problems += [
        Problem(str(path), lines[index], 1, f"{field}: {message}")
        for index, field, message in (conflicts(companies) if not problems else ())
    ]
    if problems:
        raise YamlFileError(sorted(problems, key=lambda problem: problem.line))
    return WatchlistFile(companies=tuple(companies))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by column of each row that is not empty."""

    def refuse(message: str, line: int = 1) -> YamlFileError:
        return YamlFileError([Problem(str(path), line, 1, message)])

    raw = read_limited(path, MAX_CSV_BYTES)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse(f"not UTF-8 at byte {error.start}", line) from None
    if "\0" in text:
        raise refuse("not CSV: it holds a zero byte", text.count("\n", 0, text.index("\0")) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] | None = None
    begun = 1
    try:
        for cells in reader:
            line, begun = begun, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = [cell.strip().lower() for cell in cells]
                if wrong := _header_problem(columns):
                    raise refuse(wrong, line)
            elif len(cells) > len(columns):
                raise refuse(f"{len(cells)} cells, the header has {len(columns)}", line)
            else:
                yield line, dict(zip(columns, cells, strict=False))
    except csv.Error as error:
        raise refuse(f"not CSV: {error}", begun) from None
    if columns is None:
        raise refuse(f"a header is wanted: name, and any of {', '.join(COLUMNS[1:])}")


def _header_problem(columns: Sequence[str]) -> str | None:
    for column in columns:
        if column not in COLUMNS:
            return f"unknown column '{column}'" + suggest(column, COLUMNS)
        if columns.count(column) > 1:
            return f"column '{column}' stands twice"
    return None if "name" in columns else "the column 'name' is missing"


def _values(cells: dict[str, str]) -> dict[str, object]:
    """The cells that hold something, lists as lists."""
    return {
        column: [part.strip() for part in re.split("[;|]", cell) if part.strip()]
        if column in LISTS
        else cell.strip()
        for column, cell in cells.items()
        if cell.strip()
    }


def _message(location: Sequence[int | str], text: str) -> str:
    where = str(location[0]) + ": " if location else ""
    return where + text.removeprefix("Value error, ").removeprefix(where)
