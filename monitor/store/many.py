"""Many values, or many rows, in one statement.

SQLite, in our own process, takes them one by one. To PostgreSQL they go as one parameter, so that
the statement is the same however many there are: it is compiled, parsed and planned once, and no
row costs a message of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Connection,
    Text,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal,
    select,
)

from monitor.store.schema import UtcDateTime

MAX_BYTES = 16_000_000
"""Of rows that go together: both sides hold them several times over."""


def among(
    connection: Connection, found: ColumnElement[str], values: Sequence[str]
) -> ColumnElement[bool]:
    """Whether a column has one of the values."""
    if connection.dialect.name == "postgresql":
        return found == any_(literal(values, ARRAY(Text)))
    return found.in_(values)


def insert_rows(connection: Connection, insert: Any, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute an INSERT for all rows, in their order; all have the same columns."""
    if connection.dialect.name != "postgresql":
        connection.execute(insert, rows)
        return
    columns = [insert.table.c[name] for name in rows[0]]
    typed = [column(one.name, one.type) for one in columns]
    sent = cast(bindparam("rows", type_=Text), JSON)
    read = func.json_to_recordset(sent).table_valued(*typed).render_derived(with_types=True)
    insert = insert.from_select([one.name for one in columns], select(*read.c))
    times = {one.name: one.type for one in columns if isinstance(one.type, UtcDateTime)}

    def stored(row: Mapping[str, Any]) -> Mapping[str, Any]:
        told = {
            name: kind.process_bind_param(row[name], connection.dialect)
            for name, kind in times.items()
        }
        return {**row, **told}

    for some in _encoded(map(stored, rows)):
        connection.execute(insert, {"rows": some})


def _encoded(rows: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    """JSON arrays of rows; one that is larger than MAX_BYTES is of a single row."""
    some: list[bytes] = []
    size = 0
    for row in map(msgspec.json.encode, rows):
        if some and size + len(row) > MAX_BYTES:
            yield f"[{b','.join(some).decode()}]"
            some, size = [], 0
        some.append(row)
        size += len(row)
    yield f"[{b','.join(some).decode()}]"
