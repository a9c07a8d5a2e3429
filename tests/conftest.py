"""Fixtures that several folders share."""

import os

from tests.servers import kafka, postgresql

# Each test would measure anew, in a data directory of its own, what runs networks best here.
os.environ.setdefault("UNDERTONE_MODELS__BACKEND", "torch")

__all__ = ["kafka", "postgresql"]
