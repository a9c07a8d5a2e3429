"""Marks of dead letters: the letters lie on the bus, what was done with them lies here.

A letter without a mark is waiting.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import batched
from typing import Literal

from sqlalchemy import Engine, delete, select, update

from monitor.store.engine import reading, writing
from monitor.store.ingestion import MAX_PARAMETERS, insert_for
from monitor.store.schema import dead_letter_marks as marks

Mark = Literal["replaying", "replayed", "dropped"]
"""`replaying` stays where a replay broke off: whether the letter was sent again is not known."""


def marked(engine: Engine) -> dict[str, Mark]:
    """The mark of every letter that has one."""
    with reading(engine) as connection:
        return {name: state for name, state in connection.execute(select(marks.c.letter_id, marks.c.state))}


def claim(engine: Engine, ids: Sequence[str], now: datetime, again: bool) -> set[str]:
    """Mark letters as being replayed; those that this caller may now send.

    Of two who replay the same letter at a time one gets it. `again` takes marked ones too.
    """
    with writing(engine) as connection:
        if again:
            for chunk in batched(ids, MAX_PARAMETERS):
                connection.execute(delete(marks).where(marks.c.letter_id.in_(chunk)))
        mine: set[str] = set()
        for name in ids:
            row = connection.execute(
                insert_for(connection)(marks)
                .values(letter_id=name, state="replaying", changed=now)
                .on_conflict_do_nothing()
                .returning(marks.c.letter_id)
            ).first()
            if row is not None:
                mine.add(name)
    return mine


def mark_replayed(engine: Engine, ids: Iterable[str], now: datetime) -> None:
    """What was claimed is on the bus again."""
    with writing(engine) as connection:
        for chunk in batched(ids, MAX_PARAMETERS):
            connection.execute(
                update(marks)
                .where(marks.c.letter_id.in_(chunk))
                .values(state="replayed", changed=now)
            )


def drop(engine: Engine, ids: Iterable[str], now: datetime) -> None:
    """Mark letters as dropped, whatever was done with them before."""
    with writing(engine) as connection:
        for name in ids:
            insert = insert_for(connection)(marks).values(
                letter_id=name, state="dropped", changed=now
            )
            connection.execute(
                insert.on_conflict_do_update(
                    index_elements=[marks.c.letter_id],
                    set_={"state": insert.excluded.state, "changed": insert.excluded.changed},
                )
            )
