"""Articles that are made of texts."""

from datetime import UTC, datetime, timedelta

from monitor.bench.articles import SOURCES, SPAN, made_articles

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_no_article_is_another() -> None:
    texts = ["Shares fall", "Shares rise", "A meeting"]
    made = [item for turn in (1, 2, 11) for item in made_articles(texts, turn, 100, "en", NOW)]
    assert len({article.id for article in made}) == 300
    assert len({article.title for article in made}) == 300
    assert len({article.source for article in made}) == SOURCES
    assert all(NOW - SPAN <= article.published < NOW for article in made)
    assert max(a.published for a in made) - min(a.published for a in made) > timedelta(hours=23)


def test_the_same_turn_makes_the_same() -> None:
    assert made_articles(["a"], 1, 3, "zh", NOW) == made_articles(["a"], 1, 3, "zh", NOW)
