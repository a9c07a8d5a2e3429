"""Where optional development data lies, and the mark of tests that need it."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent
_candidate = Path(os.environ.get("UNDERTONE_SHARED", str(_ROOT.parent / "shared")))

ROOT = _ROOT
SHARED: Path | None = _candidate if (_candidate / "data").is_dir() else None


def shared(*parts: str) -> Path:
    """Path below the development data; only for tests marked with `needs_shared`."""
    assert SHARED is not None, "mark the test with needs_shared"
    return SHARED.joinpath(*parts)


needs_shared = pytest.mark.skipif(
    SHARED is None, reason="development data is absent (set UNDERTONE_SHARED to its folder)"
)
