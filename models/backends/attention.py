"""Attention over texts that lie one behind the other in one sequence, each seeing itself alone."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

HALF_TOLERANCE = 0.05
"""By so much values around one may differ in bfloat16."""
_TRIED_LENGTHS = 3, 1, 40


@dataclass(frozen=True, slots=True)
class Places:
    """Where each text lies in the sequence."""

    starts: Tensor
    """(texts + 1,) in 32 bits on the device: where each begins, and where the last one ends."""
    lengths: tuple[int, ...]
    """Tokens of each text."""


Attention = Callable[[Tensor, Tensor, Tensor, Places], Tensor]
"""Of queries, keys and values (tokens, heads, width), and where the texts lie."""


def text_by_text(query: Tensor, key: Tensor, value: Tensor, places: Places) -> Tensor:
    """What any device can do: torch's own attention, for each text by itself."""
    texts = zip(
        *(part.transpose(0, 1).split(places.lengths, 1) for part in (query, key, value)),
        strict=True,
    )
    seen = [
        functional.scaled_dot_product_attention(*(part.unsqueeze(0) for part in text))[0]
        for text in texts
    ]
    return torch.cat(seen, 1).transpose(0, 1)


def fused_attention(device: torch.device, heads: int, width: int) -> tuple[str, Attention] | None:
    """A kernel of this GPU that reads all texts at once, and its name; None where there is none.

    flash-attn's where that is installed, else torch's (2.10 and newer). It is tried before it is
    taken: whether it can run hangs on the GPU, on how the library was built and on the width.
    """
    for name, module, function in (
        ("flash-attn", "flash_attn", "flash_attn_varlen_func"),
        ("torch varlen_attn", "torch.nn.attention.varlen", "varlen_attn"),
    ):
        try:
            kernel = getattr(importlib.import_module(module), function)
            attention = _of_kernel(kernel)
            if _agrees(attention, device, heads, width):
                return name, attention
        except (ImportError, AttributeError, RuntimeError, TypeError, ValueError):
            continue
    return None


def _of_kernel(kernel: Callable[..., object]) -> Attention:
    def attention(query: Tensor, key: Tensor, value: Tensor, places: Places) -> Tensor:
        longest = max(places.lengths)
        starts = places.starts
        return cast("Tensor", kernel(query, key, value, starts, starts, longest, longest))

    return attention


@torch.inference_mode()
def _agrees(attention: Attention, device: torch.device, heads: int, width: int) -> bool:
    made = torch.Generator().manual_seed(0)
    shape = sum(_TRIED_LENGTHS), heads, width
    parts = [torch.randn(shape, generator=made).to(device, torch.bfloat16) for _ in range(3)]
    starts = torch.tensor([0, *_TRIED_LENGTHS]).cumsum(0).to(device, torch.int32)
    places = Places(starts, _TRIED_LENGTHS)
    found = attention(parts[0], parts[1], parts[2], places).float()
    single = [part.float() for part in parts]
    expected = text_by_text(single[0], single[1], single[2], places)
    return torch.allclose(found, expected, atol=HALF_TOLERANCE)
