"""The first tables."""

import sqlalchemy as sa
from alembic import op

from monitor.store.schema import UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("dimension", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started", UtcDateTime(), nullable=False),
        sa.Column("resolved", UtcDateTime(), nullable=True),
        sa.Column(
            "fired", UtcDateTime(), nullable=False, comment="when it was decided, by the clock"
        ),
        sa.Column(
            "body", sa.LargeBinary(), nullable=False, comment="JSON of the alert with its evidence"
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("alerts_by_fingerprint", "alerts", ["fingerprint", "started"], unique=False)
    op.create_index("alerts_by_start", "alerts", ["started"], unique=False)
    op.create_table(
        "articles",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("published", UtcDateTime(), nullable=False),
        sa.Column("published_is_estimate", sa.Boolean(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("scored", UtcDateTime(), nullable=False),
        sa.Column("content_hash", sa.String(length=32), nullable=False),
        sa.Column("story_key", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False, comment="probability in 1/10,000"),
        sa.Column("neutral", sa.Integer(), nullable=False, comment="probability in 1/10,000"),
        sa.Column("positive", sa.Integer(), nullable=False, comment="probability in 1/10,000"),
        sa.Column(
            "topics", sa.Text(), nullable=False, comment="JSON object of topic to probability"
        ),
        sa.Column("entities", sa.Text(), nullable=False, comment="JSON array of company names"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("articles_by_story", "articles", ["story_key", "published"], unique=False)
    op.create_index("articles_by_time", "articles", ["published"], unique=False)
    op.create_table(
        "detector_progress",
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("rule_hash", sa.String(length=32), nullable=False),
        sa.Column(
            "settled",
            sa.BigInteger(),
            nullable=True,
            comment="start of the last bucket in the states",
        ),
        sa.Column(
            "announce_after", sa.BigInteger(), nullable=False, comment="older alerts are history"
        ),
        sa.PrimaryKeyConstraint("rule"),
    )
    op.create_table(
        "detector_states",
        sa.Column("rule", sa.String(length=100), nullable=False),
        sa.Column("dimension", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("rule_hash", sa.String(length=32), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("rule", "dimension", "key"),
    )
    op.create_table(
        "feeds",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("state", sa.LargeBinary(), nullable=False, comment="JSON of the feed's state"),
        sa.PrimaryKeyConstraint("url"),
    )
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("expires", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "offsets",
        sa.Column("consumer_group", sa.String(length=100), nullable=False),
        sa.Column("topic", sa.String(length=100), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.Column("watermark", UtcDateTime(), nullable=True),
        sa.Column("first_watermark", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("consumer_group", "topic", "partition"),
    )
    op.create_table(
        "outbox",
        sa.Column(
            "id",
            sa.String(length=160),
            nullable=False,
            comment="alert, event and channel: idempotency key",
        ),
        sa.Column("alert_id", sa.String(length=32), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("channel", sa.String(length=100), nullable=False),
        sa.Column(
            "state", sa.String(length=16), nullable=False, comment="queued, delivered or dead"
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("queued", UtcDateTime(), nullable=False),
        sa.Column("next_attempt", UtcDateTime(), nullable=False),
        sa.Column("delivered", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("outbox_due", "outbox", ["state", "next_attempt"], unique=False)
    op.create_table(
        "tallies",
        sa.Column("dimension", sa.String(length=16), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column(
            "bucket", sa.BigInteger(), nullable=False, comment="start, seconds since the epoch"
        ),
        sa.Column("stories", sa.Integer(), nullable=False),
        sa.Column("articles", sa.Integer(), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False),
        sa.Column("neutral", sa.Integer(), nullable=False),
        sa.Column("positive", sa.Integer(), nullable=False),
        sa.Column(
            "negative_sum", sa.BigInteger(), nullable=False, comment="probabilities in 1/10,000"
        ),
        sa.PrimaryKeyConstraint("dimension", "key", "bucket"),
    )
    op.create_index("tallies_by_bucket", "tallies", ["dimension", "bucket"], unique=False)


def downgrade() -> None:
    op.drop_index("tallies_by_bucket", table_name="tallies")
    op.drop_table("tallies")
    op.drop_index("outbox_due", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("offsets")
    op.drop_table("leases")
    op.drop_table("feeds")
    op.drop_table("detector_states")
    op.drop_table("detector_progress")
    op.drop_index("articles_by_time", table_name="articles")
    op.drop_index("articles_by_story", table_name="articles")
    op.drop_table("articles")
    op.drop_index("alerts_by_start", table_name="alerts")
    op.drop_index("alerts_by_fingerprint", table_name="alerts")
    op.drop_table("alerts")
