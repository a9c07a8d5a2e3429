"""How often models err."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "model_errors",
        sa.Column("model", sa.Text(), primary_key=True),
        sa.Column("task", sa.String(16), primary_key=True, comment="sentiment or company"),
        sa.Column("language", sa.String(16), primary_key=True),
        sa.Column("noted", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("negative", sa.Integer(), nullable=False, comment="labelled texts that are,"),
        sa.Column("found", sa.Integer(), nullable=False, comment="and were called so"),
        sa.Column("other", sa.Integer(), nullable=False, comment="labelled texts that are not,"),
        sa.Column("passed", sa.Integer(), nullable=False, comment="and were not called so"),
    )


def downgrade() -> None:
    op.drop_table("model_errors")
