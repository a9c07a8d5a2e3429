"""Reading labelled texts from CSV, JSON lines and Parquet; every error names file and line."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from models.labels import LABEL_SYNONYMS, SENTIMENTS, TOPICS, Sentiment
from models.languages import detect_language
from models.training.by_hash import labelled_hashes, with_text
from models.training.examples import Example, LabelledDataError
from models.training.published_sets import (
    fincuge_rows,
    is_published_row,
    phrasebank_lines,
    published_row,
    tfns_kind,
    tfns_row,
)
from models.training.row_files import json_lines, readable, table_rows


def read_labelled(
    path: Path, own_topics: bool = False, texts: Mapping[str, str] | None = None
) -> list[Example]:
    """Every labelled text of a file in any of the forms that are known.

    CSV, JSON lines and Parquet with `text` and `sentiment` (or `label`) and/or `topics`, and where
    they are known `companies`, `language`, `source` and `weight`; and the published forms of
    Financial PhraseBank (`text@label`), SEntFiN, NewsMTSC, FinCUGE and twitter-financial-news.
    With `own_topics` the topics are what the file calls them, whatever that is; without it they
    must be among ours, and those of published sets are mapped to ours. A row may have the
    `content_hash` of its text instead: it is looked up in `texts`, and left out where it is not
    there. Raises LabelledDataError with file and line.
    """
    suffix = path.suffix.lower()
    with readable(path):
        if suffix == ".txt":
            examples = phrasebank_lines(path)
        elif suffix == ".json":
            examples = fincuge_rows(path, own_topics)
        elif suffix == ".jsonl":
            examples = [
                example
                for place, row in json_lines(path)
                for example in (
                    published_row(place, row)
                    if is_published_row(row)
                    else _row(place, row, own_topics, texts)
                )
            ]
        elif suffix in (".csv", ".parquet"):
            examples = _table(path, own_topics, texts)
        else:
            raise LabelledDataError(f"{path}: .csv, .jsonl, .parquet, .json and .txt are known")
    if not examples and not labelled_hashes(path):
        raise LabelledDataError(f"{path}: holds no labelled text")
    return examples


def labelled_rows(place: str, row: dict[str, Any], own_topics: bool = False) -> list[Example]:
    """The example of a row, and one for each of its `companies`, objects with name and sentiment;
    the text as a whole may be without a label then. Raises LabelledDataError."""
    companies = row.get("companies")
    if isinstance(companies, str) and companies.strip():
        try:
            companies = json.loads(companies)
        except ValueError:
            raise LabelledDataError(f"{place}: 'companies' is not a JSON list") from None
    if not companies:
        return [labelled_row(place, row, own_topics)]
    own = not _blank(row.get("sentiment", row.get("label"))) or not _blank(row.get("topics"))
    found = [labelled_row(place, row, own_topics)] if own else []
    if not isinstance(companies, list) or not all(isinstance(item, dict) for item in companies):
        raise LabelledDataError(f"{place}: 'companies' lists objects with name and sentiment")
    for item in companies:
        if not isinstance(item.get("name"), str) or not item["name"].strip():
            raise LabelledDataError(f"{place}: a company has no 'name'")
        label = _sentiment(place, item.get("sentiment"))
        asked = labelled_row(place, {**row, "sentiment": label, "topics": None})
        found.append(replace(asked, company=item["name"].strip()))
    return found


def labelled_row(place: str, row: dict[str, Any], own_topics: bool = False) -> Example:
    """A row with `text` and `sentiment` (or `label`) and/or `topics`. Raises LabelledDataError."""
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise LabelledDataError(f"{place}: 'text' is missing or empty")
    label, topics = row.get("sentiment", row.get("label")), row.get("topics")
    if _blank(label) and _blank(topics):
        raise LabelledDataError(f"{place}: neither 'sentiment' nor 'topics' is given")
    return Example(
        text=text,
        sentiment=None if _blank(label) else _sentiment(place, label),
        topics=None if _blank(topics) else _topics(place, topics, own_topics),
        language=str(row.get("language") or detect_language(text)),
        weight=_weight(place, row.get("weight")),
        source=str(row.get("source") or ""),
    )


def _blank(value: object) -> bool:
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def _sentiment(place: str, label: object) -> Sentiment:
    found = LABEL_SYNONYMS.get(str(label).strip().lower())
    if found is None:
        raise LabelledDataError(f"{place}: sentiment '{label}' is none of {', '.join(SENTIMENTS)}")
    return found


def _topics(place: str, topics: object, own_topics: bool) -> frozenset[str]:
    if isinstance(topics, str):
        topics = topics.replace(";", " ").replace(",", " ").split()
    if not isinstance(topics, list) or not all(isinstance(item, str) for item in topics):
        raise LabelledDataError(f"{place}: 'topics' is a list of names, or names parted by spaces")
    unknown = sorted(set(topics) - set(TOPICS))
    if unknown and not own_topics:
        raise LabelledDataError(
            f"{place}: unknown topic '{unknown[0]}'; known are {', '.join(TOPICS)} "
            "(train --own-topics takes any)"
        )
    return frozenset(topics)


def _weight(place: str, value: object) -> float:
    if _blank(value):
        return 1.0
    try:
        weight = float(str(value))
    except ValueError:
        weight = math.nan
    if not 0 < weight <= 1_000:
        raise LabelledDataError(f"{place}: weight '{value}' is no number above 0 and up to 1000")
    return weight


def _row(
    place: str, row: dict[str, Any], own_topics: bool, texts: Mapping[str, str] | None
) -> list[Example]:
    joined = with_text(place, row, texts)
    return labelled_rows(place, joined, own_topics) if joined else []


def _table(path: Path, own_topics: bool, texts: Mapping[str, str] | None) -> list[Example]:
    rows = table_rows(path)
    kind = tfns_kind([row for _, row in rows])
    if kind:
        return [tfns_row(place, row, kind, own_topics) for place, row in rows]
    return [example for place, row in rows for example in _row(place, row, own_topics, texts)]
