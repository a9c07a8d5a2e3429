"""What models say of texts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.labels import SENTIMENTS, TOPICS


@dataclass(frozen=True, slots=True)
class Scores:
    """What the models say of n texts; probabilities are rounded to four decimals.

    Rounded, so that a score does not hang on the batch that its text was scored in.
    """

    sentiment: NDArray[np.float32]
    """(n, 3): negative, neutral, positive."""
    topics: NDArray[np.float32]
    """(n, topics) in the order of `topic_names`."""
    passed: NDArray[np.bool_]
    """(n, topics): whether the topic's probability reached the model's threshold for it."""
    languages: tuple[str, ...]
    models: tuple[str, ...]
    topic_names: tuple[str, ...] = TOPICS
    """The common topics, then those that a model of one's own adds."""

    def label(self, index: int) -> str:
        """The likeliest sentiment of a text; between equals the worse."""
        return SENTIMENTS[int(self.sentiment[index].argmax())]

    def topics_of(self, index: int) -> dict[str, float]:
        """The topics that passed, with their probabilities."""
        return {
            topic: round(float(self.topics[index, number]), 4)
            for number, topic in enumerate(self.topic_names)
            if self.passed[index, number]
        }
