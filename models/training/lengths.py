"""How much of a text a model should read: measured on the texts that it learns from."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from tokenizers import Tokenizer
from torch import nn

from models.training.examples import Example

SHARE = 0.95
STEP_TOKENS, MOST_TOKENS = 32, 256
SPECIAL_POSITIONS = 2
"""RoBERTa counts its positions from behind that of padding."""


def tokens_to_read(
    tokenizer: Tokenizer, backbone: nn.Module, examples: Sequence[Example], least: int
) -> int:
    """Tokens that hold 95 in 100 of the texts whole: a multiple of 32, `least` to 256, and no more
    than the encoder has positions for."""
    tokenizer.no_truncation()
    lengths = [len(item.ids) for item in tokenizer.encode_batch_fast([x.text for x in examples])]
    wanted = -(-int(np.quantile(lengths, SHARE)) // STEP_TOKENS) * STEP_TOKENS
    positions = int(cast("Any", backbone).config.max_position_embeddings) - SPECIAL_POSITIONS
    return min(max(wanted, least), MOST_TOKENS, positions)
