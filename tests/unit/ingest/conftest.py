from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.ingest.loopback import Loopback, serving


@pytest.fixture
def server() -> Iterator[Loopback]:
    with serving() as loopback:
        yield loopback
