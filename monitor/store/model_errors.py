"""How often models err, as was known at a time: counts on labelled texts, by what was asked and in
which language. What is measured anew is added, so that what was known before can be recomputed."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from alerts.correction import ErrorCounts, Kind
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.model_tables import model_errors

_COUNTS = ("negative", "found", "other", "passed")


def note_errors(engine: Engine, errors: Mapping[Kind, ErrorCounts], now: datetime) -> None:
    """Keep what is not known yet."""
    with writing(engine) as connection:
        known = _latest(connection, None)
        rows = [
            {"model": model, "task": task, "language": language, "noted": now}
            | {name: getattr(counts, name) for name in _COUNTS}
            for (model, task, language), counts in errors.items()
            if known.get((model, task, language)) != counts
        ]
        if rows:
            connection.execute(insert_for(connection)(model_errors).on_conflict_do_nothing(), rows)


def known_errors(engine: Engine, as_of: datetime | None = None) -> dict[Kind, ErrorCounts]:
    """What was known by then; None: what is known now."""
    with reading(engine) as connection:
        return _latest(connection, as_of)


def _latest(connection: Connection, as_of: datetime | None) -> dict[Kind, ErrorCounts]:
    query = select(model_errors).order_by(model_errors.c.noted)
    if as_of is not None:
        query = query.where(model_errors.c.noted <= as_of)
    return {
        (row.model, row.task, row.language): ErrorCounts(*(getattr(row, name) for name in _COUNTS))
        for row in connection.execute(query)
    }
