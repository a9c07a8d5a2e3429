"""What people and challengers say of articles, and how far the live models have moved."""

import sqlalchemy as sa
from alembic import op

from monitor.store.schema import UtcDateTime

revision = "0004"
down_revision = "0003"

_PROBABILITY = "probability in 1/10,000"


def upgrade() -> None:
    op.create_table(
        "labels",
        sa.Column("id", sa.Integer(), nullable=False, comment="a later label has a higher one"),
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column(
            "company", sa.String(length=200), nullable=False, comment="empty: the text as a whole"
        ),
        sa.Column("sentiment", sa.String(length=8), nullable=True),
        sa.Column("topics", sa.Text(), nullable=True, comment="JSON array"),
        sa.Column("labelled_by", sa.String(length=100), nullable=False),
        sa.Column("labelled", UtcDateTime(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("labels_by_article", "labels", ["article_id", "company", "id"], unique=False)
    op.create_table(
        "shadow_scores",
        sa.Column("article_id", sa.String(length=64), nullable=False),
        sa.Column("live_model", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False, comment="the challenger"),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("live_label", sa.String(length=8), nullable=False),
        sa.Column("live_negative", sa.Integer(), nullable=False, comment=_PROBABILITY),
        sa.Column("live_neutral", sa.Integer(), nullable=False, comment=_PROBABILITY),
        sa.Column("live_positive", sa.Integer(), nullable=False, comment=_PROBABILITY),
        sa.Column("label", sa.String(length=8), nullable=False),
        sa.Column("negative", sa.Integer(), nullable=False, comment=_PROBABILITY),
        sa.Column("neutral", sa.Integer(), nullable=False, comment=_PROBABILITY),
        sa.Column("positive", sa.Integer(), nullable=False, comment=_PROBABILITY),
        sa.Column("scored", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("article_id", "live_model", "model"),
    )
    op.create_index("shadow_scores_by_time", "shadow_scores", ["scored"], unique=False)
    op.create_table(
        "model_drift",
        sa.Column("worker", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=16), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("statistic", sa.String(length=16), nullable=False),
        sa.Column("psi", sa.Float(), nullable=True),
        sa.Column("jensen_shannon", sa.Float(), nullable=True),
        sa.Column("texts", sa.Integer(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column(
            "against",
            sa.String(length=8),
            nullable=False,
            comment="model or live: where the reference is of",
        ),
        sa.Column("measured", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("worker", "language", "source", "statistic"),
    )


def downgrade() -> None:
    op.drop_table("model_drift")
    op.drop_index("shadow_scores_by_time", table_name="shadow_scores")
    op.drop_table("shadow_scores")
    op.drop_index("labels_by_article", table_name="labels")
    op.drop_table("labels")
