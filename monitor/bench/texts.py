"""Texts to measure with: those that the models' training texts were written as, or one's own."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

import models
from monitor.failures import DataError, UsageError
from monitor.scoring import scored_text
from monitor.text_rows import MAX_LINE_BYTES, MAX_ROW_BYTES

MAX_TEXTS = 10_000
SEED = 7
WRITTEN = Path(models.__file__).parent / "data"


class _Row(msgspec.Struct):
    text: str = ""
    title: str = ""
    language: str = ""


_decoder = msgspec.json.Decoder(_Row)


def written_texts(language: str, count: int = MAX_TEXTS) -> list[str]:
    """Texts that were written for training, in the same mixed order in every run."""
    rows = (
        _decoder.decode(line)
        for path in sorted(WRITTEN.glob(f"{language}-*.jsonl"))
        for line in path.read_bytes().splitlines()
    )
    texts = list(dict.fromkeys(row.text for row in rows if row.text and row.language == language))
    return mixed(texts)[:count]


def read_texts(path: Path, count: int = MAX_TEXTS) -> list[str]:
    """The first `count` texts of a file, in mixed order: one a line, or JSON objects with `text`
    or `title`. Raises UsageError for a file that cannot be read, DataError naming a line."""
    texts: list[str] = []
    try:
        with path.open("rb") as file:
            number = 0
            while len(texts) < count and (line := file.readline(MAX_ROW_BYTES + 1)):
                number += 1
                text = _text_of(line.strip(), f"{path}, line {number}")
                if text:
                    texts.append(text)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if not texts:
        raise DataError(f"{path}: holds no text")
    return mixed(texts)


def _text_of(line: bytes, place: str) -> str:
    if len(line) > MAX_ROW_BYTES:
        raise DataError(f"{place}: longer than {MAX_ROW_BYTES} bytes")
    if not line.startswith(b"{"):
        return line[:MAX_LINE_BYTES].decode("utf-8", "replace")
    try:
        row = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{place}: {error}") from None
    text = scored_text(row.title or row.text, row.text)
    if not text:
        raise DataError(f"{place}: has neither 'text' nor 'title'")
    return text


def mixed(texts: Sequence[str]) -> list[str]:
    """The texts in another order, the same each time: files are often sorted."""
    return [texts[index] for index in np.random.default_rng(SEED).permutation(len(texts))]


def window(texts: Sequence[str], count: int, turn: int) -> list[str]:
    """The `count` texts whose turn it is, going around."""
    start = turn * count
    return [texts[index % len(texts)] for index in range(start, start + count)]


def numbered(texts: Sequence[str], use: int) -> list[str]:
    """The texts as ones that were not seen before, a token longer: what has an answer kept for
    texts that come again must not be measured by that."""
    return [f"{use} {text}" for text in texts]
