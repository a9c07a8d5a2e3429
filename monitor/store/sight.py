"""Which of the stored articles a fold sees."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, false, literal_column, or_

from monitor.store.schema import LATE_SECONDS, articles


@dataclass(frozen=True, slots=True)
class Sight:
    """Articles that came further behind the watermark than `lateness_seconds` are not seen: a live
    fold had gone past their bucket, so a backtest must not see them either. None: all are.

    `as_of` leaves out what was scored later.
    """

    lateness_seconds: int | None = None
    as_of: datetime | None = None

    def sees(self, scored: datetime, behind_seconds: int) -> bool:
        """Whether an article is seen."""
        timely = self.lateness_seconds is None or behind_seconds <= self.lateness_seconds
        return timely and (self.as_of is None or scored <= self.as_of)

    def seen(self) -> ColumnElement[bool]:
        """The articles that are seen."""
        return ~self.unseen()

    def unseen(self) -> ColumnElement[bool]:
        """The articles that are not."""
        hidden: list[ColumnElement[Any]] = []
        if self.lateness_seconds is not None:
            late = articles.c.behind_seconds > self.lateness_seconds
            if self.lateness_seconds >= LATE_SECONDS:
                # As a literal, so that a database knows that the partial index holds them.
                bound = articles.c.behind_seconds > literal_column(str(LATE_SECONDS))
                late = and_(bound, late)
            hidden.append(late)
        if self.as_of is not None:
            hidden.append(articles.c.scored > self.as_of)
        return or_(false(), *hidden)
