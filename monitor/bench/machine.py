"""What a figure was measured on."""

import os
import platform
from pathlib import Path
from typing import Any

import torch
import transformers

CPUINFO = Path("/proc/cpuinfo")
FLAGS = (
    "avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimddp",
    "bf16", "i8mm",
)  # fmt: skip
"""Those that decide how fast a matrix product can be, as Linux names them."""


def machine_facts(device: str) -> dict[str, Any]:
    """Processor, cores, what they can do, and the versions of what computes."""
    text = CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.is_file() else ""
    cpu, flags = parse_cpuinfo(text)
    return {
        "cpu": cpu or platform.processor() or platform.machine(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "flags": flags,
        "gpu": torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
        "device": device,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
    }


def usable_cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def parse_cpuinfo(text: str) -> tuple[str, list[str]]:
    """The model of the first core and those of FLAGS that it has."""
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    found = set((fields.get("flags") or fields.get("Features") or "").split())
    return fields.get("model name", ""), [flag for flag in FLAGS if flag in found]
