"""CSV files with a header, read strictly, with errors that name file and line."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from monitor.yamlfile import Problem, YamlFileError, read_limited, suggest

MAX_CSV_BYTES = 50_000_000


def csv_rows(
    path: Path, columns: Sequence[str], needed: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line and cells by column of each row that is not empty.

    The header has any of `columns` and all that are `needed`. Raises YamlFileError.
    """

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
    header: list[str] | None = None
    begun = 1
    try:
        for cells in reader:
            line, begun = begun, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip().lower() for cell in cells]
                if wrong := _header_problem(header, columns, needed):
                    raise refuse(wrong, line)
            elif len(cells) > len(header):
                raise refuse(f"{len(cells)} cells, the header has {len(header)}", line)
            else:
                yield line, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise refuse(f"not CSV: {error}", begun) from None
    if header is None:
        others = ", ".join(column for column in columns if column not in needed)
        raise refuse(f"a header is wanted: {', '.join(needed)}, and any of {others}")


def cell_values(cells: dict[str, str], lists: Collection[str]) -> dict[str, object]:
    """The cells that hold something; those of `lists` parted by `;` or `|`."""
    return {
        column: [part.strip() for part in re.split("[;|]", cell) if part.strip()]
        if column in lists
        else cell.strip()
        for column, cell in cells.items()
        if cell.strip()
    }


def _header_problem(
    header: Sequence[str], columns: Sequence[str], needed: Sequence[str]
) -> str | None:
    for column in header:
        if column not in columns:
            return f"unknown column '{column}'" + suggest(column, columns)
        if header.count(column) > 1:
            return f"column '{column}' stands twice"
    return next((f"the column '{name}' is missing" for name in needed if name not in header), None)
