"""How far back the store reaches, and what is kept of what was removed."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    made = op.create_table(
        "housekeeping",
        sa.Column("one", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column(
            "articles_from",
            sa.BigInteger(),
            nullable=True,
            comment="no older one is added or changed",
        ),
        sa.Column(
            "articles_emptied_until",
            sa.BigInteger(),
            nullable=True,
            comment="of older ones only what is needed is left",
        ),
        sa.Column(
            "five_minutes_from",
            sa.BigInteger(),
            nullable=False,
            comment="tallies of buckets before are of hours,",
        ),
        sa.Column(
            "hours_from", sa.BigInteger(), nullable=False, comment="and those before of days"
        ),
        sa.Column("articles_removed", sa.BigInteger(), nullable=False),
        sa.Column("alerts_removed", sa.BigInteger(), nullable=False),
        sa.Column("labels_removed", sa.BigInteger(), nullable=False),
        sa.Column("tallies_rolled_up", sa.BigInteger(), nullable=False),
    )
    never = -(2**62)
    counts = ("articles_removed", "alerts_removed", "labels_removed", "tallies_rolled_up")
    row = {"one": 1, "five_minutes_from": never, "hours_from": never, **dict.fromkeys(counts, 0)}
    op.bulk_insert(made, [row])
    op.create_table(
        "watched_days",
        sa.Column(
            "day",
            sa.BigInteger(),
            primary_key=True,
            autoincrement=False,
            comment="whose articles were removed",
        ),
        sa.Column(
            "first", sa.BigInteger(), nullable=False, comment="published of those seen in time"
        ),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("scored", sa.BigInteger(), nullable=False, comment="the first of them"),
    )
    op.create_table(
        "alert_articles",
        sa.Column("article_id", sa.String(64), primary_key=True),
        sa.Column("alert_id", sa.String(32), primary_key=True),
    )
    op.create_index("alert_articles_by_alert", "alert_articles", ["alert_id"])
    op.add_column(
        "alerts",
        sa.Column(
            "grounds",
            sa.LargeBinary(),
            nullable=True,
            comment="compressed JSON of its last step",
        ),
    )
    op.add_column(
        "alerts",
        sa.Column(
            "articles_kept",
            sa.Boolean(),
            nullable=False,
            server_default=sa.false(),
            comment="those that it needs are in alert_articles",
        ),
    )


def downgrade() -> None:
    op.drop_column("alerts", "articles_kept")
    op.drop_column("alerts", "grounds")
    op.drop_table("alert_articles")
    op.drop_table("watched_days")
    op.drop_table("housekeeping")
