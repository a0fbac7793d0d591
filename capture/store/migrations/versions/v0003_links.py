"""Links: the session a client names, spots to link by, what a request is for and who asked it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add columns. What was linked stays linked; its conversations go on by their tails."""
    op.add_column("exchanges", sa.Column("session", sa.Text(), nullable=True))
    op.create_index(
        "ix_exchanges_session",
        "exchanges",
        ["session", "id"],
        unique=False,
        sqlite_where=sa.text("session IS NOT NULL"),
        postgresql_where=sa.text("session IS NOT NULL"),
    )
    op.add_column("turns", sa.Column("spot", sa.LargeBinary(length=16), nullable=True))
    op.add_column("turns", sa.Column("purpose", sa.String(length=16), nullable=True))
    op.add_column("turns", sa.Column("parent", sa.String(length=26), nullable=True))
    op.create_index(op.f("ix_turns_spot"), "turns", ["spot"], unique=False)
