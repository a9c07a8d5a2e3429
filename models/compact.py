"""Weights made small for shipping: one byte a number, with a scale a row.

Matrices are kept as int8 rows with a half-precision scale each (symmetric, nearest), the rest in
half precision. Rows of the word embedding that the tokenizer cannot produce are left out.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

WORD_EMBEDDING = "embeddings.word_embeddings.weight"


def compact(weights: Mapping[str, Tensor], kept_rows: Sequence[int] | None) -> dict[str, Tensor]:
    """The tensors to ship; `kept_rows` are the word embedding's rows that are ever used."""
    shipped: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if weight.ndim != 2:
            shipped[name] = weight.to(torch.float16).contiguous()
            continue
        if name == WORD_EMBEDDING and kept_rows is not None:
            rows = torch.tensor(sorted(kept_rows), dtype=torch.int32)
            shipped[f"{name}.rows"] = rows
            weight = weight[rows.long()]
        scale = (weight.abs().amax(dim=1, keepdim=True) / 127.0).clamp(min=1e-8)
        scale = scale.to(torch.float16).to(torch.float32).clamp(min=6e-8)
        shipped[f"{name}.int8"] = (weight / scale).round().clamp(-127, 127).to(torch.int8)
        shipped[f"{name}.scale"] = scale.to(torch.float16).contiguous()
    return shipped


def expand(shipped: Mapping[str, Tensor], vocabulary: int) -> dict[str, Tensor]:
    """The weights in single precision; rows that were left out are zero."""
    weights: dict[str, Tensor] = {}
    for name, tensor in shipped.items():
        if name.endswith((".scale", ".rows")):
            continue
        if not name.endswith(".int8"):
            weights[name] = tensor.to(torch.float32)
            continue
        base = name.removesuffix(".int8")
        weight = tensor.to(torch.float32) * shipped[f"{base}.scale"].to(torch.float32)
        rows = shipped.get(f"{base}.rows")
        if rows is not None:
            full = torch.zeros(vocabulary, weight.shape[1])
            full[rows.long()] = weight
            weight = full
        weights[base] = weight
    return weights


def producible_rows(vocabulary: Mapping[str, int]) -> list[int]:
    """Rows of a BERT vocabulary that its tokenizer can produce.

    Chinese characters are split off one by one before word pieces are made, so that a
    continuation piece ("##") of one never comes out.
    """
    return [
        index
        for piece, index in vocabulary.items()
        if not (piece.startswith("##") and any("\u3400" <= char <= "\u9fff" for char in piece))
    ]
