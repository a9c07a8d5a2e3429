"""Labelled texts: the record, reading them from files, and keeping sets apart."""

import csv
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.labels import FINNL_TOPICS, LABEL_SYNONYMS, SENTIMENTS, TFNS_TOPICS, TOPICS, Sentiment
from models.languages import detect_language

MAX_LINE_CHARACTERS = 1_000_000
_URL = re.compile(r"https?://\S+|www\.\S+")


class LabelledDataError(ValueError):
    """Labelled data that cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class Example:
    """A text with what is known of it: None where it carries no such label."""

    text: str
    sentiment: Sentiment | None
    topics: frozenset[str] | None
    language: str
    weight: float = 1.0
    single_topic: bool = False
    """The set names one topic a text: another may be right too, so its absence says little."""
    company: str = ""
    """Name of the company that is asked about: the sentiment is then towards it alone."""
    source: str = ""


def fingerprint(text: str) -> str:
    """A text without addresses, case and punctuation, hashed: copies have the same."""
    folded = unicodedata.normalize("NFKC", _URL.sub("", text)).casefold()
    kept = "".join(char for char in folded if unicodedata.category(char)[0] in "LN")
    return hashlib.sha256(kept.encode()).hexdigest()[:24]


def without(examples: Iterable[Example], held_out: Iterable[Example]) -> list[Example]:
    """The examples whose text, by fingerprint, is not among those held out, each once.

    A text counts once as a whole, and once for each company that is asked about.
    """
    taken = {fingerprint(example.text) for example in held_out}
    seen: set[tuple[str, bool, str]] = set()
    kept = []
    for example in examples:
        mark = fingerprint(example.text)
        task = (mark, example.sentiment is None, example.company)
        if mark not in taken and task not in seen:
            seen.add(task)
            kept.append(example)
    return kept


def split(examples: Iterable[Example]) -> tuple[list[Example], list[Example], list[Example]]:
    """Train, valid and test (80, 10, 10%) by fingerprint: copies never part, in any run."""
    parts: tuple[list[Example], list[Example], list[Example]] = ([], [], [])
    for example in examples:
        number = int(fingerprint(example.text)[:8], 16) % 10
        parts[0 if number < 8 else number - 7].append(example)
    return parts


def read_labelled(path: Path) -> list[Example]:
    """Every labelled text of a file in any of the forms that are known.

    CSV, JSON lines and Parquet with `text` and `sentiment` (or `label`) and/or `topics`, and the
    published forms of Financial PhraseBank (`text@label`), SEntFiN, NewsMTSC, FinCUGE and
    twitter-financial-news. A JSON or Parquet row may hold `companies`, a list of `{"name",
    "sentiment"}`; it yields an example for each of them, beside the text as a whole where it is
    labelled or they agree. Raises LabelledDataError with file and line.
    """
    if not path.is_file():
        raise LabelledDataError(f"{path}: no such file")
    suffix = path.suffix.lower()
    if suffix == ".txt":
        examples = _phrasebank(path)
    elif suffix == ".json":
        examples = _fincuge(path)
    elif suffix == ".jsonl":
        examples = [
            example for number, row in json_lines(path) for example in _json_row(path, number, row)
        ]
    elif suffix in (".csv", ".parquet"):
        examples = _table(path)
    else:
        raise LabelledDataError(f"{path}: .csv, .jsonl, .parquet, .json and .txt are known")
    if not examples:
        raise LabelledDataError(f"{path}: holds no labelled text")
    return examples


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line that is not blank. Raises LabelledDataError."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line[:MAX_LINE_CHARACTERS])
            except ValueError as error:
                raise LabelledDataError(f"{path}:{number}: not JSON: {error}") from None
            if not isinstance(row, dict):
                raise LabelledDataError(f"{path}:{number}: a JSON object is wanted")
            yield number, row


def _json_row(path: Path, number: int, row: dict[str, Any]) -> list[Example]:
    if "sentence_normalized" in row:
        polarity: dict[float, Sentiment] = {2.0: "negative", 4.0: "neutral", 6.0: "positive"}
        found = {polarity[float(target["polarity"])] for target in row["targets"]}
        return _agreed(row["sentence_normalized"], found, "en")
    place = f"{path}:{number}"
    if "entities" in row and "title" in row:
        headline = {"text": row["title"], "companies": row["entities"], "language": "en"}
        return _with_companies(place, headline)
    return _with_companies(place, row)


def _agreed(text: str, found: set[Sentiment], language: str) -> list[Example]:
    """A text about several targets has one sentiment only where they agree."""
    return [Example(text, found.pop(), None, language)] if len(found) == 1 else []


def _with_companies(place: str, row: dict[str, Any]) -> list[Example]:
    """The text of a row as a whole, and as it reads to each of its `companies`."""
    companies = row.get("companies")
    if companies in (None, "", []):
        return [labelled_row(place, row)]
    if not isinstance(companies, list):
        raise LabelledDataError(f'{place}: \'companies\' is no list of {{"name", "sentiment"}}')
    towards: dict[str, Sentiment] = {}
    for company in companies:
        name = company.get("name") if isinstance(company, dict) else None
        if not isinstance(name, str) or not name.strip():
            raise LabelledDataError(f"{place}: a company has no 'name'")
        towards[name.strip()] = _sentiment(place, company.get("sentiment"))
    agreed = set(towards.values())
    label = row.get("sentiment", row.get("label"))
    if label in (None, "") and len(agreed) == 1:
        row = {**row, "sentiment": agreed.pop()}
    asked = [
        labelled_row(place, {**row, "sentiment": sentiment, "topics": None}, name)
        for name, sentiment in towards.items()
    ]
    whole = any(row.get(key) not in (None, "") for key in ("sentiment", "label", "topics"))
    return [labelled_row(place, row), *asked] if whole else asked


def labelled_row(place: str, row: dict[str, Any], company: str = "") -> Example:
    """A row with `text` and `sentiment` (or `label`) and/or `topics`. Raises LabelledDataError.

    With `company` the sentiment is that towards it.
    """
    text = row.get("text")
    if not isinstance(text, str) or not text.strip():
        raise LabelledDataError(f"{place}: 'text' is missing or empty")
    label = row.get("sentiment", row.get("label"))
    topics = row.get("topics")
    if label in (None, "") and topics in (None, ""):
        raise LabelledDataError(f"{place}: neither 'sentiment' nor 'topics' is given")
    if isinstance(topics, str):
        topics = topics.replace(";", " ").replace(",", " ").split()
    unknown = set(topics or ()) - set(TOPICS)
    if unknown:
        raise LabelledDataError(f"{place}: unknown topic '{sorted(unknown)[0]}'")
    return Example(
        text=text,
        sentiment=None if label in (None, "") else _sentiment(place, label),
        topics=None if topics is None or topics == "" else frozenset(topics),
        language=str(row.get("language") or detect_language(text)),
        weight=float(row.get("weight") or 1.0),
        company=company,
        source=str(row.get("source") or ""),
    )


def _sentiment(place: str, label: object) -> Sentiment:
    found = LABEL_SYNONYMS.get(str(label).strip().lower())
    if found is None:
        raise LabelledDataError(f"{place}: sentiment '{label}' is none of {', '.join(SENTIMENTS)}")
    return found


def _table(path: Path) -> list[Example]:
    rows: Iterable[dict[str, Any]]
    if path.suffix.lower() == ".parquet":
        from pyarrow.lib import ArrowInvalid
        from pyarrow.parquet import read_table

        try:
            rows = read_table(path).to_pylist()
        except ArrowInvalid as error:
            raise LabelledDataError(f"{path}: not Parquet: {error}") from None
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    rows = list(rows)
    kind = _tfns_kind(rows)
    return [
        example
        for number, row in enumerate(rows, start=2)
        for example in (
            [_tfns(f"{path}:{number}", row, kind)]
            if kind
            else _with_companies(f"{path}:{number}", row)
        )
    ]


def _tfns_kind(rows: Sequence[dict[str, Any]]) -> str | None:
    """Labels that are numbers: up to 2 it is the sentiment set, beyond it the topic set."""
    labels = {str(row.get("label", "")) for row in rows}
    if not labels or not all(label.isdigit() for label in labels):
        return None
    return "topic" if max(int(label) for label in labels) > 2 else "sentiment"


def _tfns(place: str, row: dict[str, Any], kind: str) -> Example:
    if not str(row.get("text") or "").strip():
        raise LabelledDataError(f"{place}: 'text' is missing or empty")
    number = int(row["label"])
    if kind == "sentiment":
        sentiments: tuple[Sentiment, ...] = ("negative", "positive", "neutral")
        return Example(row["text"], sentiments[number], None, "en")
    if number >= len(TFNS_TOPICS):
        raise LabelledDataError(f"{place}: label {number} is beyond {len(TFNS_TOPICS) - 1}")
    topic = TFNS_TOPICS[number]
    return Example(row["text"], None, frozenset([topic] if topic else []), "en", single_topic=True)


def _phrasebank(path: Path) -> list[Example]:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    examples = []
    for number, line in enumerate(text.splitlines(), start=1):
        sentence, at, label = line.rpartition("@")
        if not at or not sentence.strip():
            raise LabelledDataError(f"{path}:{number}: 'text@label' is wanted")
        examples.append(Example(sentence, _sentiment(f"{path}:{number}", label), None, "en"))
    return examples


def _fincuge(path: Path) -> list[Example]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LabelledDataError(f"{path}: not JSON: {error}") from None
    if not isinstance(rows, list):
        raise LabelledDataError(f"{path}: a JSON array is wanted")
    return [example for row in rows for example in _fincuge_row(row)]


def _fincuge_row(row: list[Any]) -> list[Example]:
    if len(row) == 2 and isinstance(row[1], int):
        return [Example(row[0], SENTIMENTS[row[1]], None, "zh")]
    if len(row) == 2:
        topics = frozenset(
            FINNL_TOPICS[name] for name in str(row[1]).split() if name in FINNL_TOPICS
        )
        return [Example(row[0], None, topics, "zh", single_topic=True)]
    if len(row) >= 5 and row[4] in ("0", "1"):
        # Negative news about a company or not: what is not negative is not told apart.
        return [Example(row[2] or row[1], "negative" if row[4] == "1" else "neutral", None, "zh")]
    return []
