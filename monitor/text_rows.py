"""Rows of texts to score, and the companies that each is asked about."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from models.mentions import mentions
from models.scorer import Prepared, Scorer
from models.watchlist import Watchlist
from monitor.failures import Invalid

MAX_LINE_BYTES = 60_000
MAX_ROW_BYTES = 200_000
MAX_QUESTIONS = 256
"""Texts and companies that are scored together; a row of 100 companies asks 101 questions."""

_CompanyName = Annotated[str, msgspec.Meta(pattern=r"\S", max_length=200)]
_CompanyNames = Annotated[tuple[_CompanyName, ...], msgspec.Meta(max_length=100)]


class TextRow(msgspec.Struct, frozen=True):
    """A text, what language it is said to be in, and the companies that it is asked about."""

    text: str
    companies: _CompanyNames | None = None
    language: str | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        return self.companies or ()


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row or why it is none, and its line, from 1."""

    line: int
    row: TextRow | Invalid


_decoder = msgspec.json.Decoder(TextRow)


def text_row(line: bytes) -> TextRow:
    """A line that is a text; of a long one the beginning."""
    return TextRow(line[:MAX_LINE_BYTES].rstrip(b"\r").decode("utf-8", "replace"))


def json_row(line: bytes) -> TextRow | Invalid:
    """A line that is a JSON object with `text`, and `companies` and `language` if it has them."""
    if len(line) > MAX_ROW_BYTES:
        return Invalid(f"longer than {MAX_ROW_BYTES} bytes")
    if not line.strip():
        return Invalid("an empty line; a JSON object is wanted")
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Invalid(str(error))


def parts(rows: Iterable[NumberedRow]) -> Iterator[list[NumberedRow]]:
    """The rows in runs of at most MAX_QUESTIONS questions, or of one row."""
    part: list[NumberedRow] = []
    questions = 0
    for numbered in rows:
        row = numbered.row
        asks = 0 if isinstance(row, Invalid) else 1 + len(row.asked)
        if part and questions + asks > MAX_QUESTIONS:
            yield part
            part, questions = [], 0
        part.append(numbered)
        questions += asks
    if part:
        yield part


def prepare(scorer: Scorer, watchlist: Watchlist, rows: Sequence[NumberedRow]) -> Prepared:
    """The questions of the rows in their order: each text, then the text for each company."""
    texts: list[str] = []
    stated: list[str] = []
    asked: list[Sequence[tuple[int, int]] | None] = []
    for numbered in rows:
        row = numbered.row
        if isinstance(row, Invalid):
            continue
        found = mentions(row.text, row.asked, watchlist)
        texts += [row.text] * (1 + len(found))
        stated += [row.language or ""] * (1 + len(found))
        asked += [None, *found]
    return scorer.prepare(texts, stated, asked)
