"""Feedback: what people said of exchanges and conversations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

REAL: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Add the table; it is filled from the journal."""
    op.create_table(
        "feedback",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("exchange_id", sa.String(length=26), nullable=True),
        sa.Column("conversation", sa.String(length=26), nullable=True),
        sa.Column("at", REAL, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=8), nullable=False),
        sa.Column("value", REAL, nullable=True),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("demonstration", sa.Text(), nullable=True),
        sa.Column("idempotency_key", sa.Text(), nullable=True),
        sa.Column("counted_for", sa.String(length=26), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
        sa.UniqueConstraint("key", "idempotency_key", name=op.f("uq_feedback_key_idempotency_key")),
    )
    op.create_index(op.f("ix_feedback_counted_for"), "feedback", ["counted_for"], unique=False)
    op.create_index(
        "ix_feedback_waiting",
        "feedback",
        ["id"],
        unique=False,
        sqlite_where=sa.text("counted_for IS NULL"),
        postgresql_where=sa.text("counted_for IS NULL"),
    )
