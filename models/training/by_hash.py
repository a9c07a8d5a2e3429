"""Labels that are kept without their texts, joined with them by the hash of what was labelled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from models.training.examples import Example, LabelledDataError
from models.training.labelled_files import json_lines, labelled_rows


def labelled_hashes(path: Path) -> dict[str, dict[str, Any]]:
    """The rows of a label file (JSON lines) by their `content_hash`.

    A row also says where the item came from: `source` and `published`. Raises LabelledDataError
    with file and line.
    """
    rows = {}
    for number, row in json_lines(path):
        digest = row.get("content_hash")
        if not isinstance(digest, str) or not digest:
            raise LabelledDataError(f"{path}:{number}: 'content_hash' is missing")
        rows[digest] = row
    return rows


def with_texts(path: Path, texts: Mapping[str, str]) -> list[Example]:
    """The labels of a file whose texts were found; `texts` is by content hash."""
    return [
        example
        for digest, row in labelled_hashes(path).items()
        if digest in texts
        for example in labelled_rows(f"{path}: {digest}", {**row, "text": texts[digest]})
    ]
