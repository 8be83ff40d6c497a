"""Ratings that are written down after the session."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let a rating say when it was written down."""
    op.add_column("ratings", sa.Column("written_at", sa.String(40)))
