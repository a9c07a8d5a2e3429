"""Which kinds of articles a tally is of: by which model, asked what, in which language."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Engine, select

from alerts.correction import Kind
from alerts.series import BUCKET_SECONDS, Bucket
from monitor.store.counted import company_sentiments
from monitor.store.engine import reading
from monitor.store.sight import Sight
from monitor.stories import bucket_of, moment_of


def with_kinds(
    engine: Engine, dimension: str, found: Mapping[str, Sequence[Bucket]], sight: Sight
) -> dict[str, list[Bucket]]:
    """The buckets by key, each with its articles that are seen and still stored, by kind."""
    starts = [bucket.start for buckets in found.values() for bucket in buckets]
    if not starts:
        return {key: list(buckets) for key, buckets in found.items()}
    rows = sight.rows()
    query = select(
        rows.c.published,
        rows.c.source,
        rows.c.language,
        rows.c.topics,
        rows.c.entities,
        rows.c.companies,
        rows.c.themes,
        rows.c.model,
    ).where(
        rows.c.published >= moment_of(min(starts)),
        rows.c.published < moment_of(max(starts) + BUCKET_SECONDS),
        sight.in_time(rows),
    )
    counted: dict[tuple[str, int], dict[Kind, int]] = {}
    with reading(engine) as connection:
        for row in connection.execute(query):
            start = bucket_of(row.published)
            for key, task in _under(dimension, row):
                if key in found:
                    kinds = counted.setdefault((key, start), {})
                    kind = row.model, task, row.language
                    kinds[kind] = kinds.get(kind, 0) + 1
    return {
        key: [
            msgspec.structs.replace(
                bucket, mix=tuple(sorted(counted.get((key, bucket.start), {}).items()))
            )
            for bucket in buckets
        ]
        for key, buckets in found.items()
    }


def _under(dimension: str, row: Any) -> list[tuple[str, str]]:
    """The keys of a dimension that an article counts under, and what its model was asked."""
    if dimension == "entity":
        asked = company_sentiments(row.companies)
        names = msgspec.json.decode(row.entities, type=list[str])
        return [(name, "company" if name in asked else "sentiment") for name in names]
    if dimension == "theme":
        return [(name, "sentiment") for name in msgspec.json.decode(row.themes, type=list[str])]
    if dimension == "topic":
        return [(name, "sentiment") for name in msgspec.json.decode(row.topics, type=dict)]
    key = {"source": row.source, "language": row.language}.get(dimension, "all")
    return [(key, "sentiment")]
