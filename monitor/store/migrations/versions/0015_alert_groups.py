"""Alerts that tell of one event are a group; those that are open, of a key, or fired last are found
without a look at the others."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column(
        "alerts",
        sa.Column(
            "group_id",
            sa.String(32),
            nullable=True,
            comment="first alert of those that tell of one event; null: of earlier versions",
        ),
    )
    op.create_index("alerts_by_group", "alerts", ["group_id"])
    op.create_index("alerts_by_fired", "alerts", ["fired"])
    op.create_index("alerts_by_key", "alerts", ["dimension", "key", "started"])
    op.create_index("alerts_by_state", "alerts", ["state", "started"])
    op.create_index("outbox_by_alert", "outbox", ["alert_id"])


def downgrade() -> None:
    op.drop_index("outbox_by_alert", "outbox")
    op.drop_index("alerts_by_state", "alerts")
    op.drop_index("alerts_by_key", "alerts")
    op.drop_index("alerts_by_fired", "alerts")
    op.drop_index("alerts_by_group", "alerts")
    op.drop_column("alerts", "group_id")
