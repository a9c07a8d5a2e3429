"""From a model directory to a network that is ready to answer: weights checked, adapters merged."""

import math
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError
from tokenizers import Tokenizer
from torch import nn

from models.backbone_config import AdapterConfig, read_adapter_config, read_backbone_config
from models.compact import read_compact
from models.companies import COMPANY_MARK
from models.directories import base_directory
from models.encoder import Pooling, TwoHeadEncoder, empty_backbone, pretrained_backbone
from models.layout import ADAPTER, ADAPTER_CONFIG, CONFIG, ENCODER, HEADS, TOKENIZER
from models.manifest import MANIFEST, Manifest, ModelError
from models.network_file import read_tensors
from models.tensor_file import header
from models.verification import verified
from models.wide import read_wide

MAX_PARAMETERS = 600_000_000
_PEFT_PREFIX, _DOWN, _UP = "base_model.model.", ".lora_A.weight", ".lora_B.weight"


def load_network(directory: Path) -> tuple[Manifest, TwoHeadEncoder, Path]:
    """The manifest, the network in evaluation mode, and the path of its tokenizer.

    Everything is checked each time. Raises ModelError, naming file and key, for a directory that is
    broken, changed or hostile, or does not fit its base.
    """
    manifest = verified(directory)
    try:
        if ADAPTER in manifest.files:
            base = base_directory(manifest.base, directory)
            backbone, hidden = pretrained_backbone(base)
            merge_adapter(
                backbone, directory / ADAPTER, read_adapter_config(directory / ADAPTER_CONFIG)
            )
            tokenizer = base / TOKENIZER
        else:
            backbone, hidden = whole_backbone(directory)
            tokenizer = directory / TOKENIZER
        network = TwoHeadEncoder(
            backbone, hidden, cast("Pooling", manifest.pooling), manifest.topics
        )
        _set_heads(network, directory / HEADS)
        read_wide(directory, manifest)
        _check_lengths(directory, manifest, backbone)
        _check_tokenizer(tokenizer, manifest.max_tokens, backbone)
    except ModelError:
        raise
    except (SafetensorError, LookupError, RuntimeError, OSError, TypeError, ValueError) as error:
        raise ModelError(f"{directory}: {error}") from error
    return manifest, network.eval(), tokenizer


def whole_backbone(directory: Path) -> tuple[nn.Module, int]:
    """The backbone that a directory holds whole, and its hidden size. Raises ModelError."""
    config = read_backbone_config(directory / CONFIG)
    outline, hidden = empty_backbone(config, "meta")
    shapes = {name: tuple(weight.shape) for name, weight in outline.named_parameters()}
    count = sum(math.prod(shape) for shape in shapes.values())
    if count > MAX_PARAMETERS:
        raise ModelError(f"{directory / CONFIG}: {count} parameters, at most {MAX_PARAMETERS}")
    needed = {name: shape for name, shape in shapes.items() if not name.startswith("pooler.")}
    weights = read_compact(directory / ENCODER, needed)
    backbone, _ = empty_backbone(config)
    backbone.load_state_dict(weights, strict=False)
    return backbone, hidden


def _set_heads(network: TwoHeadEncoder, path: Path) -> None:
    own = {
        f"{name}.{part}": weight
        for name, head in (("sentiment", network.sentiment), ("topics", network.topics))
        for part, weight in head.named_parameters()
    }
    found = read_tensors(path, {name: tuple(weight.shape) for name, weight in own.items()})
    with torch.no_grad():
        for name, weight in own.items():
            weight.copy_(found[name])


def _check_lengths(directory: Path, manifest: Manifest, backbone: nn.Module) -> None:
    """A text of the greatest length must have positions for all its tokens."""
    config = cast("Any", backbone).config
    # RoBERTa counts its positions from behind that of padding.
    taken = config.pad_token_id + 1 if config.model_type in ("roberta", "xlm-roberta") else 0
    positions = config.max_position_embeddings - taken
    if manifest.max_tokens > positions:
        raise ModelError(
            f"{directory / MANIFEST}: 'max_tokens' is {manifest.max_tokens}, the encoder reads "
            f"{positions}"
        )


def _check_tokenizer(path: Path, max_tokens: int, backbone: nn.Module) -> None:
    """All that a tokenizer can give out must be rows of the embedding."""
    embedding = cast("nn.Embedding", cast("Any", backbone).get_input_embeddings())
    tokenizer = open_tokenizer(path, max_tokens)
    ids = {*tokenizer.get_vocab().values(), *tokenizer.encode("Shares fell. 股价下跌").ids}
    if ids and max(ids) >= embedding.num_embeddings:
        raise ModelError(
            f"{path}: gives out {max(ids)}, the encoder has {embedding.num_embeddings} pieces"
        )


def open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """The tokenizer of a model: no padding, texts cut, the mark of a company one piece.

    Raises ModelError for a file that holds none.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{path}: not a tokenizer: {error}") from None
    # A piece that the vocabulary lacks would become one that the encoder has no row for.
    if tokenizer.token_to_id(COMPANY_MARK) is not None:
        tokenizer.add_special_tokens([COMPANY_MARK])
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def merge_adapter(backbone: nn.Module, path: Path, config: AdapterConfig) -> None:
    """Add each adapter's product to the matrix it belongs to (Hu et al. 2021, equation 3).

    Raises ModelError, naming the tensor, for an adapter that does not fit the backbone.
    """
    places = {
        f"{_PEFT_PREFIX}{name}": module
        for name, module in backbone.named_modules()
        if isinstance(module, nn.Linear)
    }
    shapes: dict[str, tuple[int, ...]] = {}
    for name in header(path):
        place = name.removesuffix(_DOWN).removesuffix(_UP)
        if place not in places or place == name:
            raise ModelError(f"{path}: tensor '{name[:100]}' has no place in the base")
        linear = places[place]
        shapes[place + _DOWN] = (config.r, linear.in_features)
        shapes[place + _UP] = (linear.out_features, config.r)
    if not shapes:
        raise ModelError(f"{path}: holds no adapter")
    adapter = read_tensors(path, shapes)
    scale = config.lora_alpha / config.r
    with torch.no_grad():
        for name, down in adapter.items():
            if name.endswith(_DOWN):
                place = name.removesuffix(_DOWN)
                places[place].weight += scale * (adapter[place + _UP].float() @ down.float())
