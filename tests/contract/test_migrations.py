"""Two versions on one store: while an installation is upgraded, each role goes on in turn."""

import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, inspect, text

from monitor.store.engine import open_store
from monitor.store.migrating import alembic_config
from tests.paths import ROOT


def test_a_store_of_a_later_version_is_used_as_it_is(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    url = engine.url.set(drivername=engine.dialect.name).render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with caplog.at_level(logging.WARNING):
        again = open_store(url)
    with again.connect() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    again.dispose()
    assert found == "9999"
    assert "migrated by a later version (9999" in caplog.text


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_who_saves_an_alert_still_reads_articles_while_a_migration_waits(engine: Engine) -> None:
    """The version before reads what is behind an alert on a second connection."""
    with engine.connect() as connection:
        _to(connection, command.downgrade, "0012")

    def migrate() -> None:
        with engine.connect() as connection:
            _to(connection, command.upgrade, "head")

    migration = threading.Thread(target=migrate)
    with engine.begin() as saving:
        saving.execute(text("LOCK TABLE alerts IN ROW EXCLUSIVE MODE"))
        migration.start()
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as watching:
            waits = "SELECT count(*) FROM pg_locks JOIN pg_database AS d ON d.oid = database"
            waits += " WHERE NOT granted AND datname = current_database()"
            while migration.is_alive() and not watching.execute(text(waits)).scalar():
                pass
        with engine.begin() as reading:
            reading.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert reading.execute(text("SELECT count(*) FROM articles")).scalar() == 0
    migration.join()
    assert "revised" in {column["name"] for column in inspect(engine).get_columns("articles")}


def _to(connection: Connection, step: Callable[[Config, str], None], revision: str) -> None:
    step(alembic_config(connection), revision)
    connection.commit()


def test_each_migration_leaves_what_the_version_before_reads_and_writes(tmp_path: Path) -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    revisions = [item.revision for item in scripts.walk_revisions()]
    engine = create_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    before: dict[str, dict[str, Any]] = {}
    for revision in reversed(revisions):
        with engine.connect() as connection:
            _to(connection, command.upgrade, revision)
        seen = inspect(engine)
        after = {
            table: {column["name"]: column for column in seen.get_columns(table)}
            for table in seen.get_table_names()
        }
        for table, columns in before.items():
            assert set(columns) <= set(after.get(table, {})), f"{revision} takes from {table}"
            for name in set(after[table]) - set(columns):
                added = after[table][name]
                filled = added["nullable"] or added["default"] is not None
                assert filled, f"{revision}: rows without {table}.{name} cannot be written"
        before = after
    engine.dispose()


OPENS_AGAIN = """
import sys
from monitor.store.engine import open_store
import monitor.overview

open_store(sys.argv[1]).dispose()
print(sorted({"alembic", "torch"} & set(sys.modules)))
"""


def test_the_name_of_a_migration_is_its_number_and_the_highest_is_the_head() -> None:
    scripts = ScriptDirectory.from_config(alembic_config())
    for script in scripts.walk_revisions():
        assert Path(script.path).stem.startswith(f"{script.revision}_")
    assert scripts.get_heads() == [max(script.revision for script in scripts.walk_revisions())]


def test_a_store_that_lacks_nothing_is_opened_without_alembic(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.sqlite'}"
    open_store(url).dispose()
    command_line = [sys.executable, "-c", OPENS_AGAIN, url]
    answer = subprocess.run(command_line, cwd=ROOT, capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
