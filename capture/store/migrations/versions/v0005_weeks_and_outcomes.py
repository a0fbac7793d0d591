"""Finished weeks are counted once, by tokens too; what outcomes were is kept; bodies pack."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

REAL: sa.Double[float] = sa.Double()
WEEKS = ["began_at", "id", "status", "mode", "adapter", "http_status"]


def upgrade() -> None:
    """Add the tables, and the index anew."""
    op.create_table(
        "week_counts",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_week_counts")),
    )
    op.create_table(
        "superseded",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.Column("until", REAL, nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("confidence", REAL, nullable=False),
        sa.Column("since", REAL, nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", "until", name=op.f("pk_superseded")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "packing_position",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("after", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_packing_position")),
    )
    op.add_column("bodies", sa.Column("reference", sa.String(length=26), nullable=True))
    op.create_index(
        "ix_bodies_reference",
        "bodies",
        ["reference"],
        unique=False,
        sqlite_where=sa.text("reference IS NOT NULL"),
        postgresql_where=sa.text("reference IS NOT NULL"),
    )
    op.drop_index("ix_exchanges_weeks", table_name="exchanges")
    op.create_index(
        "ix_exchanges_weeks", "exchanges", [*WEEKS, "input_tokens", "output_tokens"], unique=False
    )
