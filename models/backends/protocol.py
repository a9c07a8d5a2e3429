"""What runs a network: token ids in, logits out."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Logits = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Of n texts, (n, 3) sentiments and (n, topics)."""


class Backend(Protocol):
    """One way to run a network on this machine."""

    name: str

    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        """Logits of any number of tokenised texts, in their order; those of a text do not hang on
        the texts beside it."""
        ...
