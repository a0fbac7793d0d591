"""Run by Alembic: migrates the connection that `capture.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from capture.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
