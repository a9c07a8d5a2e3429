"""What a training run starts from: a base encoder, or a model of ours that goes on learning."""

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from models.directories import base_directory, config_file
from models.encoder import Pooling, TwoHeadEncoder, pretrained_backbone
from models.layout import LINEAR, TOKENIZER
from models.loading import load_network
from models.manifest import Base, Manifest, ModelError, file_sha256
from models.training.layers import chosen_layers, keep_layers, layer_count
from models.training.neurons import neuron_count


@dataclass(frozen=True, slots=True)
class Start:
    """Where the weights of a run come from."""

    base: Base
    """The encoder as the new model's manifest will state it."""
    pooling: str
    directory: Path
    """Folder of the encoder, or of a model of ours."""
    is_model: bool
    reads_companies: bool = False
    layers: tuple[int, ...] = ()
    """Those that are kept of a model of ours, if not all."""
    neurons: int = 0
    """As many are kept of each of its feed-forward layers; 0 are all."""

    @property
    def identity(self) -> str:
        """What tells this start from others."""
        kept = f" {self.layers}" if self.layers else ""
        kept += f" {self.neurons} neurons" if self.neurons else ""
        return f"{self.base.name} {self.base.sha256}{kept}"

    def open(self, topics: tuple[str, ...]) -> tuple[TwoHeadEncoder, Path, Path]:
        """The network, and the paths of its tokenizer and its config. Raises ModelError.

        A model's heads go on learning too; the topics' head starts anew where the topics differ.
        """
        if not self.is_model:
            backbone, hidden = pretrained_backbone(self.directory)
            network = TwoHeadEncoder(backbone, hidden, cast("Pooling", self.pooling), topics)
            tokenizer, config = self.directory / TOKENIZER, self.directory / "config.json"
        else:
            manifest, known, tokenizer = load_network(self.directory)
            config = config_file(self.directory, manifest)
            network = known
            if manifest.topics != topics:
                hidden = known.sentiment.in_features
                network = TwoHeadEncoder(known.backbone, hidden, known.pooling, topics)
                network.sentiment = known.sentiment
            if self.layers:
                keep_layers(network, self.layers)
        for name, parameter in network.named_parameters():
            parameter.requires_grad = ".pooler." not in name
        return network, tokenizer, config


def from_base(base: Base, pooling: str, folder: Path | None) -> Start:
    """Start from an encoder: the base's package, or a folder. Raises ModelError."""
    directory = base_directory(base, folder or Path())
    digest = base.sha256
    if not base.package:
        weights = directory / "model.safetensors"
        digest = file_sha256(weights) if weights.is_file() else ""
    # What comes out holds all its weights: it needs no package.
    base = Base(name=base.name, licence=base.licence, package="", sha256=digest)
    return Start(base, pooling, directory, is_model=False)


def from_model(directory: Path, manifest: Manifest) -> Start:
    """Start from a model of ours."""
    base = Base(
        name=manifest.identifier,
        licence=manifest.base.licence,
        package="",
        sha256=file_sha256(directory / "manifest.json"),
    )
    return Start(base, manifest.pooling, directory, True, manifest.reads_companies)


def from_teacher(directory: Path, manifest: Manifest, layers: str, neurons: int = 0) -> Start:
    """Start a student from its teacher's own weights, less the layers that are not wanted (see
    `models.training.layers`), and with so many neurons in each; 0 are all. Raises ModelError."""
    if LINEAR in manifest.files:
        raise ModelError(f"{directory}: a linear model has no layers to choose from")
    _, network, _ = load_network(directory)
    base = Base(
        name=manifest.base.name,
        licence=manifest.base.licence,
        package="",
        sha256=manifest.base.sha256,
    )
    chosen = chosen_layers(layers, layer_count(network))
    known = neuron_count(network)
    if neurons > known:
        raise ModelError(f"{neurons} neurons: the teacher has {known} in a layer, choose no more")
    return Start(base, manifest.pooling, directory, True, manifest.reads_companies, chosen, neurons)
