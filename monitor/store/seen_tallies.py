"""The tallies as a fold sees them: less what articles that it does not see have added."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Engine, select

from alerts.rules import AnyRule, DivergenceRule
from alerts.series import BUCKET_SECONDS, Bucket
from monitor.store.counted import chunks, counted_with_story_keys
from monitor.store.engine import reading
from monitor.store.readers import articles_between
from monitor.store.schema import article_versions, articles
from monitor.store.sight import Sight
from monitor.stories import (
    STORY_HORIZON,
    CountedArticle,
    Counts,
    TallyKey,
    contributions,
    moment_of,
)

_COUNTS = ("stories", "articles", "negative", "neutral", "positive")


def unseen_counts(engine: Engine, sight: Sight, first: int, last: int) -> dict[TallyKey, Counts]:
    """What the articles that are not seen, or not as they are, changed in the buckets with
    `first` <= start <= `last`.

    A copy that is not seen may only add reach; one that is older than the story's first has taken
    its place, and that may lie as far ahead as stories reach.
    """
    begin, end = moment_of(first) - STORY_HORIZON, moment_of(last + BUCKET_SECONDS)
    hidden = select(articles.c.story_key).where(
        sight.unseen(), articles.c.published >= begin, articles.c.published < end
    )
    versions = article_versions.c
    replaced = select(versions.story_key).where(
        versions.published >= begin, versions.published < end
    )
    added: dict[TallyKey, Counts] = {}
    with reading(engine) as connection:
        stories = set(connection.execute(hidden).scalars())
        if sight.as_of is not None:
            past = replaced.where(versions.superseded > sight.as_of)
            stories.update(connection.execute(past).scalars())
        # Some at a time: after a rescore it may be every story that there is.
        for some in chunks(sorted(stories)):
            every = counted_with_story_keys(connection, some, Sight())
            seen = counted_with_story_keys(connection, some, sight)
            for told, sign in ((every, 1), (seen, -1)):
                for key, counts in _tallied(told).items():
                    if first <= key[2] <= last:
                        added.setdefault(key, Counts()).add(counts, sign)
    return {key: counts for key, counts in added.items() if counts}


def window_from_articles(
    engine: Engine, dimension: str, key: str, first: int, last: int, sight: Sight
) -> dict[int, Bucket]:
    """A key's buckets with `first` <= start <= `last`, counted from the articles that are seen."""
    window = articles_between(
        engine, moment_of(first), moment_of(last + BUCKET_SECONDS), dimension, key, sight
    )
    stories = {item.story_key for item in window}
    with reading(engine) as connection:
        told = counted_with_story_keys(connection, stories, sight)
    return {
        start: Bucket(start, *(getattr(counts, name) for name in _COUNTS))
        for (name, its_key, start), counts in _tallied(told).items()
        if (name, its_key) == (dimension, key) and first <= start <= last
    }


def without(
    dimension: str, found: Mapping[str, Sequence[Bucket]], unseen: Mapping[TallyKey, Counts]
) -> dict[str, list[Bucket]]:
    """The buckets by key, less what is not seen; those that are then empty are left out.

    What was seen and is there no more, like an article that was retracted since, is not in the
    tallies: a bucket, or a key, may be of it alone.
    """
    own: dict[str, dict[int, Counts]] = {}
    for (name, key, start), counts in unseen.items():
        if name == dimension:
            own.setdefault(key, {})[start] = counts
    return {
        key: left
        for key in sorted(found.keys() | own.keys())
        if (left := _less(found.get(key, ()), own.get(key, {})))
    }


def totals_without(
    rule: AnyRule, found: Sequence[Bucket], unseen: Mapping[TallyKey, Counts]
) -> list[Bucket]:
    """What a rule holds its keys against, less what is not seen."""
    if not isinstance(rule, DivergenceRule):
        return list(found)
    summed: dict[int, Counts] = {}
    for (dimension, key, start), counts in unseen.items():
        if dimension == rule.dimension and (not rule.against or key in rule.against):
            summed.setdefault(start, Counts()).add(counts)
    return _less(found, summed)


def _tallied(told: Iterable[CountedArticle]) -> dict[TallyKey, Counts]:
    by_story: dict[str, list[CountedArticle]] = {}
    for article in told:
        by_story.setdefault(article.story_key, []).append(article)
    tallied: dict[TallyKey, Counts] = {}
    for story in by_story.values():
        for key, counts in contributions(story).items():
            tallied.setdefault(key, Counts()).add(counts)
    return tallied


def _less(buckets: Sequence[Bucket], unseen: Mapping[int, Counts]) -> list[Bucket]:
    there = {bucket.start: bucket for bucket in buckets}
    for start, counts in unseen.items():
        bucket = there.get(start, Bucket(start))
        values = {name: getattr(bucket, name) - getattr(counts, name) for name in _COUNTS}
        there[start] = msgspec.structs.replace(bucket, **values)
    return [there[start] for start in sorted(there) if there[start].articles > 0]
