"""Reading a network's weights from a safetensors file that nobody vouches for."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from models.manifest import ModelError
from models.tensor_file import Shapes, check_finite, check_tensors


def read_tensors(path: Path, expected: Shapes) -> dict[str, Tensor]:
    """The tensors that are expected and no others, all floating and finite. Raises ModelError."""
    check_tensors(path, expected)
    return load_finite(path)


def load_finite(path: Path) -> dict[str, Tensor]:
    """All tensors of a file whose header was checked. Raises ModelError for NaN or infinity."""
    tensors = {}
    try:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118
                tensors[name] = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: {error}") from None
    for name, tensor in tensors.items():
        finite = not tensor.is_floating_point() or bool(torch.isfinite(tensor).all())
        check_finite(path, name, finite)
    return tensors
