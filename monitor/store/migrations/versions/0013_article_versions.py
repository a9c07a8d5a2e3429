"""What articles were before they were replaced, scores by other models, and follow-ups."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        # In the order of the version before, which reads articles on a second connection while it
        # saves alerts: with those locked first, each would wait for the other.
        op.execute("LOCK TABLE alerts, outbox, articles IN ACCESS EXCLUSIVE MODE")
    op.add_column(
        "articles",
        sa.Column(
            "revised",
            sa.BigInteger(),
            nullable=True,
            comment="since when it is as it is; null: since it came",
        ),
    )
    op.create_table(
        "article_versions",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("published", sa.BigInteger(), nullable=False),
        sa.Column("published_is_estimate", sa.Boolean(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("scored", sa.BigInteger(), nullable=False),
        sa.Column("content_hash", sa.String(32), nullable=False),
        sa.Column("story_key", sa.String(32), nullable=False),
        sa.Column("label", sa.String(8), nullable=False),
        *_probabilities(),
        sa.Column(
            "topics", sa.Text(), nullable=False, comment="JSON object of topic to probability"
        ),
        sa.Column("entities", sa.Text(), nullable=False, comment="JSON array of company names"),
        sa.Column(
            "companies",
            sa.Text(),
            nullable=True,
            comment="JSON object of company to probabilities in 1/10,000; null: not asked",
        ),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column(
            "behind_seconds",
            sa.BigInteger(),
            nullable=False,
            comment="how far behind its partition's watermark it came",
        ),
        sa.Column(
            "revised",
            sa.BigInteger(),
            nullable=True,
            comment="since when it is as it is; null: since it came",
        ),
        sa.Column("text", sa.Text(), nullable=True, comment="null: the same as in what came after"),
        sa.Column("superseded", sa.BigInteger(), nullable=False, comment="until when it was so"),
        sa.Column(
            "reason", sa.String(16), nullable=False, comment="corrected, retracted or rescored"
        ),
    )
    op.create_index("article_versions_by_article", "article_versions", ["id"])
    op.create_index("article_versions_by_story", "article_versions", ["story_key", "published"])
    op.create_index("article_versions_by_time", "article_versions", ["published"])
    op.create_index("article_versions_by_end", "article_versions", ["superseded"])
    op.create_table(
        "rescores",
        sa.Column("article_id", sa.String(64), primary_key=True),
        sa.Column("model", sa.Text(), primary_key=True),
        sa.Column("content_hash", sa.String(32), nullable=False, comment="of what was scored"),
        sa.Column("label", sa.String(8), nullable=False),
        *_probabilities(),
        sa.Column(
            "topics", sa.Text(), nullable=False, comment="JSON object of topic to probability"
        ),
        sa.Column("entities", sa.Text(), nullable=False, comment="JSON array of company names"),
        sa.Column(
            "companies",
            sa.Text(),
            nullable=False,
            comment="JSON object of company to probabilities",
        ),
        sa.Column("scored", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "adoptions",
        sa.Column("number", sa.Integer(), primary_key=True),
        sa.Column(
            "selection", sa.Text(), nullable=False, comment="JSON of models, span and filters"
        ),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column(
            "ended", sa.BigInteger(), nullable=True, comment="null: under way, or broken off"
        ),
        sa.Column("changes", sa.Text(), nullable=False, comment="JSON of what changed"),
    )
    op.add_column(
        "outbox",
        sa.Column(
            "follow_up",
            sa.String(40),
            nullable=True,
            comment="what is told of an alert afterwards",
        ),
    )
    op.create_table(
        "follow_ups",
        sa.Column(
            "id", sa.String(40), primary_key=True, comment="alert, and digest of its articles then"
        ),
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("found", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False, comment="JSON of the alert recomputed"),
    )
    op.create_index("follow_ups_by_alert", "follow_ups", ["alert_id"])


def _probabilities() -> list[sa.Column[int]]:
    return [
        sa.Column(name, sa.Integer(), nullable=False, comment="probability in 1/10,000")
        for name in ("negative", "neutral", "positive")
    ]


def downgrade() -> None:
    op.drop_table("follow_ups")
    op.drop_column("outbox", "follow_up")
    op.drop_table("adoptions")
    op.drop_table("rescores")
    op.drop_table("article_versions")
    op.drop_column("articles", "revised")
