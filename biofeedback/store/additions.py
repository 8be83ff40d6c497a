"""What is written down about a session once its recording is closed: notes, adverse events, ratings.

A closed recording is never changed. What is added stands in the store with the moment at which it was
written, goes into the audit, and stays when the session is taken in again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from biofeedback.errors import UsageError
from biofeedback.store.digests import canonical
from biofeedback.store.records import Severity
from biofeedback.store.sessions import SessionBook, words_of
from biofeedback.store.tables import ADVERSE_EVENTS, NOTES, RATINGS, SESSIONS
from protocols.scales import SCALES

WRITTEN_FROM = 1_000_000
"""Numbers of what is added: far from those of what is in the recording, which taking it in writes anew."""


class Additions(SessionBook):
    """The part of the store that knows what was written down afterwards."""

    def add_note(self, session_id: str, text: str) -> None:
        """Write a note on a session, afterwards.

        Raises
        ------
        UsageError
            If there is no such session, or the note is empty.
        """
        self._write_down(session_id, NOTES, "note added", {"text": _words(text)})

    def add_adverse_event(self, session_id: str, text: str, severity: Severity) -> None:
        """Write down, afterwards, that something untoward happened in a session.

        Raises
        ------
        UsageError
            As `add_note`.
        """
        self._write_down(
            session_id, ADVERSE_EVENTS, "adverse event added", {"text": _words(text), "severity": severity}
        )

    def add_rating(self, session_id: str, scale: str, value: float | None) -> None:
        """Write down what the client said of their state once the recording was closed.

        Parameters
        ----------
        session_id : str
            As in `session`.
        scale : str
            One of `protocols.scales.SCALES`.
        value : float or None
            On it; None where the client did not want to say.

        Raises
        ------
        UsageError
            If there is no such session or scale, or the value does not lie on the scale.
        """
        if (known := SCALES.get(scale)) is None:
            raise UsageError(f"there is no scale {scale!r}; there are {', '.join(SCALES)}")
        if value is not None and not known.low <= value <= known.high:
            raise UsageError(f"{scale} is {value:g}; it must lie between {known.low} and {known.high}")
        begun = datetime.fromisoformat(self.session(session_id).begun_at)
        t_s = round(max(0.0, (self._now().astimezone(UTC) - begun).total_seconds()), 3)
        data = canonical({"scale": scale, "value": value, "at": "afterwards"})
        self._write_down(
            session_id, RATINGS, "rating added", {"t_s": t_s, "scale": scale, "value": value, "data": data}
        )

    def _write_down(self, session_id: str, table: sa.Table, action: str, values: Mapping[str, Any]) -> None:
        session = self.session(session_id)
        if session.state in {"deleting", "deleted"}:
            raise UsageError(f"session {session_id} was deleted")
        newest = sa.select(sa.func.max(table.c.number)).where(table.c.session_id == session.id)
        with self._writing() as entry:
            last = entry.connection.scalar(newest)
            number = max(-1 if last is None else last, WRITTEN_FROM - 1) + 1
            row = {"session_id": session.id, "number": number, "written_at": entry.at, **values}
            entry.insert_all(table, [row])
            entry.update(SESSIONS, session.id, {"words": words_of(entry.connection, session.id)})
            entry.log(action, "session", session.id)


def _words(text: str) -> str:
    if not text.strip():
        raise UsageError("a note needs words")
    return text
