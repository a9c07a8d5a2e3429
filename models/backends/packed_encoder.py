"""The weights of a BERT with two heads, run over texts that lie one behind the other."""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models.backends.attention import Attention, Places
from models.encoder import TwoHeadEncoder

ROWS_STEP = 16
"""Of a few rows, or of the last few, torch's product of matrices on a CPU rounds otherwise."""


@dataclass(frozen=True, slots=True)
class Packed:
    """The texts of a batch in one sequence."""

    numbers: Tensor
    """Token ids, then positions, then where the texts start; in 32 bits, one thing to copy."""
    lengths: tuple[int, ...]
    """Tokens of each text; the last is what fills the sequence up, if anything does."""
    texts: int
    """Without what fills up."""

    def moved(self, numbers: Tensor) -> "Packed":
        """The same with its numbers on a device."""
        return replace(self, numbers=numbers)

    def split(self) -> tuple[Tensor, Tensor, Places]:
        """Token ids and positions, (tokens,), and where the texts lie."""
        total = sum(self.lengths)
        ids, positions, starts = self.numbers.split((total, total, len(self.lengths) + 1))
        return ids, positions, Places(starts, self.lengths)


def packed(tokens: Sequence[list[int]]) -> Packed:
    """Texts, of which none is empty, in one sequence, filled up to a multiple of ROWS_STEP."""
    lengths = [len(ids) for ids in tokens]
    total = sum(lengths)
    if filling := -total % ROWS_STEP:
        lengths.append(filling)
    ids = np.zeros(total + filling, dtype=np.int32)
    ids[:total] = np.fromiter(itertools.chain.from_iterable(tokens), np.int32, total)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    positions = np.arange(len(ids)) - np.repeat(starts[:-1], lengths)
    positions[total:] = 0
    numbers = np.concatenate([ids, positions, starts]).astype(np.int32)
    return Packed(torch.from_numpy(numbers), tuple(lengths), len(tokens))


def attention_shape(network: TwoHeadEncoder) -> tuple[int, int] | None:
    """Heads and their width, where the backbone is one that `PackedEncoder` runs."""
    config = cast("Any", network.backbone).config
    if config.model_type != "bert":
        return None
    return config.num_attention_heads, config.hidden_size // config.num_attention_heads


class PackedEncoder:
    """A network's own weights: in single precision as they are on a CPU, on a GPU a copy of the
    backbone in bfloat16, under heads in single precision."""

    def __init__(self, network: TwoHeadEncoder, device: torch.device, attention: Attention) -> None:
        network = network.eval()
        if device.type == "cuda":
            network = copy.deepcopy(network).to(device)
            network.backbone.to(torch.bfloat16)
        backbone = cast("Any", network.backbone)
        self._embeddings = backbone.embeddings
        self._layers = list(backbone.encoder.layer)
        self._network = network
        self._attention = attention
        heads = backbone.config.num_attention_heads
        self._shape = -1, 3, heads, backbone.config.hidden_size // heads
        # Three products of the same states are one, which a GPU does sooner.
        self._projections = [
            tuple(
                torch.cat(
                    [getattr(part, kind).detach() for part in (own.query, own.key, own.value)]
                )
                for kind in ("weight", "bias")
            )
            for own in (layer.attention.self for layer in self._layers)
        ]

    def __call__(self, batch: Packed) -> Tensor:
        """Logits (texts, sentiments and topics) in single precision."""
        ids, positions, places = batch.split()
        own = self._embeddings
        embedded = own.word_embeddings(ids) + own.token_type_embeddings.weight[0]
        states = own.LayerNorm(embedded + own.position_embeddings(positions))
        for layer, (weight, bias) in zip(self._layers, self._projections, strict=True):
            query, key, value = functional.linear(states, weight, bias).view(self._shape).unbind(1)
            seen = self._attention(query, key, value, places).flatten(1)
            states = layer.attention.output(seen, states)
            states = layer.output(layer.intermediate(states), states)
        pooled = self._pooled(states, places)
        pooled = functional.pad(pooled, (0, 0, 0, -len(pooled) % ROWS_STEP))
        heads = self._network.sentiment, self._network.topics
        return torch.cat([head(pooled) for head in heads], 1)[: batch.texts]

    def _pooled(self, states: Tensor, places: Places) -> Tensor:
        """One vector a text, in single precision."""
        if self._network.pooling == "cls":
            return states[places.starts[:-1]].float()
        # Not by adding at an index, which on a GPU adds in another order each time.
        return torch.segment_reduce(
            states.float(), "mean", lengths=places.starts.diff(), unsafe=True
        )
