"""Companies to watch, and finding them in a text."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ahocorasick_rs import AhoCorasick
from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_COMPANIES = 50_000
_HAN = re.compile(r"[\u3400-\u9fff]")
_NAME_CHARACTER = re.compile(r"[0-9A-Za-z\u00c0-\u024f]")
_EXCHANGE_SUFFIX = re.compile(r"\.[A-Z]{1,2}\b")
_SHORT_NAME_LENGTH = 5


class Company(BaseModel):
    """A company under watch: the name it is shown by, and what else it is called."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=200)
    aliases: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()

    @field_validator("aliases", "tickers")
    @classmethod
    def _not_blank(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not value.strip() for value in values):
            raise ValueError("an empty name would match everything; leave it out")
        return values


class WatchlistFile(BaseModel):
    """What a watchlist file holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    companies: tuple[Company, ...] = Field(default=(), max_length=MAX_COMPANIES)

    @field_validator("companies")
    @classmethod
    def _distinct(cls, companies: tuple[Company, ...]) -> tuple[Company, ...]:
        seen: set[str] = set()
        for company in companies:
            if company.name in seen:
                raise ValueError(f"company '{company.name}' stands twice")
            seen.add(company.name)
        return companies


@dataclass(frozen=True)
class _Name:
    company: str
    spelling: str
    kind: Literal["anywhere", "word", "capitals", "ticker"]


class Watchlist:
    """Finds all names in one pass over a text (Aho-Corasick); the longest name at a place wins.

    Latin names match as whole words, case aside unless they are short and written in capitals
    (AMD). Chinese names match anywhere. A ticker matches as `$AAPL`, `(AAPL)`, `AAPL.O` or
    `NYSE: AAPL`, and bare when it has three capitals or more, or five digits.
    """

    def __init__(self, companies: Iterable[Company]) -> None:
        names: defaultdict[str, list[_Name]] = defaultdict(list)
        for company in companies:
            for spelling in (company.name, *company.aliases):
                name = _Name(company.name, _normal(spelling), _kind(_normal(spelling)))
                names[_lower(name.spelling)].append(name)
            for ticker in company.tickers:
                names[ticker.lower()].append(_Name(company.name, ticker.upper(), "ticker"))
        self._names = list(names.values())
        self._automaton = AhoCorasick(list(names)) if names else None

    def find(self, text: str) -> tuple[str, ...]:
        """Names of the companies that a text mentions, sorted."""
        if self._automaton is None:
            return ()
        normal = _normal(text)
        matches = [
            (start, -end, name.company)
            for index, start, end in self._automaton.find_matches_as_indexes(
                _lower(normal), overlapping=True
            )
            for name in self._names[index]
            if _stands(name, normal, start, end)
        ]
        found: set[str] = set()
        free_from = 0
        for start, minus_end, company in sorted(matches):
            if start >= free_from:
                found.add(company)
                free_from = -minus_end
        return tuple(sorted(found))


def _normal(text: str) -> str:
    return " ".join(text.replace("\u2019", "'").split())


def _lower(text: str) -> str:
    """Lower case of the same length, so that indexes stay true."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _kind(spelling: str) -> Literal["anywhere", "word", "capitals"]:
    if _HAN.search(spelling):
        return "anywhere"
    if spelling.isupper() and len(spelling) <= _SHORT_NAME_LENGTH:
        return "capitals"
    return "word"


def _stands(name: _Name, text: str, start: int, end: int) -> bool:
    """Whether a run of letters is this name: its bounds and its case fit."""
    if name.kind == "anywhere":
        return True
    before, after = text[start - 1 : start], text[end : end + 1]
    if name.kind == "ticker":
        return _stands_ticker(name.spelling, text, start, end)
    if _NAME_CHARACTER.match(before) or _NAME_CHARACTER.match(after):
        return False
    return name.kind == "word" or text[start:end] == name.spelling


def _stands_ticker(ticker: str, text: str, start: int, end: int) -> bool:
    before, after = text[start - 1 : start], text[end : end + 1]
    if _NAME_CHARACTER.match(after) or _NAME_CHARACTER.match(before):
        return False
    if before == "$":
        return True
    if text[start:end] != ticker:
        return False
    marked = (before == "(" and after in ").:") or text[max(start - 2, 0) : start] in (": ", "： ")
    bare_enough = (ticker.isalpha() and len(ticker) >= 3) or (ticker.isdigit() and len(ticker) >= 5)
    return marked or bare_enough or _EXCHANGE_SUFFIX.match(text, end) is not None
