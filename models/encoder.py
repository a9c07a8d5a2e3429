"""One encoder with two heads: sentiment and topics from a single pass.

This module imports torch; nothing that only needs labels, languages or the watchlist imports it.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel
from transformers.utils import logging as hub_logging

from models.first_token import can_narrow, first_states
from models.labels import SENTIMENTS, TOPICS

Pooling = Literal["mean", "cls"]


class TwoHeadEncoder(nn.Module):
    """A BERT-like backbone, pooled to one vector a text, under two linear heads."""

    def __init__(
        self,
        backbone: nn.Module,
        hidden: int,
        pooling: Pooling,
        topic_names: Sequence[str] = TOPICS,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.dropout = nn.Dropout(0.1)
        self.sentiment = nn.Linear(hidden, len(SENTIMENTS))
        self.topic_names = tuple(topic_names)
        self.topics = nn.Linear(hidden, len(self.topic_names))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Logits (texts, 3) of the sentiments and (texts, topics) of the topics.

        `input_ids` and `attention_mask` are (texts, tokens).
        """
        return self.answers(self.pooled(input_ids, attention_mask))

    def pooled(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """A vector a text, (texts, hidden)."""
        if self.pooling == "cls" and can_narrow(self.backbone):
            return first_states(self.backbone, input_ids, attention_mask)
        states = self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "cls":
            return cast("Tensor", states[:, 0])
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return cast("Tensor", (states * mask).sum(1) / mask.sum(1).clamp(min=1.0))

    def answers(self, pooled: Tensor) -> tuple[Tensor, Tensor]:
        """The logits of pooled vectors."""
        pooled = self.dropout(pooled)
        return self.sentiment(pooled), self.topics(pooled)


def padded(tokens: Sequence[list[int]], width: int = 0) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, (texts, tokens); as wide as the longest text, or wider."""
    width = max(width, *(len(ids) for ids in tokens))
    input_ids = torch.zeros(len(tokens), width, dtype=torch.long)
    mask = torch.zeros(len(tokens), width, dtype=torch.long)
    for row, ids in enumerate(tokens):
        input_ids[row, : len(ids)] = torch.tensor(ids)
        mask[row, : len(ids)] = 1
    return input_ids, mask


def empty_backbone(config: Mapping[str, Any], device: str = "cpu") -> tuple[nn.Module, int]:
    """A backbone of a checked configuration with weights not yet set, and its hidden size.

    On the device "meta" it has shapes and takes no memory.
    """
    values = dict(config)
    made = AutoConfig.for_model(values.pop("model_type"), **values)
    with torch.device(device):
        backbone = AutoModel.from_config(made, attn_implementation="sdpa")
    return backbone, int(made.hidden_size)


def pretrained_backbone(directory: Path) -> tuple[nn.Module, int]:
    """A backbone with the weights of a directory, in single precision, and its hidden size."""
    # Its bar and its report of unused weights would stand between a user and the first alert.
    hub_logging.disable_progress_bar()
    hub_logging.set_verbosity_error()
    backbone = AutoModel.from_pretrained(
        directory,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        dtype=torch.float32,
        attn_implementation="sdpa",
    )
    return backbone, int(backbone.config.hidden_size)
