"""Reading a safetensors file as data that nobody vouches for.

The header is compared with what the network needs before a tensor is read, so that a file can ask
for no memory that the network would not; then every number must be finite.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from models.manifest import ModelError

Shapes = Mapping[str, tuple[int, ...]]
FLOATS = ("F16", "BF16", "F32")


def header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type (as safetensors names it) and shape of each tensor. Raises ModelError.

    The library checks here that the sizes that the header states are those of the file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: (str(part.get_dtype()), tuple(part.get_shape()))
                for name, part in slices.items()
            }
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: {error}") from None


def read_tensors(path: Path, expected: Shapes) -> dict[str, Tensor]:
    """The tensors that are expected and no others, all floating and finite. Raises ModelError."""
    found = header(path)
    check_names(path, found, expected)
    for name, shape in expected.items():
        check_tensor(path, name, found[name], FLOATS, shape)
    return load_finite(path)


def check_names(path: Path, found: Mapping[str, object], expected: Mapping[str, object]) -> None:
    """Raises ModelError for a tensor too few or too many."""
    for name in expected:
        if name not in found:
            raise ModelError(f"{path}: tensor '{name}' is missing")
    for name in found:
        if name not in expected:
            raise ModelError(f"{path}: tensor '{name[:100]}' has no place in the network")


def check_tensor(
    path: Path,
    name: str,
    found: tuple[str, tuple[int, ...]],
    types: tuple[str, ...],
    shape: tuple[int, ...],
) -> None:
    """Raises ModelError for a tensor of another type or shape."""
    if found[1] != shape:
        raise ModelError(
            f"{path}: tensor '{name}' has the shape {list(found[1])}, the network {list(shape)}"
        )
    if found[0] not in types:
        raise ModelError(f"{path}: tensor '{name}' is {found[0]}, not {' or '.join(types)}")


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
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            raise ModelError(f"{path}: tensor '{name}' holds NaN or infinity")
    return tensors
