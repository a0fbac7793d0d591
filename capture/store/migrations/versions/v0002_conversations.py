"""Conversations: skill and adapter of exchanges, turns that link them, and what came of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

REAL: sa.Double[float] = sa.Double()


def upgrade() -> None:
    """Add columns and tables; exchanges that are here already are linked by the next ingester."""
    op.add_column("exchanges", sa.Column("skill", sa.Text(), nullable=True))
    op.add_column("exchanges", sa.Column("adapter", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("adapter", sa.Text(), nullable=True))
    weeks = ["began_at", "id", "status", "mode", "adapter", "http_status"]
    op.create_index(op.f("ix_exchanges_weeks"), "exchanges", weeks, unique=False)
    op.create_index(op.f("ix_tool_calls_call_id"), "tool_calls", ["call_id"], unique=False)
    op.create_table(
        "turns",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.Column("conversation", sa.String(length=26), nullable=False),
        sa.Column("continues", sa.String(length=26), nullable=True),
        sa.Column("tail", sa.LargeBinary(length=16), nullable=True),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_turns")),
        sqlite_with_rowid=False,
    )
    for column in ("conversation", "tail"):
        op.create_index(op.f(f"ix_turns_{column}"), "turns", [column], unique=False)
    op.create_index(
        "ix_turns_continues",
        "turns",
        ["continues"],
        unique=False,
        sqlite_where=sa.text("continues IS NOT NULL"),
        postgresql_where=sa.text("continues IS NOT NULL"),
    )
    op.create_table(
        "outcomes",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("confidence", REAL, nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("corrected", sa.Boolean(), nullable=False),
        sa.Column("at", REAL, nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_outcomes")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "skill_tallies",
        sa.Column("skill", sa.Text(), nullable=False),
        sa.Column("upstream", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Text(), nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("successes", REAL, nullable=False),
        sa.Column("failures", REAL, nullable=False),
        sa.PrimaryKeyConstraint(
            "skill", "upstream", "model", "adapter", "day", name=op.f("pk_skill_tallies")
        ),
        sqlite_with_rowid=False,
    )
