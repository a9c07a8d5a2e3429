"""How an article reads for each company that it was asked about."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "articles",
        sa.Column(
            "companies",
            sa.Text(),
            nullable=True,
            comment="JSON object of company to probabilities in 1/10,000; null: not asked",
        ),
    )


def downgrade() -> None:
    op.drop_column("articles", "companies")
