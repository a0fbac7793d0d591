"""What vetting found of exchanges is kept; who was begun on whose behalf is found by index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, empty: the first pass finds that it has no rules, and begins."""
    op.create_table(
        "to_vet",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_to_vet")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vetted",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.Column("outside", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("asked", sa.LargeBinary(length=16), nullable=True),
        sa.Column("brought", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", name=op.f("pk_vetted")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "given",
        sa.Column("exchange_id", sa.String(length=26), nullable=False),
        sa.Column("key", sa.LargeBinary(length=16), nullable=False),
        sa.Column("conversation", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("exchange_id", "key", name=op.f("pk_given")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_given_conversation", "given", ["conversation", "key"], unique=False)
    op.create_table(
        "carried",
        sa.Column("conversation", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.String(length=26), nullable=False),
        sa.PrimaryKeyConstraint("conversation", "position", name=op.f("pk_carried")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "vetting_rules",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rules", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vetting_rules")),
    )
    op.create_index(
        "ix_turns_parent",
        "turns",
        ["parent"],
        unique=False,
        sqlite_where=sa.text("parent IS NOT NULL"),
        postgresql_where=sa.text("parent IS NOT NULL"),
    )
