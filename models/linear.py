"""A linear model over hashed n-grams: a baseline, and a model for machines that can do no more."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.layout import LINEAR
from models.ngrams import BUCKETS, MAX_CHARACTERS, grams
from models.probabilities import of_sentiments, of_topics, thresholds_of
from models.reference import read_reference
from models.tensor_file import read_arrays
from models.verification import verified


class LinearModel:
    """Logistic regression in service: the sum of a text's n-gram weights, one column a label."""

    reads_companies = False
    backend_reason = "numpy"

    def __init__(self, directory: Path) -> None:
        """Raises ModelError for a directory that is broken or changed."""
        manifest = verified(directory)
        self.identifier = manifest.identifier
        self.languages = manifest.languages
        self.topics = manifest.topics
        self.max_tokens = manifest.max_tokens
        self.cut_texts = 0
        self.reference = read_reference(directory)
        self.confusion = manifest.confusion
        self._temperature = manifest.temperature
        self._thresholds = thresholds_of(manifest)
        columns = 3 + len(manifest.topics)
        self._idf, self._weights, self._bias = load_weights(directory / LINEAR, columns)

    def tokenise(self, texts: Sequence[str]) -> list[list[int]]:
        self.cut_texts += sum(len(text) > MAX_CHARACTERS for text in texts)
        return [grams(text) for text in texts]

    def token_counts(self, tokens: Sequence[list[int]]) -> list[tuple[int, int]]:
        """N-grams of each text, and those of them that training did not see."""
        known = self._idf > 0
        return [(len(ids), int((~known[ids]).sum())) for ids in tokens]

    def answer(
        self, tokens: Sequence[list[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
        found = logits(tokens, self._idf, self._weights, self._bias)
        likelihoods = of_topics(found[:, 3:])
        probabilities = of_sentiments(found[:, :3], self._temperature)
        return probabilities, likelihoods, likelihoods >= self._thresholds


def load_weights(
    path: Path, columns: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Inverse document frequencies (buckets,), weights (buckets, columns) and bias (columns,).

    Raises ModelError for a file that holds anything else.
    """
    shapes = {"idf": (BUCKETS,), "weight": (BUCKETS, columns), "bias": (columns,)}
    arrays = read_arrays(path, shapes)
    idf, weights, bias = (arrays[name].astype(np.float32, copy=False) for name in shapes)
    return idf, weights, bias


def logits(
    tokens: Sequence[list[int]],
    idf: NDArray[np.float32],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Logits (texts, labels): TF-IDF of presence, each text of length one, times the weights."""
    starts = np.cumsum([0, *(len(item) for item in tokens)])[:-1]
    flat = np.concatenate([np.asarray(item, dtype=np.int64) for item in tokens])
    values = idf[flat]
    lengths = np.sqrt(np.add.reduceat(values * values, starts))
    sums = np.add.reduceat(values[:, None] * weights[flat], starts, axis=0)
    return (sums / np.maximum(lengths, 1e-6)[:, None] + bias).astype(np.float32)
