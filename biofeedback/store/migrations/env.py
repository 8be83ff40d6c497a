"""Run by Alembic: carries the migrations out on the connection that it is given."""

from __future__ import annotations

from alembic import context

from biofeedback.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
