"""Which holder of a partition may write: the number of times that it was taken."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    # A server's default, so that a role of the version before goes on inserting.
    op.add_column(
        "offsets",
        sa.Column(
            "epoch",
            sa.BigInteger(),
            nullable=False,
            server_default="0",
            comment="how often the partition was taken; only who took it last may write",
        ),
    )


def downgrade() -> None:
    op.drop_column("offsets", "epoch")
