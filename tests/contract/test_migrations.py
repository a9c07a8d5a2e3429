"""Two versions on one store: while an installation is upgraded, each role goes on in turn."""

import logging
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from monitor.store import engine as store_engine
from monitor.store.engine import open_store


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


def test_each_migration_leaves_what_the_version_before_reads_and_writes(tmp_path: Path) -> None:
    config = Config()
    config.set_main_option(
        "script_location", str(Path(store_engine.__file__).parent / "migrations")
    )
    revisions = [item.revision for item in ScriptDirectory.from_config(config).walk_revisions()]
    engine = create_engine(f"sqlite:///{tmp_path / 'store.sqlite'}")
    before: dict[str, dict[str, Any]] = {}
    for revision in reversed(revisions):
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            connection.commit()
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
