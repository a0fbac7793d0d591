"""Feedback says whether its exchange may train."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what was said before said nothing of that."""
    op.add_column("feedback", sa.Column("train", sa.Boolean(), nullable=True))
