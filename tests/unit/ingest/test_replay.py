from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ingest.article import Article
from ingest.replay import due_at, rebase

START = datetime(2018, 3, 1, tzinfo=UTC)
END = datetime(2026, 2, 5, 12, tzinfo=UTC)


def article(key: str, hours: float) -> Article:
    at = START + timedelta(hours=hours)
    return Article(key, "s", "", key, "", "en", at, at, False, "h")


def test_the_last_article_is_published_at_the_end_and_distances_stay() -> None:
    moved = rebase([article("c", 5), article("a", 0), article("b", 1)], END)
    assert [one.id for one in moved] == ["a", "b", "c"]
    assert moved[-1].published == moved[-1].first_seen == END
    assert moved[1].published - moved[0].published == timedelta(hours=1)
    assert rebase([], END) == []


def test_an_hour_of_news_at_sixty_times_the_speed_takes_a_minute() -> None:
    due = due_at(START + timedelta(hours=1), first_published=START, started=END, speed=60)
    assert due == END + timedelta(minutes=1)


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    with pytest.raises(ValueError, match="speed must be above 0"):
        due_at(START, first_published=START, started=END, speed=speed)
