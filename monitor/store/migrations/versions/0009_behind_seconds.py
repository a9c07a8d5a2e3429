"""How far behind its partition's watermark an article came."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    # A server's default, so that a role of the version before goes on inserting.
    op.add_column(
        "articles",
        sa.Column(
            "behind_seconds",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="how far behind its partition's watermark it came",
        ),
    )
    late = sa.text("behind_seconds > 3600")
    op.create_index(
        "articles_late", "articles", ["published"], postgresql_where=late, sqlite_where=late
    )


def downgrade() -> None:
    op.drop_index("articles_late", "articles")
    op.drop_column("articles", "behind_seconds")
