"""Bringing a database to the tables that this version knows."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

LOG = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 0x756E6465


def migrate(engine: Engine) -> None:
    """Run the migrations that the database lacks; one of a later version is left as it is."""
    newest = max(path.stem[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
    with _one_at_a_time(engine), engine.connect() as connection:
        found = _revision(connection)
        if found is None or found < newest:
            _upgrade(connection)
        elif found > newest:
            # Migrations are numbered, and only ever add what a version before need not know.
            LOG.warning(
                "the store was migrated by a later version (%s, this one knows %s): it is used as "
                "it is",
                found,
                newest,
            )
        connection.commit()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _upgrade(connection: Connection) -> None:
    # Each command opens the store, and hardly any finds something to do: Alembic comes late.
    from alembic import command

    command.upgrade(alembic_config(connection), "head")


def alembic_config(connection: Connection | None = None) -> "Config":
    """What Alembic's commands need to work on the store of this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


@contextmanager
def _one_at_a_time(engine: Engine) -> Iterator[None]:
    """Roles start together: only one of them migrates, the others find it done."""
    if engine.dialect.name == "postgresql":
        # Without a transaction: however long the migration takes, the connection is not cut off.
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
    elif engine.url.database in (None, "", ":memory:"):
        yield
    else:
        with Path(f"{engine.url.database}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
