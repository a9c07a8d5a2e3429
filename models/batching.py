"""Cutting work into batches by a token budget: pure, so that it can be proved on any input."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of the same length."""

    width: int
    """Tokens of each, at least one."""
    indices: tuple[int, ...]


def cut_batches(lengths: Sequence[int], budget_tokens: int) -> list[Batch]:
    """The texts batch by batch, longest first, none of them padded.

    `lengths` are token counts. Only texts of one length share a batch: what a model says of a text
    then hangs on the text alone. A batch is closed when its tokens would pass `budget_tokens`; a
    text longer than the budget gets a batch of its own. The longest come first, so that memory runs
    out at once or never.
    """
    by_length: dict[int, list[int]] = {}
    for index, length in enumerate(lengths):
        by_length.setdefault(max(1, length), []).append(index)
    batches: list[Batch] = []
    for width, indices in sorted(by_length.items(), reverse=True):
        most = max(1, budget_tokens // width)
        batches += [
            Batch(width, tuple(indices[start : start + most]))
            for start in range(0, len(indices), most)
        ]
    return batches


def cut_packed(lengths: Sequence[int], budget_tokens: int) -> list[tuple[int, ...]]:
    """The texts batch by batch, of any lengths, longest first: each batch has at most
    `budget_tokens` tokens, or one text.

    Like lengths come together, since a GPU's kernel for attention waits for the longest.
    """
    batches: list[tuple[int, ...]] = []
    waiting, held = list[int](), 0
    for index in sorted(range(len(lengths)), key=lambda index: (-lengths[index], index)):
        if waiting and held + lengths[index] > budget_tokens:
            batches.append(tuple(waiting))
            waiting, held = [], 0
        waiting.append(index)
        held += lengths[index]
    if waiting:
        batches.append(tuple(waiting))
    return batches
