"""How far what a model sees and says has moved from what it was made with: pure arithmetic."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Statistic = Literal["class", "confidence", "tokens", "unknown"]
STATISTICS: tuple[Statistic, ...] = ("class", "confidence", "tokens", "unknown")

CONFIDENCE_BINS = 10
TOKEN_EDGES = (8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
"""Token counts of a text are put into bins that begin at 0 and at these."""
UNKNOWN_EDGES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""Shares of a text's tokens that the model does not know: bins begin at 0 and at these."""
BINS: Mapping[Statistic, int] = {
    "class": 3,
    "confidence": CONFIDENCE_BINS,
    "tokens": len(TOKEN_EDGES) + 1,
    "unknown": len(UNKNOWN_EDGES) + 1,
}
SMOOTHING = 1e-4
"""Added to every share of a PSI, which is without bound where one side has an empty bin."""
MOVING_PSI, DRIFTED_PSI = 0.1, 0.25

Counts = NDArray[np.float64]
Histograms = dict[Statistic, Counts]


def bins_of(
    sentiment: NDArray[np.float32], tokens: Sequence[int], unknown: Sequence[int]
) -> dict[Statistic, NDArray[np.intp]]:
    """The bin of each of n texts, by statistic.

    `sentiment` is (n, 3); `tokens` and `unknown` count each text's tokens, and those of them that
    the model does not know.
    """
    lengths = np.asarray(tokens, dtype=np.float64)
    shares = np.asarray(unknown, dtype=np.float64) / np.maximum(lengths, 1)
    confidence = sentiment.max(-1, initial=0.0)
    return {
        "class": sentiment.argmax(-1) if len(sentiment) else np.zeros(0, dtype=np.intp),
        "confidence": np.minimum(
            (confidence * CONFIDENCE_BINS).astype(np.intp), CONFIDENCE_BINS - 1
        ),
        "tokens": np.digitize(lengths, TOKEN_EDGES),
        "unknown": np.digitize(shares, UNKNOWN_EDGES),
    }


def histograms(bins: Mapping[Statistic, NDArray[np.intp]], rows: Sequence[int]) -> Histograms:
    """Counts by bin of some of the texts that `bins_of` placed."""
    chosen = np.asarray(rows, dtype=np.intp)
    return {
        name: np.bincount(bins[name][chosen], minlength=BINS[name]).astype(np.float64)
        for name in STATISTICS
    }


def psi(reference: Counts, current: Counts) -> float:
    """Population stability index of two histograms over the same bins; 0 where their shares agree.

    The sum of (q - p) ln(q / p) over the bins (Siddiqi 2006, "Credit Risk Scorecards"), which is
    the divergence of Jeffreys 1946. Every share is smoothed by `SMOOTHING`.
    """
    p, q = _shares(reference) + SMOOTHING, _shares(current) + SMOOTHING
    p, q = p / p.sum(), q / q.sum()
    return max(0.0, float(((q - p) * np.log(q / p)).sum()))


def jensen_shannon(reference: Counts, current: Counts) -> float:
    """Jensen-Shannon divergence (Lin 1991) in bits: 0 where the shares agree, 1 where no bin is
    shared."""
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    divergence = (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2
    return min(1.0, max(0.0, divergence))


def verdict(value: float | None) -> str:
    """A PSI in a word, by the rule of thumb of credit scoring (Siddiqi 2006): below 0.1 nothing to
    speak of has changed, above 0.25 the population is another one. None is too few texts."""
    if value is None:
        return "too few texts"
    if value < MOVING_PSI:
        return "stable"
    return "moving" if value <= DRIFTED_PSI else "drifted"


def _shares(counts: Counts) -> Counts:
    """Shares of a histogram; of an empty one equal shares."""
    total = float(counts.sum())
    return counts / total if total > 0 else np.full(len(counts), 1 / len(counts))


def _relative_entropy(p: Counts, middle: Counts) -> float:
    held = p > 0
    return float((p[held] * np.log2(p[held] / middle[held])).sum())
