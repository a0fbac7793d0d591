"""How requests were weighed is kept, for the router to learn from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, empty: nothing was weighed before."""
    op.create_table(
        "weighings",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.Column("weighing", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_weighings")),
        sqlite_with_rowid=False,
    )
