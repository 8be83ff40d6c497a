"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make them."""
    _clients()
    _shelf()
    _sessions()
    _facts()
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(32), nullable=False),
        sa.Column("state", sa.String(64)),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )
    op.create_index("audit_subject", "audit", ["kind", "subject"])


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String(32), primary_key=True)


def _salt() -> sa.Column[str]:
    return sa.Column("salt", sa.String(32), nullable=False)


def _digest() -> sa.Column[str]:
    return sa.Column("digest", sa.String(64), nullable=False)


def _clients() -> None:
    op.create_table(
        "clients",
        _id(),
        sa.Column("code", sa.String(32), nullable=False, unique=True),
        sa.Column("created_at", sa.String(40), nullable=False),
        sa.Column("preferences", sa.Text, nullable=False),
        sa.Column("volume_db", sa.Float),
        sa.Column("cautions", sa.Text, nullable=False),
        sa.Column("goals", sa.Text, nullable=False),
        _salt(),
        _digest(),
    )
    op.create_table(
        "consents",
        _id(),
        sa.Column("client_id", sa.String(32), sa.ForeignKey("clients.id"), nullable=False, index=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("given_at", sa.String(40), nullable=False),
        sa.Column("withdrawn", sa.Text, nullable=False),
        sa.Column("keep_days", sa.Integer),
        _salt(),
        _digest(),
    )
    op.create_table(
        "retention",
        _id(),
        sa.Column("client_id", sa.String(32), sa.ForeignKey("clients.id"), unique=True),
        sa.Column("days", sa.Integer, nullable=False),
        _salt(),
        _digest(),
    )


def _shelf() -> None:
    op.create_table(
        "protocols",
        _id(),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("saved_at", sa.String(40), nullable=False),
        sa.Column("used_at", sa.String(40)),
        _digest(),
        sa.UniqueConstraint("name", "version"),
    )
    op.create_table(
        "setups",
        _id(),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("saved_at", sa.String(40), nullable=False),
        _digest(),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _id(),
        sa.Column("client_id", sa.String(32), sa.ForeignKey("clients.id"), index=True),
        sa.Column("protocol_row", sa.String(32), sa.ForeignKey("protocols.id")),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("location", sa.Text),
        sa.Column("begun_at", sa.String(40), nullable=False, index=True),
        sa.Column("started", sa.String(40)),
        sa.Column("duration_s", sa.Float),
        sa.Column("reason", sa.Text),
        sa.Column("protocol", sa.String(64)),
        sa.Column("protocol_version", sa.Integer),
        sa.Column("protocol_title", sa.Text),
        sa.Column("protocol_sha256", sa.String(64)),
        sa.Column("arm", sa.String(32)),
        sa.Column("seed", sa.Integer),
        sa.Column("clock", sa.String(16)),
        sa.Column("inputs", sa.Text),
        sa.Column("software", sa.String(64)),
        sa.Column("complete", sa.Integer),
        sa.Column("bytes", sa.Integer),
        sa.Column("meta_sha256", sa.String(64)),
        sa.Column("words", sa.Text),
        sa.Column("deleted_at", sa.String(40)),
        sa.Column("deleted_why", sa.String(32)),
        _salt(),
        _digest(),
    )


def _facts() -> None:
    tables: dict[str, list[sa.Column[str] | sa.Column[float] | sa.Column[int]]] = {
        "phases": [
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("kind", sa.String(32), nullable=False),
            sa.Column("begin_s", sa.Float, nullable=False),
            sa.Column("end_s", sa.Float, nullable=False),
        ],
        "events": [
            sa.Column("t_s", sa.Float, nullable=False),
            sa.Column("type", sa.Text, nullable=False),
            sa.Column("text", sa.Text),
            sa.Column("data", sa.Text, nullable=False),
        ],
        "ratings": [
            sa.Column("t_s", sa.Float, nullable=False),
            sa.Column("scale", sa.Text, nullable=False),
            sa.Column("value", sa.Float),
            sa.Column("data", sa.Text, nullable=False),
        ],
        "commands": [
            sa.Column("t_s", sa.Float, nullable=False),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("origin", sa.Text),
            sa.Column("accepted", sa.Integer),
            sa.Column("answer", sa.Text),
            sa.Column("args", sa.Text, nullable=False),
        ],
        "notes": [
            sa.Column("t_s", sa.Float),
            sa.Column("text", sa.Text, nullable=False),
            sa.Column("written_at", sa.String(40)),
        ],
        "adverse_events": [
            sa.Column("t_s", sa.Float),
            sa.Column("severity", sa.String(16), nullable=False),
            sa.Column("text", sa.Text, nullable=False),
            sa.Column("written_at", sa.String(40)),
        ],
    }
    for name, columns in tables.items():
        op.create_table(
            name,
            sa.Column("session_id", sa.String(32), sa.ForeignKey("sessions.id"), primary_key=True),
            sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
            *columns,
            _digest(),
        )
