"""OpenVINO sends nothing home."""

import subprocess
import sys

PROGRAM = """
import multiprocessing, os, sys
forks = []
os.register_at_fork(before=lambda: forks.append(1))
import models.backends.openvino_backend
from openvino.tools.ovc import telemetry_utils
assert "stub" in telemetry_utils.tm.__name__, telemetry_utils.tm
assert not [name for name in sys.modules if name.startswith("openvino_telemetry.")]
assert not forks and not multiprocessing.active_children()
"""


def test_importing_the_backend_loads_no_telemetry_and_forks_no_process() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=120)
