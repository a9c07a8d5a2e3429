"""A run's figures for TensorBoard, and for Weights & Biases where it was asked for."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

from models.manifest import ModelError
from models.training.fit import Progress


def tensorboard_log(folder: Path) -> Callable[[Progress], None] | None:
    """Writes event files to a folder; None where TensorBoard is not installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder))

    def log(step: Progress) -> None:
        if not step.trains:
            return
        for name, value in _figures(step).items():
            writer.add_scalar(name, value, step.step)
        writer.flush()

    return log


def wandb_log(project: str, name: str) -> Callable[[Progress], None]:
    """Sends to Weights & Biases as its own environment says. Raises ModelError without it."""
    if importlib.util.find_spec("wandb") is None:
        raise ModelError("Weights & Biases is not installed: pip install wandb, or leave it out")
    import wandb  # type: ignore[import-not-found]

    run: Any = wandb.init(project=project, name=name, resume="allow")
    return lambda step: run.log(_figures(step), step=step.step) if step.trains else None


def _figures(step: Progress) -> dict[str, float]:
    figures = {"train/loss": step.loss, "train/learning_rate": step.learning_rate}
    return figures | {f"valid/{name}": value for name, value in step.valid.items()}
