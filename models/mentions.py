"""Where a text names the companies that it is asked about."""

from collections.abc import Sequence

from models.companies import spans_of
from models.watchlist import Span, Watchlist


def mentions(text: str, names: Sequence[str], watchlist: Watchlist) -> list[tuple[Span, ...]]:
    """Spans in the text for each name, sorted and without overlap; none where it is not named.

    Case aside, and by all names that the watchlist gives a company. A longer name goes before a
    shorter one that stands in it, whether it is asked about or only watched: `Siemens Energy` does
    not name Siemens.
    """
    if not names:
        return []
    candidates: list[tuple[int, int, int]] = []
    asked: set[str] = set()
    for number, name in enumerate(names):
        spellings = watchlist.spellings(name)
        asked.update(spellings)
        for spelling in {name, *spellings}:
            candidates += [(start, -end, number) for start, end in spans_of(text, spelling)]
    nobody = len(names)
    for company, spans in watchlist.find_spans(text).items():
        if company not in asked:
            candidates += [(start, -end, nobody) for start, end in spans]
    found: list[list[Span]] = [[] for _ in range(nobody + 1)]
    taken: Span = (0, 0)
    for start, minus_end, number in sorted(set(candidates)):
        span = start, -minus_end
        if start >= taken[1] or span == taken:
            taken = span
            found[number].append(span)
    return [tuple(spans) for spans in found[:nobody]]
