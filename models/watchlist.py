"""Finding the companies of a watchlist in a text."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ahocorasick_rs import AhoCorasick

from models.cues import company_word_beside
from models.watched import Company, rolled_up

Span = tuple[int, int]
"""Where a name stands in a text: start and end, in characters."""

_HAN = re.compile(r"[\u3400-\u9fff]")
_NAME_CHARACTER = re.compile(r"[0-9A-Za-z\u00c0-\u024f]")
_EXCHANGE_SUFFIX = re.compile(r"\.[A-Z]{1,2}\b(?!\.[A-Z])")
_SPACES = re.compile(r"\s+")
_SHORT_NAME_LENGTH = 5

Kind = Literal["anywhere", "word", "as written", "ticker", "marked ticker", "cue"]


@dataclass(frozen=True, slots=True, order=True)
class _Name:
    company: str
    ambiguous: bool
    spelling: str
    kind: Kind
    other: bool = False
    """A longer word that means something else: it takes the place and names nobody."""


_Match = tuple[int, int, _Name]
"""Start, minus the end, and what stands there: sorted, the longest at a place comes first."""


class Watchlist:
    """Finds all names in one pass over a text (Aho-Corasick); the longest name at a place wins.

    Latin names match as whole words, case aside unless they are short and written in capitals
    (AMD). Chinese names match anywhere. A ticker matches as `$AAPL`, `(AAPL)`, `AAPL.O` or
    `NYSE: AAPL`, and bare when it has three capitals or more, or five digits. ISINs and LEIs match
    as whole words. An ambiguous name is written as in the list or in capitals, and counts where
    the text holds a second cue: another name of the company, one of its cues, or a word beside the
    name that is said of companies. An ambiguous ticker needs one where it stands bare.
    """

    def __init__(self, companies: Iterable[Company]) -> None:
        listed = tuple(companies)
        names: defaultdict[str, list[_Name]] = defaultdict(list)
        self._spellings: dict[str, tuple[str, ...]] = {}
        self._called: dict[str, str] = {}
        for company in listed:
            for name in _names(company):
                names[_lower(name.spelling)].append(name)
            self._spellings[company.name] = company.spellings
            for spelling in company.spellings:
                self._called.setdefault(spelling.casefold(), company.name)
        self._counts_for = rolled_up(listed)
        self.themes = frozenset(item.name for item in listed if item.kind == "theme")
        """Those of the names that are no companies."""
        self._names = list(names.values())
        self._automaton = AhoCorasick(list(names)) if names else None

    def spellings(self, name: str) -> tuple[str, ...]:
        """All names of the company that is called so, case aside; none where it is not watched."""
        company = self._called.get(name.strip().casefold())
        return () if company is None else self._spellings[company]

    def find(self, text: str) -> tuple[str, ...]:
        """Names of the companies that a text mentions, sorted."""
        return tuple(sorted(self.find_spans(text)))

    def find_spans(self, text: str) -> dict[str, tuple[Span, ...]]:
        """Where a text names which company; companies in the order of their first mention.

        The spans of a company are sorted and do not overlap. What names a company that rolls up
        names its parent too.
        """
        if self._automaton is None:
            return {}
        normal, positions = _normal(text)
        matches: list[_Match] = []
        cued: set[str] = set()
        for index, start, end in self._automaton.find_matches_as_indexes(
            _lower(normal), overlapping=True
        ):
            for name in self._names[index]:
                if not _stands(name, normal, start, end):
                    continue
                if name.kind == "cue":
                    cued.add(name.company)
                else:
                    matches.append((start, -end, name))
        chosen = _longest_first(matches)
        if any(name.ambiguous for _, _, name in chosen):
            cued |= _told(chosen, normal)
            chosen = _longest_first(
                match for match in matches if not match[2].ambiguous or match[2].company in cued
            )
        found: dict[str, list[Span]] = {}
        for start, minus_end, name in chosen:
            if not name.other:
                span = positions[start], positions[-minus_end - 1] + 1
                for company in self._counts_for[name.company]:
                    found.setdefault(company, []).append(span)
        return {company: tuple(spans) for company, spans in found.items()}


def _names(company: Company) -> Iterator[_Name]:
    ambiguous = set(company.ambiguous)
    for ticker in company.tickers:
        if ticker in ambiguous:
            yield _Name(company.name, False, ticker.upper(), "marked ticker")
            yield _Name(company.name, True, ticker.upper(), "ticker")
        else:
            yield _Name(company.name, False, ticker.upper(), "ticker")
    for code in (*company.isin, *filter(None, [company.lei])):
        yield _Name(company.name, False, code, "word")
    for spelling in company.spellings:
        plain = _plain(spelling)
        kind: Kind = "anywhere" if _HAN.search(plain) else "word"
        short = plain.isupper() and len(plain) <= _SHORT_NAME_LENGTH
        if kind == "word" and (short or spelling in ambiguous):
            kind = "as written"
        yield _Name(company.name, spelling in ambiguous, plain, kind)
    for spelling in company.cues:
        yield _Name(company.name, False, _plain(spelling), "cue")
    for spelling in company.not_in:
        yield _Name(company.name, False, _plain(spelling), "word", other=True)


def _longest_first(matches: Iterable[_Match]) -> list[_Match]:
    """Matches that do not overlap: at each place the first, and of those the longest."""
    chosen: list[_Match] = []
    free_from = 0
    for match in sorted(matches):
        if match[0] >= free_from:
            chosen.append(match)
            free_from = -match[1]
    return chosen


def _told(chosen: Iterable[_Match], text: str) -> set[str]:
    """Companies that a text names beyond doubt, or by two names, or beside a company's word."""
    told: set[str] = set()
    doubtful: defaultdict[str, set[str]] = defaultdict(set)
    for start, minus_end, name in chosen:
        if name.other:
            continue
        doubtful[name.company].add(_lower(name.spelling))
        if not name.ambiguous or company_word_beside(text, start, -minus_end):
            told.add(name.company)
    return told | {company for company, names in doubtful.items() if len(names) > 1}


