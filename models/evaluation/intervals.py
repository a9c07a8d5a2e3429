"""Bootstrap intervals: how far figures would move with another sample of texts.

Efron and Tibshirani 1993, "An Introduction to the Bootstrap", percentile intervals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20_26
LEVEL = 0.95
CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95% percentile interval."""

    low: float
    high: float


def resampled_sums(
    marks: NDArray[np.bool_],
    texts: NDArray[np.int_],
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> NDArray[np.int64]:
    """Sums over columns (resamples, k) of `marks` (n, k), with texts drawn anew each time.

    `texts` (n,) numbers the text of each row: rows of one text are drawn together, as the companies
    of a headline are. Texts that are alike are drawn by one multinomial over the patterns that
    occur: the same distribution as drawing them singly, at a fraction of the work.
    """
    _, places = np.unique(texts, return_inverse=True)
    by_text = np.zeros((places.max() + 1, marks.shape[1]), dtype=np.int32)
    np.add.at(by_text, places, marks)
    keys = by_text.view(np.dtype((np.void, by_text.itemsize * by_text.shape[1]))).ravel()
    _, first, counts = np.unique(keys, return_index=True, return_counts=True)
    patterns = by_text[first].astype(np.int64)
    random = np.random.default_rng(seed)
    shares = counts / counts.sum()
    at_once = max(1, CELLS_AT_ONCE // len(counts))
    parts = [
        random.multinomial(len(by_text), shares, size=min(at_once, resamples - start)) @ patterns
        for start in range(0, resamples, at_once)
    ]
    return np.concatenate(parts)


def interval(values: NDArray[np.float64]) -> Interval:
    """The middle 95% of a figure's values (resamples,)."""
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))
