"""How much of a share's move is change of tone, and how much is change of who speaks.

Between a window and the time before it a share moves from p0 = sum of v0 q0 to p1 = sum of v1 q1
over the sources, where v is a source's part of the stories and q its own negative share. The move
is split without rest (Kitagawa, Journal of the American Statistical Association 50, 1955):

- *tone*: sum of (v0 + v1) / 2 x (q1 - q0), what the sources say otherwise than before;
- *mix*: sum of (q0 + q1) / 2 x (v1 - v0), that others speak than before.

Of a source that has told nothing in one of the two, nothing is known of its share there: it is
taken to be that of all sources together then.
"""

from collections.abc import Iterable, Mapping

import msgspec

Told = Mapping[str, tuple[int, int]]
"""Stories and negative ones by source."""


LITTLE_NEWS_SECONDS = 28 * 86_400
MUCH_NEWS_SECONDS = 7 * 86_400
"""Of keys that nearly all news counts under."""


class SourceMove(msgspec.Struct, frozen=True):
    """What one source adds to tone and mix, as shares."""

    source: str
    stories: int
    """In the window."""
    tone: float
    mix: float


class Move(msgspec.Struct, frozen=True):
    """A share's move from the time before to the window; tone + mix is all of it."""

    since_seconds: int
    """How far the time before reaches back from the window's beginning."""
    stories: int
    """Before the window."""
    share: float
    """Negative one of them."""
    tone: float
    mix: float
    sources: tuple[SourceMove, ...] = ()
    """That move it most, the first ahead."""


def compared_seconds(dimension: str, detector: str) -> int:
    """How far back the time before reaches; 0 where the share is of one source, or of single
    stories, and there is nothing to split."""
    if dimension == "source" or detector == "critical":
        return 0
    return LITTLE_NEWS_SECONDS if dimension in ("topic", "entity", "theme") else MUCH_NEWS_SECONDS


def split(before: Told, window: Told, since_seconds: int, most_sources: int = 5) -> Move | None:
    """The move of a key's share; None where either time has no story."""
    old, new = _total(before.values()), _total(window.values())
    if not old[0] or not new[0]:
        return None
    then, now = old[1] / old[0], new[1] / new[0]
    moves = []
    for source in sorted({*before, *window}):
        told, bad = before.get(source, (0, 0))
        later, worse = window.get(source, (0, 0))
        part_before, part_now = told / old[0], later / new[0]
        share_before = bad / told if told else then
        share_now = worse / later if later else now
        tone = (part_before + part_now) / 2 * (share_now - share_before)
        mix = (share_before + share_now) / 2 * (part_now - part_before)
        moves.append(SourceMove(source, later, round(tone, 6), round(mix, 6)))
    largest = sorted(moves, key=lambda item: (-abs(item.tone + item.mix), item.source))
    return Move(
        since_seconds=since_seconds,
        stories=old[0],
        share=round(then, 6),
        tone=round(sum(item.tone for item in moves), 6),
        mix=round(sum(item.mix for item in moves), 6),
        sources=tuple(largest[:most_sources]),
    )


def _total(told: Iterable[tuple[int, int]]) -> tuple[int, int]:
    stories = negative = 0
    for many, bad in told:
        stories += many
        negative += bad
    return stories, negative
