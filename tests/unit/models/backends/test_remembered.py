"""A text that was scored a short while ago is not run again, and is answered the same."""

from collections.abc import Sequence

import numpy as np
import pytest

from models.backends.protocol import Logits
from models.backends.remembered import Remembered


class Counting:
    """Sums of token ids for logits, and a note of what was run."""

    name = "counting"

    def __init__(self) -> None:
        self.ran: list[list[int]] = []

    def logits(self, tokens: Sequence[list[int]]) -> Logits:
        self.ran += tokens
        sums = np.array([float(sum(ids)) for ids in tokens], dtype=np.float32).reshape(-1, 1)
        return np.repeat(sums, 3, axis=1), np.repeat(-sums, 2, axis=1)


@pytest.mark.parametrize(
    ("asked", "ran"),
    [
        ([[[1, 2], [3]], [[3], [1, 2]]], [[1, 2], [3]]),
        ([[[1, 2], [1, 2], [4]]], [[1, 2], [4]]),
        ([[[1], [2]], [[3], [1]]], [[1], [2], [3]]),
        ([[], [[7]]], [[7]]),
    ],
    ids=["all known", "twice in one call", "some known", "none asked"],
)
def test_equal_texts_run_once_and_are_answered_in_order(
    asked: list[list[list[int]]], ran: list[list[int]]
) -> None:
    counting = Counting()
    remembered = Remembered(counting)
    for tokens in asked:
        sentiment, topics = remembered.logits(tokens)
        expected_sentiment, expected_topics = Counting().logits(tokens)
        assert np.array_equal(sentiment, expected_sentiment)
        assert np.array_equal(topics, expected_topics)
    assert counting.ran == ran


def test_the_longest_unseen_is_forgotten_first() -> None:
    counting = Counting()
    remembered = Remembered(counting, most_texts=2)
    for number in (1, 2, 1, 3, 1, 2):
        remembered.logits([[number]])
    assert counting.ran == [[1], [2], [3], [2]]


def test_more_texts_than_it_holds_are_all_answered() -> None:
    tokens = [[number] for number in range(5)]
    sentiment, _ = Remembered(Counting(), most_texts=2).logits(tokens)
    assert sentiment[:, 0].tolist() == [0, 1, 2, 3, 4]
