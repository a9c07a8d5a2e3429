"""Reading a network's weights from a safetensors file that nobody vouches for."""

from pathlib import Path

import torch
from torch import Tensor

from models.tensor_file import Shapes, check_finite, check_tensors, load


def read_tensors(path: Path, expected: Shapes) -> dict[str, Tensor]:
    """The tensors that are expected and no others, all floating and finite. Raises ModelError."""
    check_tensors(path, expected)
    return load_finite(path)


def load_finite(path: Path) -> dict[str, Tensor]:
    """All tensors of a file whose header was checked. Raises ModelError for NaN or infinity."""
    tensors: dict[str, Tensor] = load(path, "pt")
    for name, tensor in tensors.items():
        finite = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
        check_finite(path, name, finite)
    return tensors
