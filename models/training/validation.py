"""How a network in training does on its validation part."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.metrics import f1_score
from tokenizers import Tokenizer
from torch import Tensor

from models.encoder import TwoHeadEncoder, padded
from models.labels import SENTIMENTS
from models.training.examples import Example, shown_text
from models.training.losses import topic_targets

BATCH_TEXTS = 128


@torch.inference_mode()
def logits(
    network: TwoHeadEncoder, tokenizer: Tokenizer, examples: Sequence[Example], max_tokens: int
) -> tuple[Tensor, Tensor]:
    """Logits (n, 3) and (n, topics) of examples, in their order, on the CPU."""
    network.eval()
    device = next(network.parameters()).device
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    tokens = [
        encoding.ids
        for encoding in tokenizer.encode_batch_fast(
            [shown_text(example, max_tokens) for example in examples]
        )
    ]
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
    sentiment = torch.zeros(len(tokens), len(SENTIMENTS))
    topics = torch.zeros(len(tokens), len(network.topic_names))
    for start in range(0, len(order), BATCH_TEXTS):
        rows = order[start : start + BATCH_TEXTS]
        input_ids, mask = padded([tokens[row] for row in rows])
        found = network(input_ids.to(device), mask.to(device))
        sentiment[rows], topics[rows] = found[0].float().cpu(), found[1].float().cpu()
    return sentiment, topics


def validate(
    network: TwoHeadEncoder, tokenizer: Tokenizer, valid: Sequence[Example], max_tokens: int
) -> dict[str, float]:
    """Macro-F1 of each task that the examples have labels for, and their mean, `macro_f1`."""
    sentiment, topics = logits(network, tokenizer, valid, max_tokens)
    figures: dict[str, float] = {}
    for name, of_company in (("sentiment_f1", False), ("company_f1", True)):
        rows = [
            index
            for index, example in enumerate(valid)
            if example.sentiment is not None and bool(example.company) == of_company
        ]
        if rows:
            truth = [SENTIMENTS.index(valid[row].sentiment) for row in rows]
            found = sentiment[rows].argmax(-1).numpy()
            figures[name] = float(f1_score(truth, found, average="macro"))
    rows = [index for index, example in enumerate(valid) if example.topics is not None]
    if rows:
        target = topic_targets([valid[row] for row in rows], network.topic_names).numpy()
        found = (topics[rows] > 0).numpy()
        present = target.any(0) | found.any(0)
        figures["topics_f1"] = float(
            f1_score(target[:, present], found[:, present], average="macro", zero_division=0.0)
        )
    figures["macro_f1"] = float(np.mean(list(figures.values())))
    return figures
