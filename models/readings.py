"""Two readings of a text as one list of numbers: what one model is shown, then what another is."""

from collections.abc import Sequence

_BETWEEN = -1
"""No piece and no n-gram has this number."""


def joined(first: Sequence[list[int]], second: Sequence[list[int]]) -> list[list[int]]:
    """Both readings of each text in one list."""
    return [[*one, _BETWEEN, *other] for one, other in zip(first, second, strict=True)]


def parted(readings: Sequence[list[int]]) -> tuple[list[list[int]], list[list[int]]]:
    """The first readings and the second ones, which may be joined readings themselves."""
    ends = [reading.index(_BETWEEN) for reading in readings]
    first = [reading[:end] for reading, end in zip(readings, ends, strict=True)]
    second = [reading[end + 1 :] for reading, end in zip(readings, ends, strict=True)]
    return first, second
