"""Asking a model about one company of a text: its name is replaced by a mark that the model reads.

A model that was trained with the mark says how the text reads to whoever holds the marked company;
one that was not is shown only the clauses that name it.
"""

import itertools
import re
from collections.abc import Sequence

COMPANY_MARK = "[unused1]"
"""A piece that the vocabularies of BERT keep free."""

CHARACTERS_PER_TOKEN = 4
"""Of languages with letters; in Chinese a character is a token."""
_WORD = re.compile(r"[0-9A-Za-z\u00c0-\u024f]")
_CLAUSE_END = re.compile(
    r"[;；。！？!?\n]+|[,，]\s*(?:while|but|as|whereas|though)\b|[.]\s+|，"
    r"|\s(?:while|but|as|whereas|although|though|despite)\s|(?:而|但是|但|不过|反观)"
)


def spans_of(text: str, name: str) -> list[tuple[int, int]]:
    """Where a name stands in a text, as (start, end) in characters; case aside.

    A name that begins or ends with a Latin letter or a digit must begin or end as a word there.
    """
    wanted = name.strip()
    if not wanted:
        return []
    before = r"(?<![0-9A-Za-z\u00c0-\u024f])" if _WORD.match(wanted[0]) else ""
    after = r"(?![0-9A-Za-z\u00c0-\u024f])" if _WORD.match(wanted[-1]) else ""
    pattern = re.compile(before + re.escape(wanted) + after, re.IGNORECASE)
    return [match.span() for match in pattern.finditer(text)]


def marked(text: str, spans: Sequence[tuple[int, int]], limit_characters: int) -> str:
    """The text with the mark in place of each span, which are sorted and do not overlap.

    Where the text is longer than `limit_characters`, the sentences that hold no span go first, from
    the end. Without a span the mark is put before the text: it is about the company, unnamed.
    """
    if not spans:
        return f"{COMPANY_MARK} {_plain(text)}"
    pieces, position = [], 0
    for start, end in spans:
        pieces += [_plain(text[position:start]), COMPANY_MARK]
        position = end
    whole = "".join([*pieces, _plain(text[position:])])
    if len(whole) <= limit_characters:
        return whole
    sentences = re.split(r"(?<=[。！？!?\n])|(?<=[.;；])\s", whole)
    naming = [sentence for sentence in sentences if COMPANY_MARK in sentence]
    return " ".join(naming)


def clauses_naming(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The clauses of a text that hold a span; the whole text where there is none."""
    if not spans:
        return text
    bounds = [0, *(match.end() for match in _CLAUSE_END.finditer(text)), len(text)]
    kept = [
        text[start:end].strip()
        for start, end in itertools.pairwise(bounds)
        if any(first < end and start < last for first, last in spans)
    ]
    return " ".join(kept) or text


def _plain(text: str) -> str:
    """A text cannot bring the mark itself."""
    return text.replace(COMPANY_MARK, COMPANY_MARK.strip("[]"))
