"""A bus and a store that nothing else uses, gone when the measurement is over."""

import contextlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError

from monitor.bus_settings import BusSettings
from monitor.failures import DataError, UsageError
from monitor.settings import Settings, StoreSettings, load_settings


@contextlib.contextmanager
def fresh_settings(
    bus: str | None, store: str | None, models: Mapping[str, Any]
) -> Iterator[tuple[Settings, Path]]:
    """Settings for a measurement, and the file that gives them to roles.

    The bus is embedded, or new topics of the Kafka brokers `bus` (`HOST:PORT`); the store is SQLite
    or a new schema of the PostgreSQL database `store`. All else is in a temporary folder. Raises
    UsageError, DataError, Unavailable.
    """
    name = f"undertone_bench_{uuid4().hex[:12]}"
    with contextlib.ExitStack() as left:
        folder = Path(left.enter_context(tempfile.TemporaryDirectory(prefix="undertone-bench-")))
        on_bus: dict[str, Any] = {}
        if bus is not None:
            on_bus = {"kind": "kafka", "bootstrap_servers": bus, "topic_prefix": f"{name}."}
            left.callback(_delete_topics, bus, f"{name}.")
        url = left.enter_context(_schema(store, name)) if store is not None else ""
        values = {
            "data_dir": str(folder),
            "sample": False,
            "default_feeds": False,
            "bus": on_bus,
            "store": {"url": url},
            "models": dict(models),
        }
        path = folder / "undertone.yaml"
        path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
        # What the environment says of bus and store is not for here: nothing invented must get
        # into a store in use.
        settings = load_settings(
            path,
            {"data_dir": folder, "bus": BusSettings(**on_bus), "store": StoreSettings(url=url)},
        )
        yield settings, path


@contextlib.contextmanager
def _schema(store: str, name: str) -> Iterator[str]:
    """The address of a new schema of a PostgreSQL database, which is dropped in the end."""
    try:
        parsed = make_url(store)
    except ArgumentError:
        raise UsageError("--store is no database address") from None
    if parsed.get_backend_name() != "postgresql":
        raise UsageError("--store names a PostgreSQL database; SQLite is what is used without it")
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"), connect_args={"connect_timeout": 10}
    )
    try:
        with engine.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
    except DBAPIError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise DataError(f"--store: no schema can be made in the database: {reason}") from None
    try:
        own = parsed.update_query_dict({"options": f"-csearch_path={name}"})
        yield own.render_as_string(hide_password=False)
    finally:
        with engine.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        engine.dispose()


def _delete_topics(servers: str, prefix: str) -> None:
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    from monitor.bus.kafka import KafkaConnection

    # Topics that stay are empty of meaning and go with their retention.
    with contextlib.suppress(KafkaError):
        admin = KafkaAdminClient(**KafkaConnection(servers).options())
        try:
            admin.delete_topics([name for name in admin.list_topics() if name.startswith(prefix)])
        finally:
            admin.close()
