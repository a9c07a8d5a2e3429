"""A small schedule that still fails, out of a large one that does (Zeller's ddmin, 2002)."""

from collections.abc import Callable, Sequence

from tests.chaos.schedule import Fault


def shrink(faults: Sequence[Fault], fails: Callable[[Sequence[Fault]], bool]) -> list[Fault]:
    """Leave out faults, in halves and then in ever smaller parts, for as long as it `fails`.

    The result fails, and no longer does without any one of its parts of the last size tried.
    """
    left = list(faults)
    parts = 2
    while len(left) >= 2:
        size = -(-len(left) // parts)
        pieces = [left[start : start + size] for start in range(0, len(left), size)]
        smaller = next((piece for piece in pieces if fails(piece)), None)
        if smaller is not None:
            left, parts = smaller, 2
            continue
        rests = ([fault for fault in left if fault not in piece] for piece in pieces)
        smaller = next((rest for rest in rests if rest and fails(rest)), None)
        if smaller is not None:
            left, parts = smaller, max(parts - 1, 2)
        elif parts >= len(left):
            break
        else:
            parts = min(len(left), 2 * parts)
    return left
