"""Cutting work into batches by a token budget: pure, so that it can be proved on any input."""

from collections.abc import Sequence


def cut_batches(
    lengths: Sequence[int], budget_tokens: int, max_items: int = 512
) -> list[list[int]]:
    """Indices of the texts, batch by batch, longest first.

    `lengths` are token counts, padding aside. Texts are sorted by length, so that a batch pads
    little, and a batch is closed when its padded size (longest times count) would pass
    `budget_tokens`; a text longer than the budget gets a batch of its own. The longest come
    first, so that memory runs out at once or never.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batches: list[list[int]] = []
    longest = 0
    for index in order:
        batch = batches[-1] if batches else None
        if batch is None or len(batch) >= max_items or longest * (len(batch) + 1) > budget_tokens:
            longest = max(lengths[index], 1)
            batches.append([index])
        else:
            batch.append(index)
    return batches
