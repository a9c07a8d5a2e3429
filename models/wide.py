"""The wide part of a model: n-grams remember texts and turns that recur, the encoder generalises.

Its sentiment logits are added to the encoder's. Cheng et al. 2016, "Wide & Deep Learning for
Recommender Systems"; here the two are trained apart and the sum is fitted
(`models.training.wide`).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.companies import COMPANY_MARK
from models.labels import SENTIMENTS
from models.layout import WIDE
from models.linear import load_weights, logits
from models.manifest import Manifest
from models.ngrams import grams


class Wide:
    """Weights of hashed n-grams, one column a sentiment."""

    def __init__(
        self,
        idf: NDArray[np.float32],
        weights: NDArray[np.float32],
        bias: NDArray[np.float32],
    ) -> None:
        """Of shapes (buckets,), (buckets, 3) and (3,)."""
        self._idf, self._weights, self._bias = idf, weights, bias

    def grams(self, texts: Sequence[str]) -> list[list[int]]:
        """What it reads of each text: nothing where a company is asked for, since n-grams cannot
        tell which."""
        return [[] if COMPANY_MARK in text else grams(text) for text in texts]

    def logits(self, read: Sequence[list[int]]) -> NDArray[np.float32]:
        """Logits (n, 3) of what was read; zero where nothing was."""
        found = np.zeros((len(read), len(SENTIMENTS)), dtype=np.float32)
        rows = [row for row, item in enumerate(read) if item]
        if rows:
            items = [read[row] for row in rows]
            found[rows] = logits(items, self._idf, self._weights, self._bias)
        return found


def read_wide(directory: Path, manifest: Manifest) -> Wide | None:
    """The wide part of a model directory, if it has one. Raises ModelError."""
    if WIDE not in manifest.files:
        return None
    return Wide(*load_weights(directory / WIDE, len(SENTIMENTS)))
