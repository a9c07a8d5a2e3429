"""What a set of articles adds to the tallies: stories counted once, copies as reach.

Articles whose normalised titles are equal join one story while no more than 72 hours lie between
one and the next. A story counts once for each dimension and key, in the bucket and with the label
of its first article that has the key; under a company that is how the article reads for the
company. The result depends on the set alone, not on the order in which the articles came, so any
replay ends in the same tallies.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from alerts.series import BUCKET_SECONDS
from monitor.events import ScoredEvent, story_key

STORY_HORIZON = timedelta(hours=72)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

TallyKey = tuple[str, str, int]
"""Dimension, key, bucket start in seconds since the epoch."""

LABELS = ("negative", "neutral", "positive")

CompanySentiment = tuple[str, int, int, int]
"""A company, and how an article reads for it: negative, neutral, positive, in 1/10,000."""


@dataclass(frozen=True, slots=True)
class CountedArticle:
    """The part of a stored article that counting needs; `negative` in 1/10,000."""

    id: str
    story_key: str
    source: str
    language: str
    published: datetime
    first_seen: datetime
    content_hash: str
    label: str
    negative: int
    topics: tuple[str, ...]
    entities: tuple[str, ...]
    companies: tuple[CompanySentiment, ...] = ()
    """By name; an entity that is not among them counts with the sentiment of the whole text."""
    themes: tuple[str, ...] = ()

    def counts(self) -> Iterable[tuple[str, str, str, int]]:
        """What the article counts under: dimension and key, with label and negative there."""
        yield "all", "all", self.label, self.negative
        yield "source", self.source, self.label, self.negative
        yield "language", self.language, self.label, self.negative
        for topic in self.topics:
            yield "topic", topic, self.label, self.negative
        for theme in self.themes:
            yield "theme", theme, self.label, self.negative
        own = {
            name: (label_of(probabilities), probabilities[0])
            for name, *probabilities in self.companies
        }
        for entity in self.entities:
            yield "entity", entity, *own.get(entity, (self.label, self.negative))

    def supersedes(self, other: "CountedArticle") -> bool:
        """Whether this is a later state of the same article, by an order all workers agree on."""
        changed = (self.content_hash, self.published) != (other.content_hash, other.published)
        return changed and (self.first_seen, self.content_hash, self.published) > (
            other.first_seen,
            other.content_hash,
            other.published,
        )


@dataclass(slots=True)
class Counts:
    """A tally, or a change to one."""

    stories: int = 0
    articles: int = 0
    negative: int = 0
    neutral: int = 0
    positive: int = 0
    negative_sum: int = 0

    def add(self, other: "Counts", sign: int = 1) -> None:
        self.stories += sign * other.stories
        self.articles += sign * other.articles
        self.negative += sign * other.negative
        self.neutral += sign * other.neutral
        self.positive += sign * other.positive
        self.negative_sum += sign * other.negative_sum

    def __bool__(self) -> bool:
        return any(
            (
                self.stories,
                self.articles,
                self.negative,
                self.neutral,
                self.positive,
                self.negative_sum,
            )
        )


def label_of(probabilities: Sequence[float]) -> str:
    """The likeliest of negative, neutral, positive; ties go to the worse news."""
    return LABELS[probabilities.index(max(probabilities))]


def counted(event: ScoredEvent) -> CountedArticle:
    """The countable part of a scored article."""
    article = event.article
    return CountedArticle(
        id=article.id,
        story_key=story_key(article.title, article.id),
        source=article.source,
        language=event.language,
        published=article.published,
        first_seen=article.first_seen,
        content_hash=article.content_hash,
        label=label_of((event.negative, event.neutral, event.positive)),
        negative=round(event.negative * 10_000),
        topics=tuple(sorted(event.topics)),
        entities=tuple(sorted(event.entities)),
        companies=tuple(
            (name, round(negative * 10_000), round(neutral * 10_000), round(positive * 10_000))
            for name, (negative, neutral, positive) in sorted(event.companies.items())
        ),
        themes=tuple(sorted(event.themes)),
    )


def bucket_of(published: datetime) -> int:
    """Start of the bucket that a time lies in, in seconds since the epoch."""
    seconds = math.floor(published.timestamp())
    return seconds - seconds % BUCKET_SECONDS


def moment_of(seconds: int) -> datetime:
    """The time so many seconds after the epoch."""
    return _EPOCH + timedelta(seconds=seconds)


def contributions(articles: Iterable[CountedArticle]) -> dict[TallyKey, Counts]:
    """What these articles, all of one story key, add to the tallies."""
    tallies: dict[TallyKey, Counts] = {}
    latest: dict[tuple[str, str], datetime] = {}
    for article in sorted(articles, key=lambda item: (item.published, item.id)):
        bucket = bucket_of(article.published)
        for dimension, key, label, negative in article.counts():
            pair = dimension, key
            tally = tallies.setdefault((dimension, key, bucket), Counts())
            tally.articles += 1
            before = latest.get(pair)
            if before is None or article.published - before > STORY_HORIZON:
                tally.stories += 1
                tally.negative_sum += negative
                setattr(tally, label, getattr(tally, label) + 1)
            latest[pair] = article.published
    return tallies


@dataclass(slots=True)
class Change:
    """What a batch does to the store: rows to write, and what they do to the tallies."""

    inserted: list[CountedArticle] = field(default_factory=list)
    corrected: list[CountedArticle] = field(default_factory=list)
    duplicates: int = 0
    tallies: dict[TallyKey, Counts] = field(default_factory=dict)


def latest_by_id(batch: Iterable[CountedArticle]) -> dict[str, CountedArticle]:
    """One article an id: the state that supersedes the others in the batch."""
    latest: dict[str, CountedArticle] = {}
    for article in batch:
        known = latest.get(article.id)
        if known is None or article.supersedes(known):
            latest[article.id] = article
    return latest


def change(
    batch: Iterable[CountedArticle],
    stored: Mapping[str, CountedArticle],
    neighbours: Iterable[CountedArticle],
) -> Change:
    """Decide what a batch adds, given what is stored.

    `stored` holds the stored articles with an id of the batch; `neighbours` all stored articles
    that share a story key with the batch or with `stored`, as far as the story horizon reaches
    around their times. Neighbours outside it change nothing: they count alike before and after.
    """
    articles = list(batch)
    result = Change()
    latest = latest_by_id(articles)
    result.duplicates = len(articles) - len(latest)
    for article in latest.values():
        known = stored.get(article.id)
        if known is None:
            result.inserted.append(article)
        elif article.supersedes(known):
            result.corrected.append(article)
        else:
            result.duplicates += 1
    new = {article.id: article for article in [*result.inserted, *result.corrected]}
    result.tallies = difference(new, stored, neighbours)
    return result


def difference(
    new: Mapping[str, CountedArticle | None],
    stored: Mapping[str, CountedArticle],
    neighbours: Iterable[CountedArticle],
) -> dict[TallyKey, Counts]:
    """What it does to the tallies to put these articles, by id, in the place of those that are
    stored; None takes one away. `stored` and `neighbours` are as for `change`."""
    before: dict[str, dict[str, CountedArticle]] = {}
    for article in [*neighbours, *stored.values()]:
        before.setdefault(article.story_key, {})[article.id] = article
    after = {key: dict(group) for key, group in before.items()}
    touched: set[str] = set()
    for name, put in new.items():
        known = stored.get(name)
        if known is not None:
            del after[known.story_key][name]
            touched.add(known.story_key)
        if put is not None:
            after.setdefault(put.story_key, {})[name] = put
            touched.add(put.story_key)
    tallies: dict[TallyKey, Counts] = {}
    for key in touched:
        for told, sign in ((after[key], 1), (before.get(key, {}), -1)):
            for tally_key, counts in contributions(told.values()).items():
                tallies.setdefault(tally_key, Counts()).add(counts, sign)
    return {key: counts for key, counts in tallies.items() if counts}
