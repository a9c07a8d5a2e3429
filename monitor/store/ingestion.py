"""The one transaction: articles, what they add to the tallies, and the offset they came from."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    bindparam,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from monitor.bus.protocol import TopicPartition
from monitor.events import ScoredEvent
from monitor.store.counted import (
    chunks,
    lock_stories,
    neighbours_of,
    stored_with_ids,
)
from monitor.store.engine import reading, writing
from monitor.store.many import among, insert_rows
from monitor.store.reach import Reach, held_reach
from monitor.store.schema import articles, offsets, tallies
from monitor.store.versions import keep_versions, retracted
from monitor.stories import (
    Change,
    CountedArticle,
    Counts,
    TallyKey,
    change,
    counted,
    latest_by_id,
)

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Advance:
    """The step that a batch makes on its partition; `first` is the offset that it starts at."""

    group: str
    partition: TopicPartition
    first: int
    next_offset: int
    watermark: datetime | None
    first_watermark: datetime | None
    """The first and the highest watermark in the batch."""
    epoch: int | None = None
    """What the consumer got when it took the partition; None where nobody else can write."""
    reached: tuple[datetime | None, ...] = ()
    """For each event of the batch, the highest watermark of the batch before it."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What came of a batch."""

    inserted: int
    corrected: int
    duplicates: int
    expired: int
    """Published, or known, from before the time that the store still takes articles of."""
    earliest: datetime | None


class Overtaken(RuntimeError):
    """Another consumer moved this partition: the batch was not applied; start where it stands."""


class Fenced(Overtaken):
    """Another consumer has taken this partition: the batch was not applied."""


def insert_for(connection: Connection) -> Any:
    """The dialect's INSERT with ON CONFLICT."""
    return postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert


def of_partition(group: str, partition: TopicPartition) -> ColumnElement[bool]:
    """The row of `offsets` that tells where a group stands in a partition."""
    topic, number = partition
    return and_(
        offsets.c.consumer_group == group,
        offsets.c.topic == topic,
        offsets.c.partition == number,
    )


