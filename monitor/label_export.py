"""People's labels as rows that `undertone train --train` reads as they are."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from models.companies import spans_of
from models.watched import WatchlistFile
from monitor.corrections import Label
from monitor.failures import DataError, UsageError
from monitor.scoring import scored_text
from monitor.store.labels import LabelledArticle

COLUMNS = (
    "text",
    "sentiment",
    "language",
    "source",
    "weight",
    "companies",
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
    labelled: Iterable[LabelledArticle],
    watchlist: WatchlistFile,
    companies: bool,
    hashes: bool,
    weight: float,
) -> Iterator[dict[str, Any]]:
    """A row an article, in the order of the first label in force.

    With `companies` it lists the sentiments towards companies too, and articles that have no other
    label are there. With `hashes` there is no text: `undertone train --texts` finds it again.
    """
    spellings = {item.name: item.spellings for item in watchlist.companies}
    articles: dict[str, list[LabelledArticle]] = {}
    for item in labelled:
        articles.setdefault(item.label.article_id, []).append(item)
    for items in articles.values():
        row = _row(items, spellings, companies, weight)
        if row is not None:
            yield _without_text(row) if hashes else row


def _row(
    items: list[LabelledArticle],
    spellings: Mapping[str, tuple[str, ...]],
    companies: bool,
    weight: float,
) -> dict[str, Any] | None:
    """The row of an article; None where none of its labels is asked for."""
    article = items[0]
    text = scored_text(article.title, article.text)
    whole = next((item.label for item in items if not item.label.company), None)
    # A label that gives a company topics alone has no place in a row: topics are of whole texts.
    asked = [item.label for item in items if companies and item.label.company]
    named = [_company(label, text, spellings) for label in asked if label.sentiment]
    if whole is None and not named:
        return None
    return {
        "text": text,
        "sentiment": whole and whole.sentiment,
        "topics": None if whole is None or whole.topics is None else list(whole.topics),
        "language": article.language,
        "source": article.source,
        "weight": weight,
        **({"companies": named} if companies else {}),
        "article_id": article.label.article_id,
        "content_hash": article.content_hash,
        "published": _moment(article.published.isoformat()),
        "labelled": whole and _moment(whole.labelled.isoformat()),
        "by": whole and whole.by,
        "note": whole and whole.note,
    }


def _company(label: Label, text: str, spellings: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """What `companies` of a row says of one: its name as it stands in the text, since training
    looks for it there, beside the one that it is watched by."""
    names = spellings.get(label.company, (label.company,))
    spans = [span for name in names for span in spans_of(text, name)]
    first = min(spans, key=lambda span: (span[0], -span[1]), default=None)
    return {
        "name": text[slice(*first)] if first else label.company,
        "sentiment": label.sentiment,
        "company": label.company,
        "labelled": _moment(label.labelled.isoformat()),
        "by": label.by,
        "note": label.note,
    }


def _without_text(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "text"}


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
    listed = row.get("companies")
    companies = json.dumps(listed, ensure_ascii=False) if listed else ""
    cells = [companies if name == "companies" else row.get(name, "") for name in names]
    return cells if row[last] is None else [*cells, ",".join(row[last]) or _NO_TOPICS]


def _moment(text: str) -> str:
    return text.replace("+00:00", "Z")
