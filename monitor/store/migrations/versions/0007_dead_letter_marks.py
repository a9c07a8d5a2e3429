"""What people have done with dead letters: replayed or dropped them."""

import sqlalchemy as sa
from alembic import op

from monitor.store.schema import UtcDateTime

revision = "0007"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "dead_letter_marks",
        sa.Column("letter_id", sa.String(length=32), nullable=False),
        sa.Column(
            "state",
            sa.String(length=16),
            nullable=False,
            comment="replaying, replayed or dropped",
        ),
        sa.Column("changed", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("letter_id"),
    )


def downgrade() -> None:
    op.drop_table("dead_letter_marks")
