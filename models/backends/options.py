"""How a network is to be run: the names of the ways, and what else is to be said of it.

Nothing heavy is imported here: settings and models of n-grams need no network.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

Precision = Literal["f32", "bf16", "int8"]
"""Of OpenVINO."""

TORCH, PACKED = "torch", "packed"
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
OPENVINO = tuple(f"openvino-{precision}" for precision in PRECISIONS)
BATCH_TOKENS = 1_024
"""By default."""
BACKENDS = ("auto", TORCH, PACKED, *OPENVINO)


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How networks are run."""

    device: str = "cpu"
    """Of torch: auto, cpu, cuda or cuda:N."""
    backend: str = TORCH
    """One of BACKENDS."""
    threads: int | None = None
    """Of torch and OpenVINO on a CPU; None: as many as there are cores."""
    batch_tokens: int = BATCH_TOKENS
    """Of a batch; on a GPU where looking for more begins."""
    cache: Path | None = None
    """Where exported networks and what was measured of them are kept; None: nothing is kept."""


PLAIN = BackendOptions()
"""Torch on the CPU."""
