"""How far the live models have moved, as the score roles last measured it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select

from models.drift_watch import Reading
from monitor.store.engine import reading, writing
from monitor.store.model_tables import model_drift

OLD_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MeasuredDrift:
    """A reading, and when a worker took it."""

    reading: Reading
    worker: str
    measured: datetime


def save_drift(engine: Engine, worker: str, readings: Sequence[Reading], now: datetime) -> None:
    """Put a worker's readings in the place of its last ones; those of workers that are gone go."""
    columns = model_drift.c
    with writing(engine) as connection:
        connection.execute(
            delete(model_drift).where(
                (columns.worker == worker) | (columns.measured < now - OLD_AFTER)
            )
        )
        if readings:
            connection.execute(
                model_drift.insert(),
                [
                    {
                        "worker": worker,
                        "language": item.language,
                        "source": item.source,
                        "statistic": item.statistic,
                        "psi": item.psi,
                        "jensen_shannon": item.jensen_shannon,
                        "texts": item.texts,
                        "model": item.model,
                        "against": item.against,
                        "measured": now,
                    }
                    for item in readings
                ],
            )


def drift(engine: Engine) -> list[MeasuredDrift]:
    """The last readings of all workers, the worst first and those of too few texts last."""
    columns = model_drift.c
    order = (
        columns.psi.is_(None),
        columns.psi.desc(),
        columns.language,
        columns.source,
        columns.statistic,
        columns.worker,
    )
    with reading(engine) as connection:
        return [
            MeasuredDrift(
                Reading(
                    row.language,
                    row.source,
                    row.statistic,
                    row.psi,
                    row.jensen_shannon,
                    row.texts,
                    row.model,
                    row.against,
                ),
                row.worker,
                row.measured,
            )
            for row in connection.execute(select(model_drift).order_by(*order))
        ]
