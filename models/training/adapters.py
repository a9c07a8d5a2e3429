"""Which weights a method trains: all of them, or low-rank additions to the linear layers."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, cast

import torch
from peft import AdaLoraConfig, LoraConfig, get_peft_model
from torch import Tensor, nn

Method = Literal["full", "lora", "adalora"]

LORA_TARGETS = ["query", "key", "value", "dense"]
ORTHOGONALITY_WEIGHT = 0.5


class Adapter(Protocol):
    """What a method adds to a step of training."""

    backbone: nn.Module
    """The network's backbone in training."""

    def penalty(self) -> Tensor: ...

    def after_step(self, step: int) -> None: ...

    def state(self) -> dict[str, Tensor]: ...

    def restore(self, state: Mapping[str, Tensor]) -> None: ...

    def merged(self) -> nn.Module:
        """The backbone with what was added to it merged into its own weights."""
        ...


class FullTuning:
    """All weights are trained; the other methods change what differs."""

    def __init__(self, backbone: nn.Module) -> None:
        self.backbone = backbone

    def penalty(self) -> Tensor:
        return torch.zeros(())

    def after_step(self, step: int) -> None:
        pass

    def state(self) -> dict[str, Tensor]:
        return {}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        pass

    def merged(self) -> nn.Module:
        return self.backbone


class LowRank(FullTuning):
    """LoRA (Hu et al. 2021) on all linear layers."""

    def __init__(self, backbone: nn.Module, config: LoraConfig) -> None:
        super().__init__(cast("nn.Module", get_peft_model(cast("Any", backbone), config)))

    def merged(self) -> nn.Module:
        return cast("nn.Module", cast("Any", self.backbone).merge_and_unload())


class AdaptiveLowRank(LowRank):
    """AdaLoRA (Zhang et al. 2023): starts at one and a half times the rank, and takes away the
    directions that matter least until the mean rank is the one asked for."""

    def penalty(self) -> Tensor:
        """How far the singular directions are from orthogonal (equation 4 of the paper)."""
        terms = [
            torch.linalg.matrix_norm(product - torch.eye(len(product), device=product.device))
            for name, weight in self.backbone.named_parameters()
            if "lora_A" in name or "lora_B" in name
            for product in [weight @ weight.T if "lora_A" in name else weight.T @ weight]
        ]
        return ORTHOGONALITY_WEIGHT * torch.stack(terms).mean()

    def after_step(self, step: int) -> None:
        cast("Any", self.backbone).base_model.update_and_allocate(step)

    def state(self) -> dict[str, Tensor]:
        allocator = self._allocator()
        return {
            f"{part}/{name}": tensor
            for part in ("ipt", "exp_avg_ipt", "exp_avg_unc")
            for name, tensor in getattr(allocator, part).items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        allocator = self._allocator()
        for key, tensor in state.items():
            part, _, name = key.partition("/")
            getattr(allocator, part)[name] = tensor

    def _allocator(self) -> Any:
        return cast("Any", self.backbone).base_model.rankallocator


def adapter_for(method: Method, backbone: nn.Module, rank: int, steps: int) -> Adapter:
    """The adapter of a method; `steps` is the length of the run."""
    shared: dict[str, Any] = {
        "lora_alpha": 2 * rank,
        "lora_dropout": 0.05,
        "target_modules": LORA_TARGETS,
        "exclude_modules": r".*pooler.*",
    }
    if method == "lora":
        return LowRank(backbone, LoraConfig(r=rank, **shared))
    if method == "adalora":
        config = AdaLoraConfig(
            init_r=rank + rank // 2,
            target_r=rank,
            tinit=steps // 10,
            tfinal=steps // 3,
            deltaT=max(1, steps // 100),
            total_step=steps,
            **shared,
        )
        return AdaptiveLowRank(backbone, config)
    return FullTuning(backbone)
