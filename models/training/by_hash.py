"""Labels that are kept without their texts, joined with them by the hash of what was labelled."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from models.training.examples import LabelledDataError
from models.training.published_sets import is_published_row
from models.training.row_files import HASH, TEXT, json_lines, readable, table_rows

Rows = Iterable[tuple[str, dict[str, Any]]]
READERS: dict[str, Callable[[Path], Rows]] = {
    ".jsonl": json_lines,
    ".csv": table_rows,
    ".parquet": table_rows,
}


def labelled_hashes(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a label file that have no text, by their `content_hash`.

    A row also says where the item came from: `source` and `published`, where that is known. Raises
    LabelledDataError with file and line for a row that has neither text nor hash.
    """
    read = READERS.get(path.suffix.lower())
    if read is None:
        return {}
    with readable(path):
        return {
            digest: row
            for place, row in read(path)
            if not is_published_row(row) and (digest := hash_alone(place, row))
        }


def hash_alone(place: str, row: Mapping[str, Any]) -> str | None:
    """The content hash of a row that has no text; None where it has one. Raises
    LabelledDataError."""
    text, digest = row.get(TEXT), row.get(HASH)
    if isinstance(text, str) and text.strip():
        return None
    if text is not None and not isinstance(text, str):
        raise LabelledDataError(f"{place}: '{TEXT}' is missing or empty: a string is wanted")
    if not isinstance(digest, str) or not digest.strip():
        raise LabelledDataError(f"{place}: '{TEXT}' is missing or empty, and so is '{HASH}'")
    return digest.strip()


def with_text(
    place: str, row: dict[str, Any], texts: Mapping[str, str] | None
) -> dict[str, Any] | None:
    """The row with its text, from `texts` by content hash where it has none of its own; None where
    it is not among them. Raises LabelledDataError, also where `texts` is None and one is needed."""
    digest = hash_alone(place, row)
    if digest is None:
        return row
    if texts is None:
        raise LabelledDataError(
            f"{place}: no '{TEXT}', only a '{HASH}': "
            "`undertone train --texts DIR` finds the texts of such rows in archives"
        )
    return {**row, TEXT: texts[digest]} if digest in texts else None
