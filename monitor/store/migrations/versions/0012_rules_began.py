"""Where a rule that joined an old store began to read."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column(
        "detector_progress",
        sa.Column(
            "began",
            sa.BigInteger(),
            nullable=True,
            comment="start of the first bucket read; null: with the watch",
        ),
    )


def downgrade() -> None:
    op.drop_column("detector_progress", "began")
