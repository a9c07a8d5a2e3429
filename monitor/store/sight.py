"""Which of the stored articles a fold sees, and as what."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    union_all,
)

from monitor.store.schema import LATE_SECONDS, article_versions, articles

_NAMES = [column.name for column in articles.c if column.name != "text"]


@dataclass(frozen=True, slots=True)
class Sight:
    """Articles that came further behind the watermark than `lateness_seconds` are not seen: a live
    fold had gone past their bucket, so a backtest must not see them either. None: all are.

    `as_of` shows the articles as they were then, without those that came later. With `as_now` the
    same ones are seen as they are now, less those that were retracted.
    """

    lateness_seconds: int | None = None
    as_of: datetime | None = None
    as_now: bool = False

    def rows(self) -> FromClause:
        """The articles as they were, with all columns but their texts; which of them came in time
        `in_time` says."""
        if self.as_of is None:
            return articles
        there = _since(articles) <= self.as_of
        now = select(*(articles.c[name] for name in _NAMES))
        versions = article_versions.c
        if self.as_now:
            was_there = exists().where(
                versions.id == articles.c.id, _since(article_versions) <= self.as_of
            )
            return now.where(or_(there, was_there)).subquery("seen")
        then = select(*(versions[name] for name in _NAMES)).where(
            _since(article_versions) <= self.as_of, versions.superseded > self.as_of
        )
        return union_all(now.where(there), then).subquery("seen")

    def in_time(self, rows: FromClause) -> ColumnElement[bool]:
        """Of `rows`, those that came in time."""
        return true() if self.lateness_seconds is None else ~self._late(rows)

    def is_in_time(self, behind_seconds: int) -> bool:
        """Whether an article came in time."""
        return self.lateness_seconds is None or behind_seconds <= self.lateness_seconds

    def unseen(self) -> ColumnElement[bool]:
        """Of the articles as they are now, those that are not seen, or not as they are."""
        hidden: list[ColumnElement[Any]] = []
        if self.lateness_seconds is not None:
            hidden.append(self._late(articles))
        if self.as_of is not None:
            hidden.append(_since(articles) > self.as_of)
        return or_(false(), *hidden)

    def _late(self, rows: FromClause) -> ColumnElement[bool]:
        assert self.lateness_seconds is not None
        behind = rows.c.behind_seconds
        late = behind > self.lateness_seconds
        if self.lateness_seconds < LATE_SECONDS:
            return late
        # As a literal, so that a database knows that the partial index holds them.
        return and_(behind > literal_column(str(LATE_SECONDS)), late)


def _since(rows: FromClause) -> ColumnElement[datetime]:
    """Since when an article is, or was, as its row says."""
    return func.coalesce(rows.c.revised, rows.c.scored)
