"""Running batches on a device, one loaded ahead; in smaller ones where memory runs out."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from models.backends.token_budget import TokenBudget
from models.batching import cut_packed

L = TypeVar("L")
"""A batch that is loaded."""


class Device(Protocol[L]):
    """What runs batches. Each step may raise torch.OutOfMemoryError."""

    def load(self, tokens: Sequence[list[int]]) -> L:
        """Bring a batch to where it is run."""

    def start(self, batch: L) -> torch.Tensor:
        """Run a loaded batch, (texts, logits); a GPU is not waited for."""

    def fetch(self, answers: torch.Tensor) -> NDArray[np.float32]:
        """The answers, once they are there."""

    def release(self) -> None:
        """Give back memory that is kept for later."""


def answered(
    device: Device[L], tokens: Sequence[list[int]], budget: TokenBudget
) -> Iterator[tuple[tuple[int, ...], NDArray[np.float32]]]:
    """The texts' indices and answers, batch by batch; while one runs, the next is loaded.

    Where memory runs out, what has no answer yet is cut anew into smaller batches. Raises
    torch.OutOfMemoryError when there are no smaller ones.
    """
    lengths = [len(ids) for ids in tokens]
    waiting = deque(cut_packed(lengths, budget.tokens))
    ahead = list[L]()
    while waiting:
        now, later = waiting[0], waiting[1] if len(waiting) > 1 else ()
        try:
            answers, ahead = _one_step(device, tokens, now, ahead, later)
        except torch.OutOfMemoryError:
            if not budget.ran_out(sum(lengths[row] for row in now)):
                raise
        else:
            waiting.popleft()
            yield now, answers
            continue
        # Not before here, where the failure and what it holds on to are gone.
        ahead = []
        device.release()
        left = [row for rows in waiting for row in rows]
        cut = cut_packed([lengths[row] for row in left], budget.tokens)
        waiting = deque(tuple(left[index] for index in rows) for rows in cut)


def _one_step(
    device: Device[L],
    tokens: Sequence[list[int]],
    now: Sequence[int],
    loaded: list[L],
    later: Sequence[int],
) -> tuple[NDArray[np.float32], list[L]]:
    """The answers of a batch that is loaded or not, and the next one loaded, if there is one."""
    batch = loaded[0] if loaded else device.load([tokens[row] for row in now])
    running = device.start(batch)
    ahead = [device.load([tokens[row] for row in later])] if later else []
    return device.fetch(running), ahead


def warm_up(device: Device[L], budget: TokenBudget, longest: int) -> None:
    """Run ever larger batches until memory or the most is reached.

    Raises torch.OutOfMemoryError when not even the least fits.
    """
    while (wanted := budget.next_trial()) is not None:
        texts = [[0] * longest] * (wanted // longest)
        texts += [[0] * (wanted % longest)] * bool(wanted % longest)
        try:
            _one_step(device, texts, range(len(texts)), [], ())
        except torch.OutOfMemoryError:
            if not budget.ran_out(wanted):
                raise
        else:
            budget.fitted(wanted)
        device.release()
