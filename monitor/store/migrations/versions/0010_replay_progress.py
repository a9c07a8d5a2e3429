"""Up to when a replay has been sent."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "replay_progress",
        sa.Column(
            "replay",
            sa.String(64),
            primary_key=True,
            comment="digest of what is replayed to where",
        ),
        sa.Column("through", sa.BigInteger(), nullable=False, comment="all before is on the bus"),
    )


def downgrade() -> None:
    op.drop_table("replay_progress")
