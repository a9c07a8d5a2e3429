"""The records that travel on the bus, and their versioned JSON codec.

A topic carries `ArticleEvent` or `ScoredEvent` records, and between them `Watermark` records.
A reader accepts any version up to one above its own. Between two versions that follow each other
fields are only added, with a default: unknown ones are ignored, missing ones are what the default
says, so that roles can be renewed one by one. What is further ahead is a dead letter. The version
stands in the record and, so that it can be told of what cannot be decoded, in a header.
"""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from ingest.article import Article
from ingest.identity import normalise_title
from monitor.failures import Invalid, stack_digest
from monitor.record_headers import SCHEMA_VERSION, Headers, value_of

VERSION = 1
NEWEST_READABLE = VERSION + 1
MAX_RECORD_BYTES = 1_000_000
MAX_SCORED_BYTES = MAX_RECORD_BYTES + 100_000
"""A scored record holds its article whole: one that was taken in is never too large afterwards."""

ARTICLES = "articles"
SCORED = "scored"
DEAD_LETTER_TOPICS = {stage: f"dead-letters.{stage}" for stage in ("score", "aggregate")}
"""By the stage that could not process what lies there: all that read the bus have one."""

# What goes beyond these would be refused by a database, or break the reader: a bad record must be
# found where it is read, not where it stops everything.
EARLIEST_YEAR, LATEST_YEAR = 1000, 9000
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Name = Annotated[str, msgspec.Meta(max_length=200)]
Language = Annotated[str, msgspec.Meta(max_length=16)]
Probability = Annotated[float, msgspec.Meta(ge=0, le=1)]

Probabilities = tuple[Probability, Probability, Probability]
"""Negative, neutral, positive: in [0, 1], rounded to four decimals."""


class ArticleEvent(msgspec.Struct, frozen=True, tag="article", kw_only=True):
    """One article as ingest saw it."""

    version: int = VERSION
    id: Identifier
    source: Name
    url: str
    title: str
    text: str
    language: Language
    published: Moment
    first_seen: Moment
    published_is_estimate: bool
    content_hash: Annotated[str, msgspec.Meta(max_length=32)]


class ScoredEvent(msgspec.Struct, frozen=True, tag="scored", kw_only=True):
    """An article with what the model and the watchlist made of it.

    Probabilities are in [0, 1], rounded to four decimals. `topics` holds the topics that
    passed the model's threshold; `entities` the watched companies that the text names; `companies`
    how it reads for those of them that the model was asked about; `themes` the watched themes.
    """

    version: int = VERSION
    article: ArticleEvent
    negative: Probability
    neutral: Probability
    positive: Probability
    topics: dict[Name, Probability]
    entities: tuple[Name, ...]
    companies: dict[Name, Probabilities] = {}
    themes: tuple[Name, ...] = ()
    language: Language
    model: str
    scored: Moment


class Watermark(msgspec.Struct, frozen=True, tag="watermark", kw_only=True):
    """A promise in the stream: all published before `through` was sent, stragglers apart."""

    version: int = VERSION
    through: Moment


_encoder = msgspec.json.Encoder()
_article_decoder = msgspec.json.Decoder(ArticleEvent | Watermark)
_scored_decoder = msgspec.json.Decoder(ScoredEvent | Watermark)


def encode(event: ArticleEvent | ScoredEvent | Watermark) -> bytes:
    """JSON bytes of an event."""
    return _encoder.encode(event)


def decode_article(
    value: bytes | None, headers: Headers = ()
) -> ArticleEvent | Watermark | Invalid:
    """An event of the articles topic, or why the bytes are none."""
    return _decode(_article_decoder, value, headers, MAX_RECORD_BYTES)


def decode_scored(value: bytes | None, headers: Headers = ()) -> ScoredEvent | Watermark | Invalid:
    """An event of the scored topic, or why the bytes are none."""
    return _decode(_scored_decoder, value, headers, MAX_SCORED_BYTES)


_E = TypeVar("_E", ArticleEvent | Watermark, ScoredEvent | Watermark)


def _decode(
    decoder: "msgspec.json.Decoder[_E]", value: bytes | None, headers: Headers, max_bytes: int
) -> _E | Invalid:
    if value is None:
        return Invalid("record without a value")
    if len(value) > max_bytes:
        return Invalid(f"record of {len(value)} bytes, the limit is {max_bytes}")
    told = value_of(headers, SCHEMA_VERSION)
    if told is not None:
        if not told.isdigit():
            return Invalid(f"header {SCHEMA_VERSION} is {told!r}, not a number")
        if int(told) > NEWEST_READABLE:
            return _too_new(int(told))
    try:
        event = decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Invalid(str(error), stack_digest(error))
    if event.version > NEWEST_READABLE:
        return _too_new(event.version)
    return Invalid(problem) if (problem := _unfit(event, value)) else event


def _too_new(version: int) -> Invalid:
    return Invalid(
        f"record of schema version {version}; this reader's is {VERSION}, and it reads up to "
        f"{NEWEST_READABLE}: renew it, then replay the dead letter"
    )


def _unfit(event: ArticleEvent | ScoredEvent | Watermark, value: bytes) -> str | None:
    """What of a well-formed event cannot be counted or stored."""
    for name, moment in _moments(event):
        if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            return f"{name} is of the year {moment.year}"
    if b"\\u0000" in value and any("\0" in text for text in _texts(msgspec.to_builtins(event))):
        return "a text holds the character U+0000, which PostgreSQL does not store"
    return None


def _moments(event: ArticleEvent | ScoredEvent | Watermark) -> Iterator[tuple[str, datetime]]:
    if isinstance(event, Watermark):
        yield "through", event.through
        return
    if isinstance(event, ScoredEvent):
        yield "scored", event.scored
        event = event.article
    yield "published", event.published
    yield "first_seen", event.first_seen


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def article_event(article: Article) -> ArticleEvent:
    """The event that announces an article."""
    return ArticleEvent(
        id=article.id,
        source=article.source,
        url=article.url,
        title=article.title,
        text=article.text,
        language=article.language,
        published=article.published,
        first_seen=article.first_seen,
        published_is_estimate=article.published_is_estimate,
        content_hash=article.content_hash,
    )


def story_key(title: str, article_id: str) -> str:
    """Hash of the normalised title: articles that share it may be copies of one story.

    It is the bus key too, so that copies meet in one partition and one writer sees them.
    A title without a letter or digit says nothing, so its article stands alone.
    """
    normalised = normalise_title(title)
    return hashlib.sha256((normalised or article_id).encode()).hexdigest()[:32]


def partition_of(key: str, partitions: int) -> int:
    """Partition of a story key: stable across processes and buses."""
    return int(key[:8], 16) % partitions
