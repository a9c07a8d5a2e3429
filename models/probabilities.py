"""From logits to what is said: probabilities to four decimals, so that none hangs on rounding."""

import numpy as np
from numpy.typing import NDArray

from models.manifest import Manifest

PLAIN_THRESHOLD = 0.5


def of_sentiments(logits: NDArray[np.float32], temperature: float) -> NDArray[np.float32]:
    """Probabilities (n, 3), one a row in sum, of logits (n, 3)."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    probabilities: NDArray[np.float32] = (powers / powers.sum(-1, keepdims=True)).astype(np.float32)
    return probabilities.round(4)


def of_topics(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (n, topics), each for itself."""
    return (1 / (1 + np.exp(-logits))).astype(np.float32).round(4)


def thresholds_of(manifest: Manifest) -> NDArray[np.float32]:
    """The probability from which a text has a topic, (topics,)."""
    kept = manifest.topic_thresholds
    return np.array([kept.get(topic, PLAIN_THRESHOLD) for topic in manifest.topics], np.float32)
