"""Which bus a consumer group's offsets are of."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "buses",
        sa.Column("consumer_group", sa.String(length=100), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("consumer_group"),
    )


def downgrade() -> None:
    op.drop_table("buses")