def apply(
    engine: Engine,
    events: Sequence[ScoredEvent],
    advance: Advance | None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Applied:
    """Count a batch exactly once: what is known already is left out, in one transaction.

    `advance` is None for a backfill, which has no offsets. What a correction replaces is kept as a
    version. Raises Overtaken, Fenced, Unavailable.
    """
    with writing(engine) as connection:
        behind: dict[str, int] = {}
        if advance is not None:
            before = _advance(connection, advance)
            behind = _behind_seconds(events, before, advance.reached)
        reach = held_reach(connection)
        by_counted = _taken(connection, events, reach)
        expired = len(events) - len(by_counted)
        by_counted, gone = _not_retracted(connection, by_counted)
        latest = latest_by_id(article for article, _ in by_counted)
        keys = {article.story_key for article in latest.values()}
        stored = stored_with_ids(connection, latest)
        keys |= {article.story_key for article in stored.values()}
        if connection.dialect.name == "postgresql":
            lock_stories(connection, keys)
            stored = stored_with_ids(connection, latest)
        times = [article.published for article in [*latest.values(), *stored.values()]]
        neighbours = neighbours_of(connection, keys, times)
        decided = change((article for article, _ in by_counted), stored, neighbours)
        rows = {
            article: _row(article, event, behind.get(article.id, 0))
            for article, event in by_counted
        }
        if decided.corrected:
            ids = [article.id for article in decided.corrected]
            revised = keep_versions(connection, ids, "corrected", now())
            for article in decided.corrected:
                rows[article]["revised"] = revised
        for article in decided.inserted:
            if article.id in gone:
                # It may have been scored before the other was taken back.
                rows[article]["revised"] = max(gone[article.id], rows[article]["scored"])
        _write_articles(connection, decided, rows)
        if advance is not None and rows:
            _note_times(connection, advance, rows.values())
        add_to_tallies(connection, reach.in_their_width(decided.tallies))
    moved = [*decided.inserted, *decided.corrected]
    return Applied(
        inserted=len(decided.inserted),
        corrected=len(decided.corrected),
        duplicates=len(events) - expired - len(by_counted) + decided.duplicates,
        expired=expired,
        earliest=min((article.published for article in moved), default=None),
    )


def _taken(
    connection: Connection, events: Iterable[ScoredEvent], reach: Reach
) -> list[tuple[CountedArticle, ScoredEvent]]:
    """Those that can be counted: neither they nor what is known of them is from before."""
    found = [(counted(event), event) for event in events]
    if reach.articles_from is None:
        return found
    found = [pair for pair in found if reach.takes(pair[0].published)]
    known = stored_with_ids(connection, {article.id for article, _ in found})
    old = {name for name, article in known.items() if not reach.takes(article.published)}
    return [pair for pair in found if pair[0].id not in old]


def _not_retracted(
    connection: Connection, found: Sequence[tuple[CountedArticle, ScoredEvent]]
) -> tuple[list[tuple[CountedArticle, ScoredEvent]], dict[str, datetime]]:
    """Less those that were taken back, and that their publisher has not changed since; and by id
    until when those were there that were taken back."""
    gone = retracted(connection, [article.id for article, _ in found])
    left = [
        pair for pair in found if pair[0].id not in gone or pair[0].supersedes(gone[pair[0].id][0])
    ]
    return left, {name: until for name, (_, until) in gone.items()}


def known_ids(engine: Engine, ids: Sequence[str]) -> set[str]:
    """Those of the ids that are stored already."""
    found: set[str] = set()
    with reading(engine) as connection:
        for chunk in chunks(list(ids)):
            query = select(articles.c.id).where(among(connection, articles.c.id, chunk))
            found.update(connection.execute(query).scalars())
    return found


def positions(
    engine: Engine, group: str, wanted: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """Where the group goes on, for the partitions that it has read before."""
    names = set(wanted)
    with reading(engine) as connection:
        rows = connection.execute(
            select(offsets.c.topic, offsets.c.partition, offsets.c.next_offset).where(
                offsets.c.consumer_group == group
            )
        )
        return {(topic, part): offset for topic, part, offset in rows if (topic, part) in names}


def _behind_seconds(
    events: Sequence[ScoredEvent],
    before: datetime | None,
    reached: Sequence[datetime | None],
) -> dict[str, int]:
    """By article, how far behind the partition's watermark it first came, a second begun as a whole
    one; `before` is the one that the partition stood at."""
    behind: dict[str, int] = {}
    for event, mark in zip_longest(events, reached):
        marks = [time for time in (before, mark) if time is not None]
        if marks:
            late = max(marks) - event.article.published
            behind.setdefault(event.article.id, max(0, -(-late // _SECOND)))
    return behind


def _advance(connection: Connection, advance: Advance) -> datetime | None:
    """Move the partition on; the watermark that it stood at."""
    topic, partition = advance.partition
    where = of_partition(advance.group, advance.partition)
    connection.execute(
        insert_for(connection)(offsets)
        .values(
            consumer_group=advance.group,
            topic=topic,
            partition=partition,
            next_offset=advance.first,
            watermark=None,
            first_watermark=None,
        )
        .on_conflict_do_nothing()
    )
    row = connection.execute(
        select(
            offsets.c.next_offset, offsets.c.watermark, offsets.c.first_watermark, offsets.c.epoch
        )
        .where(where)
        .with_for_update()
    ).one()
    if advance.epoch is not None and row.epoch != advance.epoch:
        raise Fenced(f"{topic}/{partition} was taken by another consumer")
    if row.next_offset > advance.first:
        raise Overtaken(f"{topic}/{partition} stands at {row.next_offset}, not {advance.first}")
    marks = [mark for mark in (row.watermark, advance.watermark) if mark is not None]
    connection.execute(
        update(offsets)
        .where(where)
        .values(
            next_offset=advance.next_offset,
            watermark=max(marks, default=None),
            first_watermark=row.first_watermark or advance.first_watermark,
        )
    )
    before: datetime | None = row.watermark
    return before


def _note_times(
    connection: Connection, advance: Advance, rows: Iterable[Mapping[str, Any]]
) -> None:
    """Keep by what time the partition's articles had been scored: clocks differ, and one that
    looks at what is counted must not overlook what another's clock puts into the future."""
    newest = max(time for row in rows for time in (row["scored"], row["revised"]) if time)
    connection.execute(
        update(offsets)
        .where(
            of_partition(advance.group, advance.partition),
            or_(offsets.c.newest_scored.is_(None), offsets.c.newest_scored < newest),
        )
        .values(newest_scored=newest)
    )


def _row(article: CountedArticle, event: ScoredEvent, behind_seconds: int) -> dict[str, Any]:
    return {
        "id": article.id,
        "source": article.source,
        "url": event.article.url,
        "title": event.article.title,
        "text": event.article.text,
        "language": article.language,
        "published": article.published,
        "published_is_estimate": event.article.published_is_estimate,
        "first_seen": article.first_seen,
        "content_hash": article.content_hash,
        "story_key": article.story_key,
        "behind_seconds": behind_seconds,
        "revised": None,
        **score_columns(article, event),
    }


def score_columns(article: CountedArticle, event: ScoredEvent) -> dict[str, Any]:
    """Of an article's row, what its model said."""
    return {
        "label": article.label,
        "negative": article.negative,
        "neutral": round(event.neutral * 10_000),
        "positive": round(event.positive * 10_000),
        "topics": msgspec.json.encode(event.topics, order="sorted").decode(),
        "entities": msgspec.json.encode(article.entities).decode(),
        "companies": msgspec.json.encode(
            {name: said for name, *said in article.companies}
        ).decode(),
        "themes": msgspec.json.encode(article.themes).decode(),
        "model": event.model,
        "scored": event.scored,
    }


def _write_articles(
    connection: Connection, decided: Change, rows: Mapping[CountedArticle, dict[str, Any]]
) -> None:
    if decided.inserted:
        insert_rows(connection, articles.insert(), [rows[article] for article in decided.inserted])
    for article in decided.corrected:
        values = dict(rows[article])
        del values["behind_seconds"]
        connection.execute(
            update(articles).where(articles.c.id == bindparam("corrected_id")).values(values),
            {"corrected_id": values.pop("id")},
        )


def add_to_tallies(connection: Connection, changes: Mapping[TallyKey, Counts]) -> None:
    """Add to the tallies, in one order for all writers, so that they never wait in a ring."""
    if not changes:
        return
    table = tallies.c
    statement = insert_for(connection)(tallies)
    added = statement.excluded
    names = ("stories", "articles", "negative", "neutral", "positive", "negative_sum")
    insert_rows(
        connection,
        statement.on_conflict_do_update(
            index_elements=[table.dimension, table.key, table.bucket],
            set_={name: tallies.c[name] + added[name] for name in names},
        ),
        [
            {
                "dimension": dimension,
                "key": key,
                "bucket": bucket,
                **{name: getattr(counts, name) for name in names},
            }
            for (dimension, key, bucket), counts in sorted(changes.items())
        ],
    )


def watermarks(
    engine: Engine, group: str, topic: str, partitions: int
) -> tuple[datetime, datetime] | None:
    """The time from which, and the time up to which, every partition is complete; None before
    each has said."""
    with reading(engine) as connection:
        count, first, latest = connection.execute(
            select(
                func.count(offsets.c.watermark),
                func.min(offsets.c.first_watermark),
                func.min(offsets.c.watermark),
            ).where(offsets.c.consumer_group == group, offsets.c.topic == topic)
        ).one()
    return (first, latest) if count == partitions else None


def counted_until(engine: Engine, now: datetime) -> datetime:
    """A moment by which, whatever clock they were scored by, all counted articles had been."""
    with reading(engine) as connection:
        newest: datetime | None = connection.execute(
            select(func.max(offsets.c.newest_scored))
        ).scalar()
    return now if newest is None else max(now, newest)
