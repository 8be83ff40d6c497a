"""A table of sessions in which one may be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard.texts import say


def sessions_table(entries: Sequence[Any], *, key: str) -> str | None:
    """Show sessions, newest first; return the id of the one that is chosen, None where none is."""
    if not entries:
        st.info(say("sessions.none"))
        return None
    rows = [
        {
            say("sessions.begun"): (entry.started or entry.begun_at)[:16].replace("T", " "),
            say("sessions.client"): entry.client or "–",
            say("sessions.protocol"): entry.protocol_title or entry.protocol or "–",
            say("sessions.length"): _length(entry.duration_s),
            say("sessions.state"): say(f"session-state.{entry.state}"),
            say("sessions.ended"): entry.reason or "–",
        }
        for entry in entries
    ]
    event = st.dataframe(
        rows, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key=key
    )
    chosen = event.selection.rows
    return entries[chosen[0]].id if chosen else None


def _length(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
