"""Removing what is older than it is kept, in small steps that may end at any moment.

First the store's reach moves on by a day, in one transaction with what must be kept of that day:
the articles that alerts need, and that the news was watched. From then on nothing is added to the
day. Its articles are removed afterwards, some at a time; those that an alert or a label needs go
with it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Engine,
    FromClause,
    Select,
    delete,
    exists,
    func,
    literal,
    select,
    update,
)

from alerts.alert import Alert
from alerts.rule_fields import MAX_WINDOW_SECONDS
from monitor.store.alerts import OPEN_STATES, decode_alert, group_in
from monitor.store.counted import MAX_PARAMETERS
from monitor.store.engine import reading, writing
from monitor.store.ingestion import insert_for
from monitor.store.model_tables import labels
from monitor.store.reach import changing_reach, read_reach
from monitor.store.readers import under
from monitor.store.schema import (
    alert_articles,
    alerts,
    article_versions,
    articles,
    follow_ups,
    housekeeping,
    outbox,
    rescores,
    watched_days,
)
from monitor.store.sight import Sight
from monitor.store.watch import seen_in_time
from monitor.stories import STORY_HORIZON

_DAY = timedelta(days=1)


def close_a_day(engine: Engine, before: datetime) -> bool:
    """Move the start of the articles past the next day that has any, not beyond `before`; False
    where there is none. Raises Busy, Unavailable."""
    edge = _midnight(before)
    with reading(engine) as connection:
        reach = read_reach(connection)
        oldest = select(func.min(articles.c.published))
        if reach.articles_from is not None:
            oldest = oldest.where(articles.c.published >= reach.articles_from)
        first: datetime | None = connection.execute(oldest).scalar()
    if first is None or (begin := _midnight(first)) >= edge:
        return False
    end = begin + _DAY
    with changing_reach(engine) as connection:
        if read_reach(connection).articles_from != reach.articles_from:
            return True
        _keep_for_alerts(connection, end)
        _keep_watch(connection, reach.articles_from, begin, end)
        connection.execute(update(housekeeping).values(articles_from=end))
    return True


def remove_articles(engine: Engine, limit: int) -> int | None:
    """Remove articles of the days that were closed, oldest first, but for those that are needed;
    how many went, None where all did."""
    with writing(engine) as connection:
        edge, emptied = connection.execute(
            select(housekeeping.c.articles_from, housekeeping.c.articles_emptied_until)
        ).one()
        if edge == emptied:
            return None
        doomed = select(articles.c.id).where(articles.c.published < edge, *_needed_by_nothing())
        if emptied is not None:
            doomed = doomed.where(articles.c.published >= emptied)
        doomed = doomed.order_by(articles.c.published).limit(limit)
        ids = connection.execute(doomed).scalars().all()
        if not ids:
            _remove_retracted(connection, edge)
            connection.execute(update(housekeeping).values(articles_emptied_until=edge))
            return None
        # Another may remove the same ones: how many it were tells nothing of those that are left.
        return _remove(connection, ids)


def remove_alerts(engine: Engine, before: datetime, limit: int) -> int | None:
    """Remove alerts that ended before a time, with their deliveries and the articles that were kept
    for them alone; how many went, None where there are none. Those of a group that still stands
    stay: its end is told where they were."""
    others = alerts.alias()
    standing = select(group_in(others)).where(others.c.state.in_(OPEN_STATES))
    doomed = (
        select(alerts.c.id)
        .where(
            alerts.c.state.not_in(OPEN_STATES),
            alerts.c.resolved < before,
            group_in(alerts).not_in(standing),
        )
        .order_by(alerts.c.started)
        .limit(limit)
    )
    with writing(engine) as connection:
        ids = connection.execute(doomed).scalars().all()
        theirs = alert_articles.c.alert_id.in_(ids)
        kept = connection.execute(select(alert_articles.c.article_id).where(theirs)).scalars().all()
        connection.execute(delete(outbox).where(outbox.c.alert_id.in_(ids)))
        connection.execute(delete(follow_ups).where(follow_ups.c.alert_id.in_(ids)))
        connection.execute(delete(alert_articles).where(theirs))
        gone = connection.execute(delete(alerts).where(alerts.c.id.in_(ids)))
        _count(connection, "alerts_removed", gone.rowcount)
        _release(connection, kept)
    return len(ids) or None


def remove_labels(engine: Engine, before: datetime, limit: int) -> int | None:
    """Remove labels that were given before a time, with the articles that were kept for them alone;
    how many went, None where there are none."""
    doomed = select(labels.c.id, labels.c.article_id).where(labels.c.labelled < before)
    with writing(engine) as connection:
        rows = connection.execute(doomed.order_by(labels.c.id).limit(limit)).all()
        gone = connection.execute(delete(labels).where(labels.c.id.in_([row.id for row in rows])))
        _count(connection, "labels_removed", gone.rowcount)
        _release(connection, [row.article_id for row in rows])
    return len(rows) or None


def _release(connection: Connection, ids: Sequence[str]) -> None:
    """Remove those of the articles whose day is closed and that nothing else needs."""
    edge = read_reach(connection).articles_from
    if edge is None:
        return
    for start in range(0, len(ids), MAX_PARAMETERS):
        some = articles.c.id.in_(ids[start : start + MAX_PARAMETERS])
        doomed = select(articles.c.id).where(
            some, articles.c.published < edge, *_needed_by_nothing()
        )
        _remove(connection, connection.execute(doomed).scalars().all())


def _remove(connection: Connection, ids: Sequence[str]) -> int:
    """Remove articles with all that is kept of them; how many it were."""
    connection.execute(delete(article_versions).where(article_versions.c.id.in_(ids)))
    connection.execute(delete(rescores).where(rescores.c.article_id.in_(ids)))
    gone = connection.execute(delete(articles).where(articles.c.id.in_(ids))).rowcount
    _count(connection, "articles_removed", gone)
    return gone


def _remove_retracted(connection: Connection, edge: datetime) -> None:
    """Remove what is kept of articles that were taken back and that no alert needs."""
    versions = article_versions.c
    connection.execute(
        delete(article_versions).where(
            versions.published < edge,
            ~exists().where(articles.c.id == versions.id),
            ~exists().where(alert_articles.c.article_id == versions.id),
        )
    )


def _needed_by_nothing() -> list[ColumnElement[bool]]:
    return [
        ~exists().where(alert_articles.c.article_id == articles.c.id),
        ~exists().where(labels.c.article_id == articles.c.id),
    ]


def oldest_article(engine: Engine) -> datetime | None:
    """Publication of the oldest article, of those that are not only kept for an alert or a label;
    None where there are none."""
    with reading(engine) as connection:
        edge = read_reach(connection).articles_from
        query = select(func.min(articles.c.published))
        if edge is not None:
            query = query.where(articles.c.published >= edge)
        oldest: datetime | None = connection.execute(query).scalar()
    return oldest


def removed_so_far(engine: Engine) -> dict[str, int]:
    """Rows by what became of them."""
    names = ("articles_removed", "alerts_removed", "labels_removed", "tallies_rolled_up")
    with reading(engine) as connection:
        row = connection.execute(select(*(housekeeping.c[name] for name in names))).one()
    return dict(zip(names, row, strict=True))


def _keep_for_alerts(connection: Connection, until: datetime) -> None:
    """Note the articles that alerts need, where some of them are from before `until`."""
    reached = until + timedelta(seconds=MAX_WINDOW_SECONDS) + STORY_HORIZON
    found = select(alerts.c.body, alerts.c.fired).where(
        ~alerts.c.articles_kept, alerts.c.started < reached
    )
    for body, fired in connection.execute(found).all():
        alert = decode_alert(body)
        since = alert.started - timedelta(seconds=alert.window_seconds)
        if since - STORY_HORIZON < until:
            for rows in (articles, Sight(as_of=fired).rows()):
                _keep_for_alert(connection, alert, since, rows)


def _keep_for_alert(
    connection: Connection, alert: Alert, since: datetime, rows: FromClause
) -> None:
    """The articles of its window, and those that decide whether they are copies, as `rows` are."""
    stories = select(rows.c.story_key).where(
        rows.c.published >= since,
        rows.c.published < alert.started,
        *under(alert.dimension, alert.key, rows),
    )
    needed = (
        select(rows.c.id, literal(alert.id))
        .where(
            rows.c.story_key.in_(stories),
            rows.c.published >= since - STORY_HORIZON - timedelta(seconds=1),
            rows.c.published < alert.started,
        )
        .distinct()
    )
    insert = insert_for(connection)(alert_articles)
    connection.execute(
        insert.from_select(["article_id", "alert_id"], needed).on_conflict_do_nothing()
    )
    connection.execute(
        update(alerts).where(alerts.c.id == alert.id).values(articles_kept=literal(True, Boolean))
    )


def _keep_watch(
    connection: Connection, since: datetime | None, day: datetime, end: datetime
) -> None:
    """That news from before `end` was seen in time, if it was; none before `day` is usual."""
    query = select(func.min(articles.c.published), func.max(articles.c.published)).where(
        articles.c.published < end, *seen_in_time()
    )
    if since is not None:
        query = query.where(articles.c.published >= since)
    first, last = connection.execute(query).one()
    if first is not None:
        # Also before they were rescored: then already somebody watched.
        begin = first if since is None else since
        scored = min(
            moment
            for rows in (articles, article_versions)
            if (moment := connection.execute(_first_scored(rows, begin, end)).scalar()) is not None
        )
        insert = insert_for(connection)(watched_days).values(
            day=day, first=first, last=last, scored=scored
        )
        connection.execute(insert.on_conflict_do_nothing())


def _first_scored(rows: FromClause, since: datetime, until: datetime) -> Select[datetime]:
    return select(func.min(rows.c.scored)).where(
        rows.c.published >= since, rows.c.published < until, *seen_in_time(rows)
    )


def _count(connection: Connection, name: str, rows: int) -> None:
    if rows:
        column = housekeeping.c[name]
        connection.execute(update(housekeeping).values({name: column + rows}))


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
