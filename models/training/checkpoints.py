"""Where a run stands, and keeping it on disk: weights and AdamW's moments as tensors, no pickle."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.training.adapters import Adapter


@dataclass(frozen=True, slots=True)
class Position:
    """How far a run has come."""

    epoch: int = 0
    batch: int = 0
    """Batches of this epoch that are done."""
    step: int = 0
    stale: int = 0
    """Epochs since the best one."""
    best: dict[str, float] = field(default_factory=dict)

    def next_batch(self) -> "Position":
        """One step on."""
        return replace(self, batch=self.batch + 1, step=self.step + 1)

    @property
    def best_epoch(self) -> int:
        """The epoch whose weights are the best, from 1."""
        return self.epoch - self.stale

    def next_epoch(self, figures: dict[str, float]) -> "Position":
        """The epoch is over, with these validation figures; `stale` is 0 if they are the best.
        Where nothing validates, the latest epoch counts as the best."""
        better = not self.best or figures["macro_f1"] > self.best["macro_f1"]
        return replace(
            self,
            epoch=self.epoch + 1,
            batch=0,
            stale=0 if better else self.stale + 1,
            best=figures if better else self.best,
        )


def save(
    checkpoint: Path,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    adapter: Adapter,
    names: set[str],
    position: Position,
) -> None:
    """Write the state whole or not at all."""
    state = network.state_dict()
    tensors = {f"weight.{name}": state[name].detach().clone().contiguous() for name in names}
    for index, moments in optimizer.state_dict()["state"].items():
        for part, tensor in moments.items():
            tensors[f"moment.{index}.{part}"] = tensor.clone().contiguous()
    for name, tensor in adapter.state().items():
        tensors[f"adapter.{name}"] = tensor.clone().contiguous()
    notes = {f"best.{name}": repr(value) for name, value in position.best.items()}
    numbers = (position.epoch, position.batch, position.step, position.stale)
    notes["position"] = " ".join(str(number) for number in numbers)
    partial = checkpoint.with_suffix(".partial")
    save_file(tensors, partial, metadata=notes)
    partial.replace(checkpoint)


def restore(
    checkpoint: Path, network: nn.Module, optimizer: torch.optim.Optimizer, adapter: Adapter
) -> Position:
    """Put a saved state back in place, and say where the run stood."""
    tensors = load_file(checkpoint)
    with safe_open(checkpoint, "pt") as file:
        notes = file.metadata()
    network.load_state_dict(_under("weight.", tensors), strict=False)
    states: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _under("moment.", tensors).items():
        index, part = name.split(".")
        states.setdefault(int(index), {})[part] = tensor
    kept = optimizer.state_dict()
    optimizer.load_state_dict({"state": states, "param_groups": kept["param_groups"]})
    adapter.restore(_under("adapter.", tensors))
    epoch, batch, step, stale = (int(number) for number in notes["position"].split())
    best = {
        name.removeprefix("best."): float(value)
        for name, value in notes.items()
        if name.startswith("best.")
    }
    return Position(epoch, batch, step, stale, best)


def _under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
