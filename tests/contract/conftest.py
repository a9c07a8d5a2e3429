"""Both databases as one fixture, and both buses."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import URL, Engine, create_engine, make_url, text

from monitor.bus import Bus
from monitor.bus.embedded import EmbeddedBus
from monitor.bus.kafka import KafkaBus, KafkaConnection
from monitor.events import SCORED
from monitor.store.engine import connect_store, open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A store of the test's own: a copy of one that was migrated once."""
    model: str = request.getfixturevalue(f"migrated_{request.param}")
    if request.param == "sqlite":
        copy = tmp_path / "store.db"
        shutil.copyfile(model, copy)
        made = connect_store(f"sqlite:///{copy}")
    else:
        server = make_url(request.getfixturevalue("postgresql"))
        made = connect_store(_database(server, f" TEMPLATE {model}"))
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The file of a migrated store that nobody writes to."""
    path = tmp_path_factory.mktemp("migrated") / "store.db"
    open_store(f"sqlite:///{path}").dispose()
    return str(path)


@pytest.fixture(scope="session")
def migrated_postgresql(postgresql: str) -> str:
    """The name of a migrated database that nobody is connected to."""
    url = _database(make_url(postgresql))
    open_store(url).dispose()
    name = make_url(url).database
    assert name
    return name


def _database(server: URL, like: str = "") -> str:
    """Address of a new database on the server, empty or `like` another."""
    name = f"t{uuid.uuid4().hex[:10]}"
    admin = create_engine(server.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}{like}"))
    admin.dispose()
    return server.set(database=name).render_as_string(hide_password=False)


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
