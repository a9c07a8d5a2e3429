"""Rows of published labelled sets, in the forms in which they are published."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.labels import FINNL_TOPICS, LABEL_SYNONYMS, SENTIMENTS, TFNS_TOPICS, Sentiment
from models.training.examples import Example, LabelledDataError

_POLARITY: dict[float, Sentiment] = {2.0: "negative", 4.0: "neutral", 6.0: "positive"}


def is_published_row(row: dict[str, Any]) -> bool:
    """Whether a JSON object is a row of SEntFiN or NewsMTSC."""
    return "sentence_normalized" in row or ("entities" in row and "title" in row)


def published_row(place: str, row: dict[str, Any]) -> list[Example]:
    """The sentiments of a SEntFiN or NewsMTSC row towards each company or person, and that of the
    whole text where they agree. Raises LabelledDataError."""
    try:
        if "sentence_normalized" in row:
            text = row["sentence_normalized"]
            targets = [
                (item["mention"], _POLARITY[float(item["polarity"])]) for item in row["targets"]
            ]
        else:
            text = row["title"]
            targets = [
                (item["name"].strip(), LABEL_SYNONYMS[item["sentiment"].strip().lower()])
                for item in row["entities"]
            ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabelledDataError(f"{place}: not a row of SEntFiN or NewsMTSC: {error!r}") from None
    found = {sentiment for _, sentiment in targets}
    whole = [Example(text, found.pop(), None, "en")] if len(found) == 1 else []
    asked = [Example(text, sentiment, None, "en", company=name) for name, sentiment in targets]
    return whole + asked


def tfns_kind(rows: Sequence[dict[str, Any]]) -> str | None:
    """Labels that are numbers: up to 2 it is the sentiment set of twitter-financial-news, beyond
    it the topic set."""
    labels = {str(row.get("label", "")) for row in rows}
    if not labels or not all(label.isdigit() for label in labels):
        return None
    return "topic" if max(int(label) for label in labels) > 2 else "sentiment"


def tfns_row(place: str, row: dict[str, Any], kind: str, own_topics: bool) -> Example:
    """A row of twitter-financial-news. Raises LabelledDataError."""
    if not str(row.get("text") or "").strip():
        raise LabelledDataError(f"{place}: 'text' is missing or empty")
    number = int(row["label"])
    if kind == "sentiment":
        sentiments: tuple[Sentiment, ...] = ("negative", "positive", "neutral")
        return Example(row["text"], sentiments[number], None, "en")
    if own_topics:
        return Example(row["text"], None, frozenset([str(number)]), "en")
    if number >= len(TFNS_TOPICS):
        raise LabelledDataError(f"{place}: label {number} is beyond {len(TFNS_TOPICS) - 1}")
    topic = TFNS_TOPICS[number]
    return Example(row["text"], None, frozenset([topic] if topic else []), "en", single_topic=True)


def phrasebank_lines(path: Path) -> list[Example]:
    """Financial PhraseBank: `text@label`. Raises LabelledDataError with file and line."""
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    examples = []
    for number, line in enumerate(text.splitlines(), start=1):
        sentence, _, label = line.rpartition("@")
        sentiment = LABEL_SYNONYMS.get(label.strip().lower())
        if not sentence.strip() or sentiment is None:
            raise LabelledDataError(f"{path}:{number}: 'text@label' is wanted")
        examples.append(Example(sentence, sentiment, None, "en"))
    return examples


def fincuge_rows(path: Path, own_topics: bool) -> list[Example]:
    """FinFE, FinNL and FinNSP of FinCUGE: a JSON array of arrays. Raises LabelledDataError."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise LabelledDataError(f"{path}: not JSON: {error}") from None
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise LabelledDataError(f"{path}: a JSON array of arrays is wanted")
    found = []
    for number, row in enumerate(rows, start=1):
        try:
            found += _fincuge_row(row, own_topics)
        except (IndexError, TypeError) as error:
            raise LabelledDataError(f"{path}: row {number}: {error}") from None
    return [example for example in found if example.text.strip()]


def _fincuge_row(row: list[Any], own_topics: bool) -> list[Example]:
    if len(row) == 2 and isinstance(row[1], int):
        return [Example(row[0], SENTIMENTS[row[1]], None, "zh")]
    if len(row) == 2:
        names = str(row[1]).split()
        if own_topics:
            return [Example(row[0], None, frozenset(names), "zh")]
        topics = frozenset(FINNL_TOPICS[name] for name in names if name in FINNL_TOPICS)
        return [Example(row[0], None, topics, "zh", single_topic=True)]
    if len(row) >= 5 and row[4] in ("0", "1"):
        # Negative news about a company or not: what is not negative is not told apart.
        return [Example(row[2] or row[1], "negative" if row[4] == "1" else "neutral", None, "zh")]
    return []
