"""What training minimises: cross-entropy of the sentiment, binary cross-entropy of each topic."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from models.labels import SENTIMENTS
from models.training.examples import Example

ABSENT_TOPIC_WEIGHT = 0.4
"""Weight of a topic's absence where the set names one topic a text (see Example.single_topic)."""


def task_loss(
    sentiment: Tensor,
    topics: Tensor,
    examples: Sequence[Example],
    topic_names: Sequence[str],
    class_weights: Tensor,
    label_smoothing: float,
) -> Tensor:
    """The mean over the examples of what each one's labels cost, a scalar.

    `sentiment` (n, 3) and `topics` (n, topics) are logits. A row counts in the tasks that it
    carries labels of, by its weight.
    """
    device = sentiment.device
    importance = torch.tensor([example.weight for example in examples], device=device)
    total = torch.zeros((), device=device)
    rows = [index for index, example in enumerate(examples) if example.sentiment is not None]
    if rows:
        truth = torch.tensor(
            [SENTIMENTS.index(examples[row].sentiment) for row in rows], device=device
        )
        each = functional.cross_entropy(
            sentiment[rows], truth, class_weights, reduction="none", label_smoothing=label_smoothing
        )
        total = total + (each * importance[rows]).sum() / len(examples)
    rows = [index for index, example in enumerate(examples) if example.topics is not None]
    if rows:
        chosen = [examples[row] for row in rows]
        target = topic_targets(chosen, topic_names).to(device)
        weight = torch.ones_like(target)
        for line, example in enumerate(chosen):
            if example.single_topic:
                weight[line] = target[line] + (1 - target[line]) * ABSENT_TOPIC_WEIGHT
        each = functional.binary_cross_entropy_with_logits(
            topics[rows], target, weight, reduction="none"
        ).sum(-1)
        total = total + (each * importance[rows]).sum() / len(examples)
    return total


def topic_targets(examples: Sequence[Example], names: Sequence[str]) -> Tensor:
    """1 where an example has the topic, (n, topics)."""
    return torch.tensor(
        [[float(topic in (example.topics or ())) for topic in names] for example in examples]
    )


def class_weights(examples: Sequence[Example], power: float) -> Tensor:
    """Each sentiment's share to the minus `power`, mean one, (3,)."""
    counts = torch.tensor(
        [sum(example.sentiment == name for example in examples) for name in SENTIMENTS]
    ).clamp(min=1)
    weights = (counts.sum() / counts).pow(power)
    return weights / weights.mean()
