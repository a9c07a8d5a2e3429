"""Cutting work into batches by a token budget: pure, so that it can be proved on any input."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH_STEP = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that are padded to the same width."""

    width: int
    """Tokens."""
    indices: tuple[int, ...]


def cut_batches(lengths: Sequence[int], budget_tokens: int, most_tokens: int) -> list[Batch]:
    """The texts batch by batch, longest first.

    `lengths` are token counts. A text is padded to the next multiple of four tokens, at most to
    `most_tokens`, whatever it is batched with: what a model says of a text then hangs on the text
    alone. A batch is closed when its padded size (width times count) would pass `budget_tokens`; a
    text wider than the budget gets a batch of its own. The longest come first, so that memory runs
    out at once or never.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batches: list[Batch] = []
    width, waiting = 0, list[int]()
    for index in order:
        wanted = max(1, -(-lengths[index] // WIDTH_STEP)) * WIDTH_STEP
        wanted = max(lengths[index], min(wanted, most_tokens))
        if waiting and (wanted != width or width * (len(waiting) + 1) > budget_tokens):
            batches.append(Batch(width, tuple(waiting)))
            waiting = []
        width = wanted
        waiting.append(index)
    if waiting:
        batches.append(Batch(width, tuple(waiting)))
    return batches


def computed_positions(batches: Sequence[Batch]) -> int:
    """Tokens and padding that the batches hold."""
    return sum(batch.width * len(batch.indices) for batch in batches)


def cut_packed(lengths: Sequence[int], budget_tokens: int) -> list[tuple[int, ...]]:
    """The texts batch by batch where none is padded, longest first: each batch has at most
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
