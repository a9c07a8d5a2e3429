"""People's labels as rows that `undertone train --train` reads as they are."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from models.companies import marked, spans_of
from models.watched import WatchlistFile
from monitor.failures import DataError, UsageError
from monitor.scoring import scored_text
from monitor.store.labels import LabelledArticle

MARKED_CHARACTERS = 1_000
"""Of a longer text only the sentences that name the company are kept."""
COLUMNS = (
    "text",
    "sentiment",
    "language",
    "source",
    "weight",
    "company",
    "article_id",
    "content_hash",
    "published",
    "labelled",
    "by",
    "note",
    "topics",
)
"""Of a table. The topics come last: in a row without them the cell is left out, since an empty one
would be read as a text that has no topics."""
_NO_TOPICS = ","


def export_rows(
    labelled: Iterable[LabelledArticle], watchlist: WatchlistFile, companies: bool, weight: float
) -> Iterator[dict[str, Any]]:
    """One row a label in force, of texts as a whole; with `companies` of companies too.

    The text of a company's row has the mark of `models.companies` in the place of its name, so that
    it is not taken for a label of the whole text.
    """
    aliases = {item.name: (item.name, *item.aliases) for item in watchlist.companies}
    for item in labelled:
        label = item.label
        text = scored_text(item.title, item.text)
        if label.company and not companies:
            continue
        if label.company:
            names = aliases.get(label.company, (label.company,))
            text = marked(text, _spans(text, names), MARKED_CHARACTERS)
        yield {
            "text": text,
            "sentiment": label.sentiment,
            "topics": None if label.topics is None else list(label.topics),
            "language": item.language,
            "source": item.source,
            "weight": weight,
            "company": label.company,
            "article_id": label.article_id,
            "content_hash": item.content_hash,
            "published": _moment(item.published.isoformat()),
            "labelled": _moment(label.labelled.isoformat()),
            "by": label.by,
            "note": label.note,
        }


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> int:
    """Write JSON lines or CSV, by the file's name; the number of rows. Raises UsageError for
    another kind of file, DataError where it cannot be written."""
    kind = path.suffix.lower()
    if kind not in (".jsonl", ".csv"):
        raise UsageError(f"{path}: name it .jsonl or .csv")
    written = 0
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file) if kind == ".csv" else None
            if table is not None:
                table.writerow(COLUMNS)
            for row in rows:
                if table is not None:
                    table.writerow(_cells(row))
                else:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                written += 1
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    return written


def _cells(row: dict[str, Any]) -> list[str]:
    *names, last = COLUMNS
    cells = [row[name] for name in names]
    return cells if row[last] is None else [*cells, ",".join(row[last]) or _NO_TOPICS]


def _moment(text: str) -> str:
    return text.replace("+00:00", "Z")


def _spans(text: str, names: Iterable[str]) -> list[tuple[int, int]]:
    """Where any of the names stands; of names that overlap the first and longest."""
    found = sorted(
        (span for name in names for span in spans_of(text, name)),
        key=lambda span: (span[0], -span[1]),
    )
    kept: list[tuple[int, int]] = []
    for span in found:
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return kept
