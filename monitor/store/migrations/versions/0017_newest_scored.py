"""By what time, of whichever clock, all counted articles had been scored."""

import sqlalchemy as sa
from alembic import op

from monitor.store.schema import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column(
        "offsets",
        sa.Column(
            "newest_scored",
            UtcDateTime(),
            nullable=True,
            comment=(
                "the latest time, by any clock, at which what was counted was scored or corrected"
            ),
        ),
    )


def downgrade() -> None:
    op.drop_column("offsets", "newest_scored")
