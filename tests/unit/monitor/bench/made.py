"""A linear model that is made in a moment."""

from pathlib import Path

import torch
from safetensors.torch import save_file

from models.labels import TOPICS
from models.layout import LINEAR
from models.manifest import Base, DataSource, Manifest, write_manifest
from models.ngrams import BUCKETS


def write_linear(directory: Path) -> Manifest:
    """Weights by chance: it answers, and as fast as one that has learned."""
    directory.mkdir(parents=True)
    made = torch.Generator().manual_seed(0)
    columns = 3 + len(TOPICS)
    weights = {
        "idf": torch.ones(BUCKETS),
        "weight": torch.randn(BUCKETS, columns, generator=made),
        "bias": torch.zeros(columns),
    }
    save_file(weights, directory / LINEAR)
    manifest = Manifest(
        name="chance",
        languages=("en",),
        method="linear",
        pooling="mean",
        base=Base(name="none", licence="none", package="", sha256=""),
        max_tokens=64,
        temperature=1.0,
        topic_thresholds=dict.fromkeys(TOPICS, 0.9),
        data=(DataSource(name="none", rows=0, licence="own", sha256="0" * 64),),
        metrics={},
        command="undertone train --method linear",
        files={},
    )
    return write_manifest(directory, manifest)
