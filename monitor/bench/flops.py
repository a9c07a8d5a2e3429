"""How many operations an encoder needs for texts of given lengths."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.backbone_config import read_backbone_config
from models.directories import config_file, resolve
from models.layout import LINEAR
from models.manifest import MANIFEST, read_manifest

_Config = Mapping[str, Any]


def encoder_config(spec: str) -> _Config | None:
    """The configuration of a model's encoder; None where it has none of ours to read.

    Raises ModelError for a broken directory.
    """
    directory = resolve(spec)
    if not (directory / MANIFEST).is_file() or (directory / LINEAR).is_file():
        return None
    return read_backbone_config(config_file(directory, read_manifest(directory)))


def encoder_flops(config: _Config, lengths: Sequence[int]) -> float:
    """Floating-point operations of one pass over texts of `lengths` tokens, padding left out.

    Two a multiplication with addition; matrix products only, as a peak is counted. A layer has four
    projections of the hidden size, two between it and the inner size, and for each pair of tokens
    two products over the hidden size (Kaplan et al. 2020, table 1, without its decoder's mask).
    """
    hidden = int(config.get("hidden_size", config.get("dim", 768)))
    layers = int(config.get("num_hidden_layers", config.get("n_layers", 12)))
    inner = int(config.get("intermediate_size", config.get("hidden_dim", 4 * hidden)))
    embedding = int(config.get("embedding_size", hidden))
    per_token = layers * 2 * (4 * hidden * hidden + 2 * hidden * inner)
    if embedding != hidden:
        per_token += 2 * embedding * hidden
    per_pair = layers * 4 * hidden
    return float(sum(per_token * length + per_pair * length * length for length in lengths))
