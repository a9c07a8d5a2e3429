"""The tables. Times are stored as microseconds since the epoch, so that both databases agree."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATE_SECONDS = 3_600
"""Articles that came further behind the watermark than that have an index of their own."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC datetime as a 64-bit count of microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise TypeError("a datetime without a zone cannot be stored")
        return (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


metadata = MetaData()

_THEMES = "JSON array of watched countries, commodities, markets"

articles = Table(
    "articles",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("source", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("language", String(16), nullable=False),
    Column("published", UtcDateTime, nullable=False),
    Column("published_is_estimate", Boolean, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("scored", UtcDateTime, nullable=False),
    Column("content_hash", String(32), nullable=False),
    Column("story_key", String(32), nullable=False),
    Column("label", String(8), nullable=False),
    Column("negative", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("neutral", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("positive", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("topics", Text, nullable=False, comment="JSON object of topic to probability"),
    Column("entities", Text, nullable=False, comment="JSON array of company names"),
    Column(
        "companies",
        Text,
        nullable=True,
        comment="JSON object of company to probabilities in 1/10,000; null: not asked",
    ),
    Column("themes", Text, nullable=False, server_default="[]", comment=_THEMES),
    Column("model", Text, nullable=False),
    Column(
        "behind_seconds",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="how far behind its partition's watermark it came",
    ),
    Column(
        "revised",
        UtcDateTime,
        nullable=True,
        comment="since when it is as it is; null: since it came",
    ),
    Index("articles_by_story", "story_key", "published"),
    Index("articles_by_time", "published"),
    Index(
        "articles_late",
        "published",
        postgresql_where=text(f"behind_seconds > {LATE_SECONDS}"),
        sqlite_where=text(f"behind_seconds > {LATE_SECONDS}"),
    ),
)

_AS_THEY_WERE = [column for column in articles.c if column.name not in ("id", "text")]

article_versions = Table(
    "article_versions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", String(64), nullable=False),
    *(
        Column(column.name, column.type, nullable=column.nullable, comment=column.comment)
        for column in _AS_THEY_WERE
    ),
    Column("text", Text, nullable=True, comment="null: the same as in what came after"),
    Column("superseded", UtcDateTime, nullable=False, comment="until when it was so"),
    Column("reason", String(16), nullable=False, comment="corrected, retracted or rescored"),
    Index("article_versions_by_article", "id"),
    Index("article_versions_by_story", "story_key", "published"),
    Index("article_versions_by_time", "published"),
    Index("article_versions_by_end", "superseded"),
)
"""What articles were before they were replaced, each from `revised` to `superseded`."""

rescores = Table(
    "rescores",
    metadata,
    Column("article_id", String(64), primary_key=True),
    Column("model", Text, primary_key=True),
    Column("content_hash", String(32), nullable=False, comment="of what was scored"),
    Column("label", String(8), nullable=False),
    Column("negative", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("neutral", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("positive", Integer, nullable=False, comment="probability in 1/10,000"),
    Column("topics", Text, nullable=False, comment="JSON object of topic to probability"),
    Column("entities", Text, nullable=False, comment="JSON array of company names"),
    Column("companies", Text, nullable=False, comment="JSON object of company to probabilities"),
    Column("themes", Text, nullable=False, server_default="[]", comment=_THEMES),
    Column("scored", UtcDateTime, nullable=False),
)
"""Scores by another model, kept beside until they are adopted."""

adoptions = Table(
    "adoptions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("selection", Text, nullable=False, comment="JSON of models, span and filters"),
    Column("began", UtcDateTime, nullable=False),
    Column("ended", UtcDateTime, nullable=True, comment="null: under way, or broken off"),
    Column("changes", Text, nullable=False, comment="JSON of what changed"),
)
"""When scores that were kept beside became those that count."""

tallies = Table(
    "tallies",
    metadata,
    Column("dimension", String(16), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("bucket", BigInteger, primary_key=True, comment="start, seconds since the epoch"),
    Column("stories", Integer, nullable=False),
    Column("articles", Integer, nullable=False),
    Column("negative", Integer, nullable=False),
    Column("neutral", Integer, nullable=False),
    Column("positive", Integer, nullable=False),
    Column("negative_sum", BigInteger, nullable=False, comment="probabilities in 1/10,000"),
    Index("tallies_by_bucket", "dimension", "bucket"),
)

offsets = Table(
    "offsets",
    metadata,
    Column("consumer_group", String(100), primary_key=True),
    Column("topic", String(100), primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger, nullable=False),
    Column("watermark", UtcDateTime, nullable=True),
    Column("first_watermark", UtcDateTime, nullable=True),
    Column(
        "newest_scored",
        UtcDateTime,
        nullable=True,
        comment="the latest time, by any clock, at which what was counted was scored or corrected",
    ),
    Column(
        "epoch",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="how often the partition was taken; only who took it last may write",
    ),
)

buses = Table(
    "buses",
    metadata,
    Column("consumer_group", String(100), primary_key=True),
    Column("identity", Text, nullable=False),
)

detector_states = Table(
    "detector_states",
    metadata,
    Column("rule", String(100), primary_key=True),
    Column("dimension", String(16), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("rule_hash", String(32), nullable=False),
    Column("state", LargeBinary, nullable=False),
)

detector_progress = Table(
    "detector_progress",
    metadata,
    Column("rule", String(100), primary_key=True),
    Column("rule_hash", String(32), nullable=False),
    Column("settled", BigInteger, nullable=True, comment="start of the last bucket in the states"),
    Column("announce_after", BigInteger, nullable=False, comment="older alerts are history"),
    Column(
        "began",
        BigInteger,
        nullable=True,
        comment="start of the first bucket read; null: with the watch",
    ),
)

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("rule", String(100), nullable=False),
    Column("dimension", String(16), nullable=False),
    Column("key", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("started", UtcDateTime, nullable=False),
    Column("resolved", UtcDateTime, nullable=True),
    Column("fired", UtcDateTime, nullable=False, comment="when it was decided, by the clock"),
    Column("body", LargeBinary, nullable=False, comment="JSON of the alert with its evidence"),
    Column("grounds", LargeBinary, nullable=True, comment="compressed JSON of its last step"),
    Column(
        "articles_kept",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="those that it needs are in alert_articles",
    ),
    Column(
        "group_id",
        String(32),
        nullable=True,
        comment="first alert of those that tell of one event; null: of earlier versions",
    ),
    Index("alerts_by_fingerprint", "fingerprint", "started"),
    Index("alerts_by_start", "started"),
    Index("alerts_by_state", "state", "started"),
    Index("alerts_by_group", "group_id"),
    Index("alerts_by_fired", "fired"),
    Index("alerts_by_key", "dimension", "key", "started"),
)

alert_articles = Table(
    "alert_articles",
    metadata,
    Column("article_id", String(64), primary_key=True),
    Column("alert_id", String(32), primary_key=True),
    Index("alert_articles_by_alert", "alert_id"),
)

outbox = Table(
    "outbox",
    metadata,
    Column(
        "id", String(160), primary_key=True, comment="alert, event and channel: idempotency key"
    ),
    Column("alert_id", String(32), nullable=False),
    Column("event", String(16), nullable=False),
    Column("channel", String(100), nullable=False),
    Column("state", String(16), nullable=False, comment="queued, delivered or dead"),
    Column("attempts", Integer, nullable=False),
    Column("queued", UtcDateTime, nullable=False),
    Column("next_attempt", UtcDateTime, nullable=False),
    Column("delivered", UtcDateTime, nullable=True),
    Column("last_error", Text, nullable=True),
    Column("follow_up", String(40), nullable=True, comment="what is told of an alert afterwards"),
    Index("outbox_due", "state", "next_attempt"),
    Index("outbox_by_alert", "alert_id"),
)

follow_ups = Table(
    "follow_ups",
    metadata,
    Column("id", String(40), primary_key=True, comment="alert, and digest of its articles then"),
    Column("alert_id", String(32), nullable=False),
    Column("found", UtcDateTime, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="JSON of the alert recomputed"),
    Index("follow_ups_by_alert", "alert_id"),
)

dead_letter_marks = Table(
    "dead_letter_marks",
    metadata,
    Column("letter_id", String(32), primary_key=True),
    Column("state", String(16), nullable=False, comment="replaying, replayed or dropped"),
    Column("changed", UtcDateTime, nullable=False),
)

feeds = Table(
    "feeds",
    metadata,
    Column("url", Text, primary_key=True),
    Column("state", LargeBinary, nullable=False, comment="JSON of the feed's state"),
)

replay_progress = Table(
    "replay_progress",
    metadata,
    Column("replay", String(64), primary_key=True, comment="digest of what is replayed to where"),
    Column("through", UtcDateTime, nullable=False, comment="all before is on the bus"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(100), primary_key=True),
    Column("owner", String(64), nullable=False),
    Column("expires", UtcDateTime, nullable=False),
)

housekeeping = Table(
    "housekeeping",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column(
        "articles_from",
        UtcDateTime,
        nullable=True,
        comment="no older one is added or changed",
    ),
    Column(
        "articles_emptied_until",
        UtcDateTime,
        nullable=True,
        comment="of older ones only what is needed is left",
    ),
    Column(
        "five_minutes_from",
        BigInteger,
        nullable=False,
        comment="tallies of buckets before are of hours,",
    ),
    Column("hours_from", BigInteger, nullable=False, comment="and those before of days"),
    Column("articles_removed", BigInteger, nullable=False),
    Column("alerts_removed", BigInteger, nullable=False),
    Column("labels_removed", BigInteger, nullable=False),
    Column("tallies_rolled_up", BigInteger, nullable=False),
)
"""One row."""

watched_days = Table(
    "watched_days",
    metadata,
    Column(
        "day",
        UtcDateTime,
        primary_key=True,
        autoincrement=False,
        comment="whose articles were removed",
    ),
    Column("first", UtcDateTime, nullable=False, comment="published of those seen in time"),
    Column("last", UtcDateTime, nullable=False),
    Column("scored", UtcDateTime, nullable=False, comment="the first of them"),
)
