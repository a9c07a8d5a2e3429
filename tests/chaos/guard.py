"""A guard in the database itself: it notes each offset that was moved back.

Counting by id hides what a consumer without its partition does; the guard does not.
"""

from sqlalchemy import Engine, text

from monitor.store.engine import reading, writing

_INSTALL = (
    "CREATE TABLE chaos_moved_back (note text)",
    """
    CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO chaos_moved_back VALUES (
            OLD.topic || '/' || OLD.partition || ' from ' || OLD.next_offset
            || ' back to ' || NEW.next_offset
        );
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER chaos_guard BEFORE UPDATE ON offsets FOR EACH ROW
    WHEN (NEW.next_offset < OLD.next_offset) EXECUTE FUNCTION chaos_note()
    """,
)


def install(engine: Engine) -> None:
    with writing(engine) as connection:
        for statement in _INSTALL:
            connection.execute(text(statement))


def moved_back(engine: Engine) -> tuple[str, ...]:
    """Each time that an offset in the store went back."""
    with reading(engine) as connection:
        return tuple(connection.execute(text("SELECT note FROM chaos_moved_back")).scalars())
