"""Marks of dead letters: the letters lie on the bus, what was done with them lies here.

A letter without a mark is waiting.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, bindparam, delete, select, update

from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.schema import dead_letter_marks as marks

Mark = Literal["replaying", "replayed", "dropped"]
"""`replaying` stays where a replay broke off: whether the letter was sent again is not known."""


def marked(engine: Engine) -> dict[str, Mark]:
    """The mark of every letter that has one."""
    with reading(engine) as connection:
        rows = connection.execute(select(marks.c.letter_id, marks.c.state))
        return {row.letter_id: row.state for row in rows}


def claim(engine: Engine, letter_id: str, now: datetime, again: bool) -> bool:
    """Mark a letter as being replayed; whether the caller may send it.

    Of two who replay a letter at the same time one may. A letter that has a mark is claimed only
    with `again`.
    """
    with writing(engine) as connection:
        insert = insert_for(connection)(marks).values(
            letter_id=letter_id, state="replaying", changed=now
        )
        claiming = _overwriting(insert) if again else insert.on_conflict_do_nothing()
        return connection.execute(claiming.returning(marks.c.letter_id)).first() is not None


def mark_replayed(engine: Engine, ids: Sequence[str], now: datetime) -> None:
    """What was claimed is on the bus again."""
    if not ids:
        return
    with writing(engine) as connection:
        connection.execute(
            update(marks)
            .where(marks.c.letter_id == bindparam("claimed"))
            .values(state="replayed", changed=now),
            [{"claimed": name} for name in ids],
        )


def release(engine: Engine, ids: Sequence[str]) -> None:
    """What was claimed was not sent: the letters wait again."""
    with writing(engine) as connection:
        connection.execute(
            delete(marks).where(marks.c.letter_id.in_(ids), marks.c.state == "replaying")
        )


def drop(engine: Engine, ids: Sequence[str], now: datetime) -> None:
    """Mark letters as dropped, whatever was done with them before."""
    with writing(engine) as connection:
        insert = insert_for(connection)(marks)
        connection.execute(
            _overwriting(insert),
            [{"letter_id": name, "state": "dropped", "changed": now} for name in ids],
        )


def _overwriting(insert: Any) -> Any:
    """The insert of marks, in the place of those that the letters have."""
    return insert.on_conflict_do_update(
        index_elements=[marks.c.letter_id],
        set_={"state": insert.excluded.state, "changed": insert.excluded.changed},
    )
