"""Which device of torch a name means."""

from models.manifest import ModelError


def known_device(wanted: str) -> str:
    """The name, which is one of `auto`, `cpu`, `cuda` and `cuda:N`. Raises ModelError."""
    if wanted not in {"auto", "cpu"} and not wanted.startswith("cuda"):
        raise ModelError(f"device '{wanted}': auto, cpu, cuda or cuda:N are known")
    return wanted


def pick_device(wanted: str) -> str:
    """The device of this machine that a name means: cpu, cuda or cuda:N. Raises ModelError."""
    if known_device(wanted) == "cpu":
        return wanted
    # It takes more than a second: models of n-grams never ask.
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if not torch.cuda.is_available():
        raise ModelError(
            f"device '{wanted}': this machine has no usable NVIDIA GPU; use cpu or auto"
        )
    return wanted
