"""Companies to watch, and finding them in a text."""

import re
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_COMPANIES = 50_000
_HAN = re.compile(r"[\u3400-\u9fff]")
_NAME_CHARACTER = "[0-9A-Za-z\u00c0-\u024f]"


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


class Watchlist:
    """All names in one pattern; the longest name at a place wins.

    Latin names match as whole words, case aside unless they are written in capitals (AMD).
    Chinese names match anywhere. A ticker matches as `$AAPL`, `(AAPL)`, `AAPL.O` or `NYSE: AAPL`,
    and bare when it has three capitals or more, or six digits.
    """

    def __init__(self, companies: Iterable[Company]) -> None:
        self._owners: dict[str, str] = {}
        patterns: list[tuple[str, str]] = []
        for company in companies:
            for name in (company.name, *company.aliases):
                patterns.append((name, _name_pattern(name)))
                self._owners.setdefault(_key(name), company.name)
            for ticker in company.tickers:
                patterns.append((ticker, _ticker_pattern(ticker)))
                self._owners.setdefault("$" + ticker.upper(), company.name)
        # Alternation takes the first that fits: longer names first.
        patterns.sort(key=lambda item: (-len(item[0]), item[0]))
        joined = "|".join(dict.fromkeys(pattern for _, pattern in patterns))
        self._pattern = re.compile(joined) if joined else None

    def find(self, text: str) -> tuple[str, ...]:
        """Names of the companies that a text mentions, sorted."""
        if self._pattern is None:
            return ()
        found = set()
        for match in self._pattern.finditer(text):
            word = match[0]
            owner = self._owners.get("$" + word.lstrip("$").upper()) or self._owners.get(_key(word))
            if owner is not None:
                found.add(owner)
        return tuple(sorted(found))


def _key(name: str) -> str:
    return re.sub(r"\s+", " ", name.replace("\u2019", "'")).casefold()


def _name_pattern(name: str) -> str:
    parts = [re.escape(part).replace("'", "['\u2019]") for part in name.split()]
    body = r"\s+".join(parts)
    if _HAN.search(name):
        return body
    if not (name.isupper() and len(name) <= 5):
        body = f"(?i:{body})"
    return f"(?<!{_NAME_CHARACTER}){body}(?!{_NAME_CHARACTER})"


def _ticker_pattern(ticker: str) -> str:
    body = re.escape(ticker.upper())
    marked = rf"(?<![\w$])\$(?i:{body})(?![\w])|(?<=\(){body}(?=[).:])|(?<=[:：]\s){body}(?!\w)"
    suffixed = rf"(?<![\w$.]){body}(?=\.[A-Z]{{1,2}}\b)"
    bare_enough = (ticker.isalpha() and len(ticker) >= 3) or (ticker.isdigit() and len(ticker) >= 5)
    bare = rf"|(?<![\w$]){body}(?![\w])" if bare_enough else ""
    return f"{marked}|{suffixed}{bare}"