def _normal(text: str) -> tuple[str, Sequence[int]]:
    """A text with plain apostrophes and single spaces, and where its characters stood."""
    plain = text.replace("\u2019", "'")
    single = _SPACES.sub(" ", plain)
    if len(single) == len(plain):
        return single, range(len(plain))
    runs = {position for run in _SPACES.finditer(plain) for position in range(*run.span())[1:]}
    return single, [position for position in range(len(plain)) if position not in runs]


def _plain(spelling: str) -> str:
    return _normal(spelling.strip())[0]


def _lower(text: str) -> str:
    """Lower case of the same length, so that indexes stay true."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def _stands(name: _Name, text: str, start: int, end: int) -> bool:
    """Whether a run of letters is this name: its bounds and its case fit."""
    if name.kind == "anywhere":
        return True
    before, after = text[start - 1 : start], text[end : end + 1]
    if _joined(before, text[start]) or _joined(text[end - 1], after):
        return False
    if name.kind in ("ticker", "marked ticker"):
        return _stands_ticker(name, text, start, end)
    return name.kind != "as written" or text[start:end] in (name.spelling, name.spelling.upper())


def _joined(left: str, right: str) -> bool:
    """Whether two neighbours are of one word; Chinese words have no bounds that could be seen."""
    return bool(_NAME_CHARACTER.match(left) and _NAME_CHARACTER.match(right))


def _stands_ticker(name: _Name, text: str, start: int, end: int) -> bool:
    before, after, ticker = text[start - 1 : start], text[end : end + 1], name.spelling
    if before == "$":
        return True
    if text[start:end] != ticker:
        return False
    bracketed = before in ("(", "（") and after in (")", "）", ".", ":", "：")
    if bracketed or (before != "." and _EXCHANGE_SUFFIX.match(text, end)):
        return True
    listed = text[max(start - 2, 0) : start] in (": ", "： ")
    bare_enough = (ticker.isalpha() and len(ticker) >= 3) or (ticker.isdigit() and len(ticker) >= 5)
    return name.kind == "ticker" and (listed or bare_enough)
