"""What the machine at hand is good at: whether half precision pays, and keeping its memory."""

import ctypes
import sys
import time
from collections.abc import Callable

import torch

MATRIX = 768
REPEATS = 8
WORTHWHILE = 1.2
"""Half precision costs accuracy: it must be at least this much faster."""
HOPELESS = 4.0
"""So many times slower at the first product, which also has to warm up, it is emulated."""
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4


def fast_in_bf16(device: str, clock: Callable[[], float] = time.perf_counter) -> bool:
    """Whether matrix products are worth doing in bfloat16 on a device, by measuring some.

    Some CPUs emulate the type and are ten times slower in it.
    """
    seconds: dict[torch.dtype, float] = {}
    for kind in (torch.float32, torch.bfloat16):
        left = torch.rand(MATRIX, MATRIX, device=device, dtype=kind)
        best = float("inf")
        for _ in range(REPEATS):
            started = clock()
            product = left @ left
            product[0, 0].item()
            best = min(best, clock() - started)
            if best > HOPELESS * seconds.get(torch.float32, best):
                break
        seconds[kind] = best
    return seconds[torch.float32] / seconds[torch.bfloat16] >= WORTHWHILE


def keep_freed_memory() -> None:
    """Let the C library keep what tensors free, instead of asking the system for pages each step.

    Measured: 1.8 times the steps a second on two cores. Only glibc knows these settings.
    """
    if not sys.platform.startswith("linux"):
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_MAX, 0)
        set_option(_M_TRIM_THRESHOLD, 2**31 - 1)
        set_option(_M_TOP_PAD, 512 * 2**20)
