"""Fixtures that several folders share."""

import os

import models.backends  # noqa: F401 - before OpenVINO
from tests.servers import kafka, postgresql

# Each test would measure anew, in a data directory of its own, what runs networks best here.
os.environ.setdefault("UNDERTONE_MODELS__BACKEND", "torch")
if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the cores among themselves.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

__all__ = ["kafka", "postgresql"]
