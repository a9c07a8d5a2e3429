"""Drift of the texts that are scored now: a fading window a language and a source."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.drift import BINS, STATISTICS, Histograms, Statistic, bins_of, histograms
from models.drift import jensen_shannon as jensen_shannon_of
from models.drift import psi as psi_of
from models.reference import Profile, Reference, profile_of

WINDOW_TEXTS = 1_000
"""After so many texts one weighs 1/e of what it did."""
LEAST_TEXTS = 200
"""Below that chance alone moves a PSI: of k bins and n texts by about (k - 1) / n (Yurdakul 2018,
"Statistical Properties of Population Stability Index")."""
REFERENCE_TEXTS = 2_000
MAX_LANGUAGES = 16
MAX_SOURCES = 50
NOTICED_AFTER_TEXTS = 20
MAX_NAMES = 10_000
ALL, OTHER = "all", "other"

Origin = Literal["model", "live"]


@dataclass(frozen=True, slots=True)
class Observed:
    """n texts that one model scored; all sequences are in one order."""

    model: str
    reference: Reference | None
    languages: Sequence[str]
    sources: Sequence[str]
    sentiment: NDArray[np.float32]
    """(n, 3)"""
    tokens: Sequence[int]
    unknown: Sequence[int]


@dataclass(frozen=True, slots=True)
class Reading:
    """How one statistic of a language and a source ("all": of all its texts) has moved."""

    language: str
    source: str
    statistic: Statistic
    psi: float | None
    """None while there are too few texts, as is `jensen_shannon`, which is in bits."""
    jensen_shannon: float | None
    texts: int
    model: str
    against: Origin
    """Whether the reference came with the model, or is made of its first texts here."""


@dataclass(slots=True)
class _Window:
    """Counts that fade, and how many texts have come in."""

    counts: Histograms
    texts: int = 0

    def add(self, added: Histograms, texts: int) -> None:
        fade = (1 - 1 / WINDOW_TEXTS) ** texts
        for name in STATISTICS:
            self.counts[name] = self.counts[name] * fade + added[name]
        self.texts += texts


@dataclass(slots=True)
class _Language:
    """What is known of one language under the model that scores it now."""

    model: str
    reference: Profile | None
    against: Origin
    first: Histograms
    first_texts: int = 0
    windows: dict[str, _Window] = field(default_factory=dict)


class NamedFew:
    """The few names that may be labels: the first to have come up `after` times, at most `most`.

    A name keeps its place for good, so that the number of labels is bounded however names change;
    all others are "other". At most `MAX_NAMES` candidates are counted.
    """

    def __init__(self, most: int, after: int) -> None:
        self._most, self._after = most, after
        self._named: set[str] = set()
        self._counts: Counter[str] = Counter()

    def name(self, candidate: str) -> str:
        """The candidate, where it has a place, else "other"."""
        if candidate in self._named:
            return candidate
        if len(self._named) < self._most:
            if len(self._counts) < MAX_NAMES or candidate in self._counts:
                self._counts[candidate] += 1
            if self._counts[candidate] >= self._after and candidate not in (ALL, OTHER):
                self._named.add(candidate)
                del self._counts[candidate]
                return candidate
        return OTHER


class DriftWatch:
    """Compares what comes in with each model's reference, or with its first texts here."""

    def __init__(self) -> None:
        self._languages: dict[str, _Language] = {}
        self._known_languages = NamedFew(MAX_LANGUAGES, 1)
        self._known_sources = NamedFew(MAX_SOURCES, NOTICED_AFTER_TEXTS)

    def observe(self, seen: Observed) -> list[str]:
        """Take texts in; the languages for which their first texts are now being taken as the
        reference, each named once a model."""
        bins = bins_of(seen.sentiment, seen.tokens, seen.unknown)
        rows: dict[str, dict[str, list[int]]] = {}
        for index, (stated, source) in enumerate(zip(seen.languages, seen.sources, strict=True)):
            language = self._known_languages.name(stated)
            by_source = rows.setdefault(language, {ALL: []})
            by_source[ALL].append(index)
            by_source.setdefault(self._known_sources.name(source), []).append(index)
        begun = []
        for language, by_source in rows.items():
            state = self._languages.get(language)
            if state is None or state.model != seen.model:
                state = self._languages[language] = _begin(seen, language)
                if state.reference is None:
                    begun.append(language)
            whole = histograms(bins, by_source[ALL])
            if state.reference is None:
                _learn(state, whole, len(by_source[ALL]))
                continue
            for source, chosen in by_source.items():
                window = state.windows.setdefault(source, _Window(_empty()))
                window.add(whole if source == ALL else histograms(bins, chosen), len(chosen))
        return begun

    def readings(self) -> list[Reading]:
        """Every language and source that has been compared, in order of their names."""
        found = []
        for language, state in sorted(self._languages.items()):
            reference = state.reference
            if reference is None:
                continue
            expected = reference.histograms()
            for source, window in sorted(state.windows.items()):
                enough = window.texts >= LEAST_TEXTS
                for name in STATISTICS:
                    pair = expected[name], window.counts[name]
                    found.append(
                        Reading(
                            language,
                            source,
                            name,
                            psi_of(*pair) if enough else None,
                            jensen_shannon_of(*pair) if enough else None,
                            window.texts,
                            state.model,
                            state.against,
                        )
                    )
        return found


def _begin(seen: Observed, language: str) -> _Language:
    stored = seen.reference.languages.get(language) if seen.reference else None
    if stored is not None and stored.texts < LEAST_TEXTS:
        stored = None
    return _Language(seen.model, stored, "model" if stored else "live", _empty())


def _learn(state: _Language, counts: Histograms, texts: int) -> None:
    for name in STATISTICS:
        state.first[name] += counts[name]
    state.first_texts += texts
    if state.first_texts >= REFERENCE_TEXTS:
        state.reference = profile_of(state.first, state.first_texts)


def _empty() -> Histograms:
    return {name: np.zeros(BINS[name]) for name in STATISTICS}
