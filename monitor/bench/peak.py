"""What the machine can do at most: a matrix product, as its library does it best."""

from collections.abc import Callable

import torch

CPU_SIDE = 1_536
GPU_SIDE = 8_192
PRECISIONS = {"single": torch.float32, "bfloat16": torch.bfloat16}


def product(device: str, precision: str, side: int | None = None) -> Callable[[], float]:
    """A product of two square matrices that can be repeated; it returns its operations, once they
    are done."""
    on_gpu = device.startswith("cuda")
    side = side or (GPU_SIDE if on_gpu else CPU_SIDE)
    made = torch.Generator().manual_seed(0)
    left, right = (
        torch.randn(side, side, generator=made).to(device, PRECISIONS[precision]) for _ in range(2)
    )
    out = torch.empty_like(left)

    def multiply() -> float:
        with torch.inference_mode():
            torch.mm(left, right, out=out)
        if on_gpu:
            torch.cuda.synchronize(device)
        return 2.0 * side**3

    return multiply
