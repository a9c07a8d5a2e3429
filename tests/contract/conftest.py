"""Both databases as one fixture, and both buses."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from monitor.bus import Bus
from monitor.bus.embedded import EmbeddedBus
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.events import SCORED
from monitor.store.engine import open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = open_store(f"sqlite:///{tmp_path / 'store.db'}")
    else:
        server = make_url(request.getfixturevalue("postgresql"))
        name = f"t{uuid.uuid4().hex[:10]}"
        admin = create_engine(
            server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
        )
        with admin.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        admin.dispose()
        made = open_store(server.set(database=name).render_as_string(hide_password=False))
    yield made
    made.dispose()


@pytest.fixture(params=["embedded", "kafka"])
def bus(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bus]:
    made: Bus
    if request.param == "embedded":
        made = EmbeddedBus(tmp_path / "bus.db")
    else:
        servers = request.getfixturevalue("kafka")
        made = KafkaBus(KafkaConnection(servers), f"t{uuid.uuid4().hex[:8]}.")
    made.create_topics([SCORED], 2)
    yield made
    made.close()
