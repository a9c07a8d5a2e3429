"""Wires repeat themselves: a text that was scored a short while ago is not run again."""

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.backends.protocol import Backend, Logits

MOST_TEXTS = 20_000
"""About 10 MB of logits and token ids."""


class Remembered:
    """A backend that runs a text once, however often it comes among the last `most_texts`.

    Texts are equal when their tokens are. What a backend says of a text does not hang on the texts
    beside it, so the answers are the same as without. Safe to call on several threads.
    """

    def __init__(self, inner: Backend, most_texts: int = MOST_TEXTS) -> None:
        self.name = inner.name
        self._inner = inner
        self._most_texts = most_texts
        self._known: OrderedDict[bytes, tuple[NDArray[np.float32], NDArray[np.float32]]] = (
            OrderedDict()
        )
        self._lock = threading.Lock()

    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        keys = [np.asarray(ids, dtype=np.int32).tobytes() for ids in tokens]
        with self._lock:
            answers = {key: self._known[key] for key in keys if key in self._known}
        new = {key: ids for key, ids in zip(keys, tokens, strict=True) if key not in answers}
        found = self._inner.logits(list(new.values()))
        for key, sentiment, topics in zip(new, *found, strict=True):
            answers[key] = sentiment.copy(), topics.copy()
        with self._lock:
            for key in keys:
                self._known[key] = answers[key]
                self._known.move_to_end(key)
            while len(self._known) > self._most_texts:
                self._known.popitem(last=False)
        if len(new) == len(keys):
            return found
        return (
            np.stack([answers[key][0] for key in keys]),
            np.stack([answers[key][1] for key in keys]),
        )
