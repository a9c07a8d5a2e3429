"""From a model directory to a network that is ready to answer: weights checked, adapters merged."""

import importlib.resources
import importlib.util
from pathlib import Path
from typing import cast

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn

from models.compact import expand
from models.companies import COMPANY_MARK
from models.encoder import Pooling, TwoHeadEncoder, empty_backbone, pretrained_backbone
from models.manifest import Base, Manifest, ModelError, file_sha256, read_manifest

ADAPTER = "adapter_model.safetensors"
ADAPTER_CONFIG = "adapter_config.json"
ENCODER = "encoder.safetensors"
HEADS = "heads.safetensors"
TOKENIZER = "tokenizer.json"
BUNDLED = Path(__file__).parent / "bundled"


class AdapterConfig(msgspec.Struct, frozen=True):
    """The part of PEFT's adapter configuration that merging needs."""

    r: int
    lora_alpha: float


def resolve(spec: str) -> Path:
    """The directory that a model's name stands for: `bundled:en` or a path."""
    if spec.startswith("bundled:"):
        directory = BUNDLED / spec.removeprefix("bundled:")
        if not directory.is_dir():
            known = ", ".join(f"bundled:{item.name}" for item in sorted(BUNDLED.iterdir()))
            raise ModelError(f"'{spec}' is no bundled model; there are: {known}")
        return directory
    return Path(spec)


def base_directory(base: Base, own: Path) -> Path:
    """Where the base's weights and tokenizer are; its hash is checked. Raises ModelError."""
    if not base.package:
        return own
    if importlib.util.find_spec(base.package) is None:
        raise ModelError(f"the base model's package '{base.package}' is not installed")
    directory = Path(str(importlib.resources.files(base.package))) / "model"
    weights = directory / "model.safetensors"
    if not weights.is_file():
        raise ModelError(f"{weights}: missing; install '{base.package}' again")
    found = file_sha256(weights)
    if found != base.sha256:
        raise ModelError(
            f"{weights}: SHA-256 is {found[:16]}…, the model was made from {base.sha256[:16]}…"
        )
    return directory


def config_file(directory: Path, manifest: Manifest) -> Path:
    """The encoder's configuration: the model's own, or its base's."""
    own = directory / "config.json"
    return own if own.is_file() else base_directory(manifest.base, directory) / "config.json"


def load_network(directory: Path) -> tuple[Manifest, TwoHeadEncoder, Path]:
    """The manifest, the network in evaluation mode, and the path of its tokenizer.

    Raises ModelError for a directory that is broken, changed or does not fit its base.
    """
    manifest = read_manifest(directory)
    base = base_directory(manifest.base, directory)
    try:
        if (directory / ADAPTER).is_file():
            backbone, hidden = pretrained_backbone(base)
            config = msgspec.json.decode(
                (directory / ADAPTER_CONFIG).read_bytes(), type=AdapterConfig
            )
            merge_adapter(backbone, load_file(directory / ADAPTER), config)
        else:
            backbone, hidden = empty_backbone(directory)
            backbone = backbone.float()
            vocabulary = int(cast("Tensor", backbone.get_input_embeddings().weight).shape[0])  # type: ignore[operator]
            weights = expand(load_file(directory / ENCODER), vocabulary)
            missing, unexpected = backbone.load_state_dict(weights, strict=False)
            missing = [name for name in missing if not name.startswith("pooler.")]
            if missing or unexpected:
                raise ModelError(f"{directory / ENCODER}: does not fit config.json")
        network = TwoHeadEncoder(
            backbone, hidden, cast("Pooling", manifest.pooling), manifest.topics
        )
        heads = load_file(directory / HEADS)
        for name, head in (("sentiment", network.sentiment), ("topics", network.topics)):
            head.load_state_dict(
                {part: heads[f"{name}.{part}"].float() for part in ("weight", "bias")}
            )
    except (SafetensorError, KeyError, RuntimeError, OSError, msgspec.DecodeError) as error:
        raise ModelError(f"{directory}: {error}") from error
    own_tokenizer = directory / TOKENIZER
    return manifest, network.eval(), own_tokenizer if own_tokenizer.is_file() else base / TOKENIZER


def open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    """The tokenizer of a model: no padding, texts cut, the mark of a company one piece."""
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.add_special_tokens([COMPANY_MARK])
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def merge_adapter(backbone: nn.Module, adapter: dict[str, Tensor], config: AdapterConfig) -> None:
    """Add each adapter's product to the matrix it belongs to (Hu et al. 2021, equation 3)."""
    scale = config.lora_alpha / config.r
    modules = dict(backbone.named_modules())
    merged = 0
    with torch.no_grad():
        for name, down in adapter.items():
            if not name.endswith(".lora_A.weight"):
                continue
            place = name.removeprefix("base_model.model.").removesuffix(".lora_A.weight")
            up = adapter[name.replace(".lora_A.", ".lora_B.")]
            weight = cast("Tensor", modules[place].weight)
            weight += scale * (up.float() @ down.float())
            merged += 1
    if merged == 0:
        raise ModelError("the adapter file holds no adapter")
