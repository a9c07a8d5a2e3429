"""The watched themes that an article names."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
TABLES = ("articles", "article_versions", "rescores")


def upgrade() -> None:
    for table in TABLES:
        # A server's default, so that a role of the version before goes on inserting.
        op.add_column(
            table,
            sa.Column(
                "themes",
                sa.Text(),
                nullable=False,
                server_default="[]",
                comment="JSON array of watched countries, commodities, markets",
            ),
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "themes")
