"""Labelled texts: the record, what a model is shown of it, and keeping sets apart."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from models.companies import CHARACTERS_PER_TOKEN, marked, spans_of
from models.labels import Sentiment
from models.languages import route

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
    """Name, as it stands in the text, of the company that the sentiment is towards; "" for a
    sentiment of the text as a whole."""
    source: str = ""


def folded(text: str) -> str:
    """A text without addresses, case and punctuation."""
    plain = unicodedata.normalize("NFKC", _URL.sub("", text)).casefold()
    return "".join(char for char in plain if unicodedata.category(char)[0] in "LN")


def fingerprint(text: str) -> str:
    """Hash of a folded text: copies have the same."""
    return hashlib.sha256(folded(text).encode()).hexdigest()[:24]


def shown_text(example: Example, max_tokens: int) -> str:
    """What a model is shown of an example: the text, with the mark where a company is asked."""
    if not example.company:
        return example.text
    per_token = 1 if route(example.language) == "zh" else CHARACTERS_PER_TOKEN
    return marked(example.text, spans_of(example.text, example.company), max_tokens * per_token)


def without(examples: Iterable[Example], held_out: Iterable[Example]) -> list[Example]:
    """The examples whose text, by fingerprint, is not among those held out, each once."""
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
