"""The tallies as they were: what articles that were scored later have added since."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, select

from alerts.rules import AnyRule, DivergenceRule
from alerts.series import BUCKET_SECONDS, Bucket
from monitor.store.engine import reading
from monitor.store.ingestion import counted_with_story_keys
from monitor.store.readers import articles_between
from monitor.store.schema import articles
from monitor.stories import CountedArticle, Counts, TallyKey, contributions

_COUNTS = ("stories", "articles", "negative", "neutral", "positive")


def late_counts(engine: Engine, as_of: datetime, until: datetime) -> dict[TallyKey, Counts]:
    """What the articles published before `until` and scored after `as_of` changed in the tallies.

    A late copy may only add reach; one that is older than the story's first takes its place.
    """
    query = select(articles.c.id, articles.c.story_key).where(
        articles.c.scored > as_of, articles.c.published < until
    )
    with reading(engine) as connection:
        late = {row.id: row.story_key for row in connection.execute(query)}
        told = counted_with_story_keys(connection, set(late.values()))
    by_story: dict[str, list[CountedArticle]] = {}
    for article in told:
        by_story.setdefault(article.story_key, []).append(article)
    added: dict[TallyKey, Counts] = {}
    for story in by_story.values():
        for key, counts in contributions(story).items():
            added.setdefault(key, Counts()).add(counts)
        in_time = [article for article in story if article.id not in late]
        for key, counts in contributions(in_time).items():
            added.setdefault(key, Counts()).add(counts, sign=-1)
    return {key: counts for key, counts in added.items() if counts}


def window_from_articles(
    engine: Engine, dimension: str, key: str, first: int, last: int, as_of: datetime
) -> dict[int, Bucket]:
    """A key's buckets with `first` <= start <= `last`, counted from the articles scored by then."""
    since, until = (datetime.fromtimestamp(at, UTC) for at in (first, last + BUCKET_SECONDS))
    window = articles_between(engine, since, until, dimension, key)
    stories = {article.story_key for article in window if article.scored <= as_of}
    with reading(engine) as connection:
        told = counted_with_story_keys(connection, stories, as_of)
    by_story: dict[str, list[CountedArticle]] = {}
    for article in told:
        by_story.setdefault(article.story_key, []).append(article)
    counted: dict[int, Counts] = {}
    for story in by_story.values():
        for (name, its_key, start), counts in contributions(story).items():
            if (name, its_key) == (dimension, key) and first <= start <= last:
                counted.setdefault(start, Counts()).add(counts)
    return {
        start: Bucket(start, *(getattr(counts, name) for name in _COUNTS))
        for start, counts in counted.items()
    }


def without_late(
    dimension: str, found: Mapping[str, Sequence[Bucket]], late: Mapping[TallyKey, Counts]
) -> dict[str, list[Bucket]]:
    """The buckets by key, less what came late; those that are then empty are left out."""
    own: dict[str, dict[int, Counts]] = {}
    for (name, key, start), counts in late.items():
        if name == dimension:
            own.setdefault(key, {})[start] = counts
    return {
        key: left
        for key, buckets in found.items()
        if (left := _less(buckets, own[key]) if key in own else list(buckets))
    }


def totals_without_late(
    rule: AnyRule, found: Sequence[Bucket], late: Mapping[TallyKey, Counts]
) -> list[Bucket]:
    """What a rule holds its keys against, less what came late."""
    if not isinstance(rule, DivergenceRule):
        return list(found)
    summed: dict[int, Counts] = {}
    for (dimension, key, start), counts in late.items():
        if dimension == rule.dimension and (not rule.against or key in rule.against):
            summed.setdefault(start, Counts()).add(counts)
    return _less(found, summed)


def _less(buckets: Sequence[Bucket], late: Mapping[int, Counts]) -> list[Bucket]:
    left: list[Bucket] = []
    for bucket in buckets:
        counts = late.get(bucket.start, Counts())
        values = [getattr(bucket, name) - getattr(counts, name) for name in _COUNTS]
        if values[1] > 0:
            left.append(Bucket(bucket.start, *values))
    return left
