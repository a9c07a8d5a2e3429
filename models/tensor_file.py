"""Reading a safetensors file as data that nobody vouches for.

The header is compared with what the model needs before a tensor is read, so that a file can ask
for no memory that the model would not; then every number must be finite.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from models.manifest import ModelError

Shapes = Mapping[str, tuple[int, ...]]
FLOATS = ("F16", "BF16", "F32")
OF_NUMPY = ("F16", "F32")


def header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Type (as safetensors names it) and shape of each tensor. Raises ModelError.

    The library checks here that the sizes that the header states are those of the file.
    """
    try:
        with safe_open(path, framework="np") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
            return {
                name: (str(part.get_dtype()), tuple(part.get_shape()))
                for name, part in slices.items()
            }
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: {error}") from None


def read_arrays(path: Path, expected: Shapes) -> dict[str, NDArray[Any]]:
    """The arrays that are expected and no others, all floating and finite. Raises ModelError."""
    check_tensors(path, expected, OF_NUMPY)
    arrays = load(path, "np")
    for name, array in arrays.items():
        check_finite(path, name, bool(np.isfinite(array).all()))
    return arrays


def load(path: Path, framework: Literal["np", "pt"]) -> dict[str, Any]:
    """All tensors of a file whose header was checked, as numpy's or torch's. Raises ModelError."""
    try:
        with safe_open(path, framework=framework) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: {error}") from None


def check_tensors(path: Path, expected: Shapes, types: tuple[str, ...] = FLOATS) -> None:
    """Raises ModelError for a header that tells of others than are expected."""
    found = header(path)
    check_names(path, found, expected)
    for name, shape in expected.items():
        check_tensor(path, name, found[name], types, shape)


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


def check_finite(path: Path, name: str, finite: bool) -> None:
    """Raises ModelError."""
    if not finite:
        raise ModelError(f"{path}: tensor '{name}' holds NaN or infinity")
