"""Finished weeks are counted once: their counts are kept, and what they are counted from has
tokens too."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

WEEKS = ["began_at", "id", "status", "mode", "adapter", "http_status"]


def upgrade() -> None:
    """Add the table, which is filled week by week, and the index anew."""
    op.create_table(
        "week_counts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_week_counts")),
    )
    op.drop_index("ix_exchanges_weeks", table_name="exchanges")
    op.create_index(
        "ix_exchanges_weeks", "exchanges", [*WEEKS, "input_tokens", "output_tokens"], unique=False
    )
