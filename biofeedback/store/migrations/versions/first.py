"""The tables of the first version.

A new store gets the present tables at once (`biofeedback.store.database`); migrations change the tables of
earlier ones.
"""

from __future__ import annotations

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Do nothing: every store that has a revision has these tables."""
