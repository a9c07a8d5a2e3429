"""What a challenger says of live texts, beside what the live model said."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Engine, case, delete, func, select

from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.model_tables import labels, shadow_scores

KEEP_DAYS = 30
KEEP_ROWS = 200_000

Probabilities = tuple[float, float, float]
"""Negative, neutral, positive; in [0, 1]."""


@dataclass(frozen=True, slots=True)
class ShadowScore:
    """One text that both models scored."""

    article_id: str
    language: str
    live_model: str
    live_label: str
    live: Probabilities
    model: str
    label: str
    probabilities: Probabilities
    scored: datetime


@dataclass(frozen=True, slots=True)
class ShadowCell:
    """The texts of a language on which two models gave this pair of labels."""

    language: str
    live_model: str
    model: str
    live_label: str
    label: str
    texts: int
    live_confidence: float
    """Sum over the texts, as is `confidence`."""
    confidence: float


def add_shadow_scores(engine: Engine, scores: Sequence[ShadowScore]) -> None:
    """Keep scores; one that is known (of the same article and models) stays as it was."""
    if not scores:
        return
    with writing(engine) as connection:
        connection.execute(
            insert_for(connection)(shadow_scores).on_conflict_do_nothing(),
            [_shadow_row(score) for score in scores],
        )


def prune_shadow_scores(
    engine: Engine, now: datetime, days: int = KEEP_DAYS, rows: int = KEEP_ROWS
) -> int:
    """Drop scores older than `days`, and all but the newest `rows`; how many went."""
    scored = shadow_scores.c.scored
    with writing(engine) as connection:
        gone = _delete_before(connection, now - timedelta(days=days))
        first_kept = connection.execute(
            select(scored).order_by(scored.desc()).limit(1).offset(rows - 1)
        ).scalar()
        return gone + (_delete_before(connection, first_kept) if first_kept else 0)


def _delete_before(connection: Connection, moment: datetime) -> int:
    return connection.execute(delete(shadow_scores).where(shadow_scores.c.scored < moment)).rowcount


def shadow_cells(engine: Engine) -> list[ShadowCell]:
    """Counts of label pairs by language and models, in that order."""
    columns = shadow_scores.c
    by = (
        columns.language,
        columns.live_model,
        columns.model,
        columns.live_label,
        columns.label,
    )
    query = (
        select(
            *by,
            func.count().label("texts"),
            func.sum(_of_label(columns.live_label, "live_")).label("live_confidence"),
            func.sum(_of_label(columns.label, "")).label("confidence"),
        )
        .group_by(*by)
        .order_by(*by)
    )
    with reading(engine) as connection:
        return [
            ShadowCell(
                row.language,
                row.live_model,
                row.model,
                row.live_label,
                row.label,
                int(row.texts),
                int(row.live_confidence) / 10_000,
                int(row.confidence) / 10_000,
            )
            for row in connection.execute(query)
        ]


def labelled_shadow_scores(engine: Engine) -> list[ShadowScore]:
    """The scores of articles that a person has given a sentiment, as a whole."""
    corrected = select(labels.c.article_id).where(
        labels.c.article_id == shadow_scores.c.article_id,
        labels.c.company == "",
        labels.c.sentiment.is_not(None),
    )
    query = select(shadow_scores).where(corrected.exists()).order_by(shadow_scores.c.article_id)
    with reading(engine) as connection:
        return [
            ShadowScore(
                row.article_id,
                row.language,
                row.live_model,
                row.live_label,
                (
                    row.live_negative / 10_000,
                    row.live_neutral / 10_000,
                    row.live_positive / 10_000,
                ),
                row.model,
                row.label,
                (row.negative / 10_000, row.neutral / 10_000, row.positive / 10_000),
                row.scored,
            )
            for row in connection.execute(query)
        ]


def _of_label(label: ColumnElement[str], prefix: str) -> ColumnElement[int]:
    """The probability of the label that stands in a column."""
    columns = shadow_scores.c
    return case(
        *((label == name, columns[prefix + name]) for name in ("negative", "neutral")),
        else_=columns[f"{prefix}positive"],
    )


def _shadow_row(score: ShadowScore) -> dict[str, object]:
    names = ("negative", "neutral", "positive")
    return {
        "article_id": score.article_id,
        "live_model": score.live_model,
        "model": score.model,
        "language": score.language,
        "live_label": score.live_label,
        "label": score.label,
        "scored": score.scored,
        **{
            f"live_{name}": round(value * 10_000)
            for name, value in zip(names, score.live, strict=True)
        },
        **{
            name: round(value * 10_000)
            for name, value in zip(names, score.probabilities, strict=True)
        },
    }
