"""A student with some of its teacher's layers: which, and taking the others away."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from torch import nn

from models.encoder import TwoHeadEncoder
from models.manifest import ModelError

_COUNTS = ("num_hidden_layers", "n_layers")
"""What a configuration calls the number of layers."""
_WIDTHS = ("intermediate_size", "hidden_dim")
"""What it calls the number of neurons in each."""


def chosen_layers(wanted: str, count: int) -> tuple[int, ...]:
    """The layers that are meant, of `count`: "0,5" are those, "2" is two, evenly picked.

    Of several the first and the last are always taken, one is the first; "5," is the sixth alone.
    Raises ModelError.
    """
    parts = [part.strip() for part in wanted.split(",")]
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise ModelError(
            f"layers '{wanted}': write which, as 0,5, or how many are picked evenly, as 2"
        )
    numbers = [int(part) for part in parts]
    if "," not in wanted:
        if not 1 <= numbers[0] <= count:
            raise ModelError(f"layers '{wanted}': the teacher has {count}, choose 1 to {count}")
        gaps = max(1, numbers[0] - 1)
        return tuple(round(place * (count - 1) / gaps) for place in range(numbers[0]))
    for one in numbers:
        if one >= count:
            raise ModelError(f"layers '{wanted}': the teacher has 0 to {count - 1}, not {one}")
    if sorted(set(numbers)) != numbers:
        raise ModelError(f"layers '{wanted}': name each once, the lower before the higher")
    return tuple(numbers)


def layer_count(network: TwoHeadEncoder) -> int:
    """How many layers a network has."""
    return len(layers_of(network))


def layers_of(network: TwoHeadEncoder) -> list[nn.Module]:
    """The layers of a network, from the first to the last."""
    return list(_stack(network).layer)


def keep_layers(network: TwoHeadEncoder, layers: Sequence[int]) -> None:
    """Take all other layers away, in place."""
    stack = _stack(network)
    stack.layer = nn.ModuleList([stack.layer[number] for number in layers])
    config = cast("Any", network.backbone).config
    config.num_hidden_layers = len(layers)


def copy_config(source: Path, target: Path, layers: int, neurons: int = 0) -> None:
    """Write a network's configuration as that of one with so many layers, and neurons in each of
    them; 0 are as many as it has."""
    values = json.loads(source.read_text(encoding="utf-8"))
    values[_key(values, _COUNTS)] = layers
    if neurons:
        values[_key(values, _WIDTHS)] = neurons
    target.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def _key(values: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((name for name in names if name in values), names[0])


def _stack(network: TwoHeadEncoder) -> Any:
    backbone = cast("Any", network.backbone)
    return backbone.transformer if hasattr(backbone, "transformer") else backbone.encoder
