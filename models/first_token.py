"""The last layer of a BERT for the first token alone, whose state is then a text's vector."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertModel


def can_narrow(backbone: nn.Module) -> bool:
    """Whether `first_states` can run a backbone."""
    return isinstance(backbone, BertModel) and not cast("Any", backbone).config.is_decoder


def first_states(backbone: nn.Module, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
    """A BERT's last state of each text's first token, (texts, hidden); both inputs are
    (texts, tokens).

    It is what the whole of it says. In the last layer the other tokens are only looked at: of
    its twelve products of a token's state with a square matrix they need two, keys and values.
    """
    bert = cast("Any", backbone)
    states = bert.embeddings(input_ids=input_ids)
    seen = attention_mask.to(torch.bool)[:, None, None, :]
    *layers, last = bert.encoder.layer
    for layer in layers:
        states = layer(states, seen)
    first = states[:, :1]
    own = last.attention.self
    shape = (own.num_attention_heads, own.attention_head_size)
    query, key, value = (
        product(of).unflatten(-1, shape).transpose(1, 2)
        for product, of in ((own.query, first), (own.key, states), (own.value, states))
    )
    share = own.dropout.p if own.training else 0.0
    gathered = functional.scaled_dot_product_attention(query, key, value, seen, dropout_p=share)
    answered = last.attention.output(gathered.transpose(1, 2).flatten(2), first)
    narrow: Tensor = last.output(last.intermediate(answered), answered)
    return narrow[:, 0]
