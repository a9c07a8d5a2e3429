"""Weights made small for shipping: one byte a number, with a scale a row.

Matrices are kept as int8 rows with a half-precision scale each (symmetric, nearest), the rest in
half precision. Rows of the word embedding that the tokenizer cannot produce are left out.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from models.manifest import ModelError
from models.network_file import load_finite
from models.tensor_file import FLOATS, Shapes, check_names, check_tensor, header

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


def read_compact(path: Path, shapes: Shapes) -> dict[str, Tensor]:
    """The weights in single precision, of the shapes that the network has; rows left out are zero.

    Raises ModelError, naming file and tensor, for a file that does not hold them all and no more.
    """
    found = header(path)
    expected: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        if f"{name}.int8" not in found or len(shape) != 2:
            expected[name] = (FLOATS, shape)
            continue
        kept = shape[0]
        if f"{name}.rows" in found:
            kept = _first(found[f"{name}.rows"][1])
            expected[f"{name}.rows"] = (("I32",), (kept,))
        expected[f"{name}.int8"] = (("I8",), (kept, shape[1]))
        expected[f"{name}.scale"] = (("F16", "F32"), (kept, 1))
    check_names(path, found, expected)
    for name, (types, shape) in expected.items():
        check_tensor(path, name, found[name], types, shape)
    shipped = load_finite(path)
    for name, rows in shipped.items():
        if not name.endswith(".rows"):
            continue
        limit = shapes[name.removesuffix(".rows")][0]
        if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < limit:
            raise ModelError(f"{path}: tensor '{name}' names rows beyond {limit}")
    return _expanded(shipped, shapes)


def _first(shape: tuple[int, ...]) -> int:
    return shape[0] if shape else 0


def _expanded(shipped: Mapping[str, Tensor], shapes: Shapes) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name in shipped:
            weights[name] = shipped[name].to(torch.float32)
            continue
        weight = shipped[f"{name}.int8"].to(torch.float32)
        weight *= shipped[f"{name}.scale"].to(torch.float32)
        rows = shipped.get(f"{name}.rows")
        if rows is not None:
            full = torch.zeros(shape)
            full[rows.long()] = weight
            weight = full
        weights[name] = weight
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
