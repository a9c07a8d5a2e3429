"""Opening the store: connection, SQLite's settings, errors."""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.pool import ConnectionPoolEntry

from monitor.failures import Unavailable, UsageError
from monitor.store.migrating import migrate

BUSY_TIMEOUT_MILLISECONDS = 60_000
_POSTGRESQL = {
    "connect_timeout": 10,
    # Statements that are prepared keep their plan: one made for a table that was empty reads it
    # from end to end when it no longer is, until the server next looks at its statistics.
    "prepare_threshold": None,
    # A server that is gone without a word (its machine lost power, a firewall forgot us) is given
    # up within half a minute, whether we wait for its answer or have sent what nobody takes.
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    # A process that was stopped in mid-transaction would keep its locks for as long as it sleeps.
    "options": "-c idle_in_transaction_session_timeout=30000",
}


def open_store(url: str) -> Engine:
    """An engine on a migrated database.

    A database that a later version has migrated is used as it is: while an installation is
    upgraded role by role, one of the version before may have to start once more.
    `url` is SQLAlchemy's: `sqlite:///path` or `postgresql://user@host/name`. Raises UsageError
    for any other, Unavailable when the database does not answer.
    """
    engine = connect_store(url)
    with answering(engine):
        migrate(engine)
    return engine


def connect_store(url: str) -> Engine:
    """An engine on a database as it is; raises UsageError for what `open_store` cannot open."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError(f"store.url is not a database address: {_redacted(url)}") from None
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        engine = create_engine(
            parsed.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,
            connect_args=_POSTGRESQL | {k: v for k, v in parsed.query.items() if k in _POSTGRESQL},
        )
    elif backend == "sqlite":
        engine = create_engine(parsed)
        _tune_sqlite(engine)
    else:
        raise UsageError(f"store.url: sqlite and postgresql are known, not '{backend}'")
    return engine


_READ_ONLY = "25006"
_CUT_OFF_IN_TRANSACTION = "25P03"
_PASSING = {_READ_ONLY, _CUT_OFF_IN_TRANSACTION}
"""Conditions that PostgreSQL does not class as operational, and that pass all the same."""


@contextmanager
def answering(engine: Engine) -> Iterator[None]:
    """Turn a database that does not answer into Unavailable; other errors are bugs."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise Unavailable(_explain(engine, error)) from error
    except InternalError as error:
        if getattr(error.orig, "sqlstate", None) not in _PASSING:
            raise
        raise Unavailable(_explain(engine, error)) from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A write transaction; on SQLite the write lock is taken at its start."""
    with answering(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A read transaction."""
    with answering(engine), engine.connect().execution_options(reads_only=True) as connection:
        yield connection


def give_space_back(engine: Engine, pages: int) -> None:
    """Let a SQLite file that was made by this version or later shrink by at most so many of the
    pages that nothing lies on; PostgreSQL sees to that itself."""
    if engine.dialect.name != "sqlite":
        return
    with answering(engine), contextlib.closing(engine.raw_connection()) as pooled:
        driver = pooled.driver_connection
        assert isinstance(driver, sqlite3.Connection)
        # As a script: a single step of it frees a single page.
        driver.executescript(f"PRAGMA incremental_vacuum({pages})")


def _explain(engine: Engine, error: DBAPIError) -> str:
    reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
    return f"store {_redacted(engine.url.render_as_string())}: {reason}"


def _redacted(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return "(unreadable address)"


def _tune_sqlite(engine: Engine) -> None:
    """WAL, and transactions begun by SQLAlchemy, not by the driver (its documented recipe)."""

    @event.listens_for(engine, "connect")
    def connect(connection: object, record: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MILLISECONDS}")
        # First, or never: WAL writes a new file's first page. Later it would only wait for writers.
        if cursor.execute("PRAGMA page_count").fetchone() == (0,):
            cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA cache_size = -65536")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
