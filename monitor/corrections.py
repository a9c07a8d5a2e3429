"""What a person says of an article: checked, and of several statements the one in force."""

import difflib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.labels import TOPICS, Sentiment

MAX_NOTE_CHARACTERS = 2_000


class Correction(BaseModel):
    """A label to be kept: of the text as a whole, or of one company in it."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    sentiment: Sentiment | None = None
    topics: tuple[str, ...] | None = Field(None, max_length=len(TOPICS))
    """All topics that the text has; an empty list says that it has none."""
    company: str = Field("", max_length=200)
    note: str = Field("", max_length=MAX_NOTE_CHARACTERS)
    by: str = Field("", max_length=100)

    @field_validator("topics")
    @classmethod
    def _known(cls, topics: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for topic in topics or ():
            if topic not in TOPICS:
                close = difflib.get_close_matches(topic, TOPICS, n=1)
                hint = f"did you mean '{close[0]}'?" if close else f"there are {', '.join(TOPICS)}"
                raise ValueError(f"unknown topic '{topic[:100]}' ({hint})")
        return None if topics is None else tuple(dict.fromkeys(topics))

    @field_validator("company", "note", "by")
    @classmethod
    def _printable(cls, text: str) -> str:
        if any(unicodedata.category(char) == "Cc" and char not in "\n\r\t" for char in text):
            raise ValueError("control characters cannot be kept")
        return text

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.sentiment is None and self.topics is None:
            raise ValueError("give a sentiment, topics, or both")
        return self


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """What is wrong with one field of a correction."""

    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def correction_of(values: Mapping[str, Any]) -> Correction | list[FieldProblem]:
    """The correction that plain values state, or all that is wrong with them."""
    try:
        return Correction.model_validate(values)
    except ValidationError as error:
        return [
            FieldProblem(
                # What concerns the whole is told at the field that mends it.
                ".".join(str(step) for step in item["loc"]) or "sentiment",
                item["msg"].removeprefix("Value error, "),
            )
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]


@dataclass(frozen=True, slots=True)
class Label:
    """A stored label; `company` is "" where it is of the text as a whole."""

    id: int
    article_id: str
    company: str
    sentiment: str | None
    topics: tuple[str, ...] | None
    by: str
    labelled: datetime
    note: str


def in_force(history: Iterable[Label]) -> list[Label]:
    """The label in force of each (article, company), the newest first.

    `history` is in the order of the ids. A later label stands over an earlier one in what it says:
    one that gives topics alone leaves the sentiment as it was.
    """
    found: dict[tuple[str, str], Label] = {}
    for label in history:
        key = label.article_id, label.company
        before = found.get(key)
        if before is not None:
            label = replace(
                label,
                sentiment=before.sentiment if label.sentiment is None else label.sentiment,
                topics=before.topics if label.topics is None else label.topics,
            )
        found[key] = label
    return sorted(found.values(), key=lambda label: -label.id)
