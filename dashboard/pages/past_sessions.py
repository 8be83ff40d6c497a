"""The page *Past sessions*: find a session, read its report, download its files, add a note."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any
from urllib.parse import quote

import streamlit as st

from biofeedback.client import EngineClient
from dashboard.components import length_text, moment_text
from dashboard.engine import answered, engine
from dashboard.texts import text

REPORT_PX = 1400


def page() -> None:
    """Show the list, or the session that is chosen."""
    client = engine()
    chosen = st.session_state.get("chosen")
    if chosen is None:
        _list(client)
    else:
        _one(client, chosen)


def _list(client: EngineClient) -> None:
    st.title(text("nav.sessions"))
    left, right = st.columns([2, 1])
    search = left.text_input(text("sessions.search"), key="sessions-search")
    codes = [each.code for each in client.clients()]
    code = right.selectbox(
        text("sessions.of"), [None, *codes], format_func=lambda code: code or text("sessions.all")
    )
    chosen = sessions_table(client.sessions(search=search.strip(), client=code or ""), key="sessions")
    if chosen is not None:
        st.session_state["chosen"] = chosen
        st.rerun()


def _one(client: EngineClient, identity: str) -> None:
    detail = answered(lambda: client.session(identity))
    if detail is None:
        st.session_state.pop("chosen", None)
        return
    entry = detail.entry
    if st.button(text("review.back"), icon=":material/arrow_back:"):
        st.session_state.pop("chosen", None)
        st.rerun()
    st.title(
        text("review.title", client=entry.client or text("bar.nobody"), protocol=entry.protocol_title or "–")
    )
    st.caption(
        text(
            "review.about",
            begun=moment_text(entry.started or entry.begun_at),
            reason=entry.reason or "–",
        )
    )
    report, notes, files = st.tabs([text("review.report"), text("review.notes"), text("review.files")])
    with report:
        st.iframe(f"/engine/sessions/{quote(identity)}/report", height=REPORT_PX)
    with notes:
        _notes(client, identity, detail)
    with files:
        _files(identity, detail)


def _notes(client: EngineClient, identity: str, detail: Any) -> None:
    for event in detail.adverse_events:
        st.error(
            f"**{text(f'adverse.{event.severity}')}** {event.text} · {_when(event)}",
            icon=":material/warning:",
        )
    for note in detail.notes:
        st.info(f"{note.text} · {_when(note)}")
    for rating in detail.ratings:
        value = text("rating.none") if rating.value is None else f"{rating.value:g}"
        st.markdown(text("review.rated", scale=rating.scale, value=value, when=_when(rating)))
    if not (detail.notes or detail.ratings or detail.adverse_events):
        st.caption(text("review.no-notes"))
    with st.form("note", clear_on_submit=True):
        note = st.text_area(text("closing.note"), help=text("closing.note.help"))
        saved = st.form_submit_button(text("closing.note.save"), type="primary") and note.strip()
        if saved and answered(lambda: client.add_note(identity, note.strip())) is not None:
            st.rerun()


def _when(said: Any) -> str:
    """Return when something was recorded: in the session, or later."""
    if said.written_at is not None:
        return text("review.later", when=moment_text(said.written_at))
    return text("review.in-session", time=length_text(int(said.t_s)))


def _files(identity: str, detail: Any) -> None:
    st.caption(text("review.files.intro"))
    rows = "".join(
        f'<li><a href="/engine/sessions/{quote(identity)}/files/{quote(file.name)}" download>'
        f"{escape(file.name)}</a> · {_size(file.bytes)} · {text(_about(file.name))}</li>"
        for file in detail.files
    )
    st.html(f"<ul>{rows}</ul>")


def _size(count: int) -> str:
    if count < 1_000_000:
        return text("bytes.kB", value=f"{count / 1e3:.0f}")
    return text("bytes.MB", value=f"{count / 1e6:.1f}")


def _about(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return f"file.{suffix}" if suffix in {"xdf", "json", "flac", "mid", "html"} else "file.other"


def sessions_table(entries: Sequence[Any], *, key: str) -> str | None:
    """Show sessions, newest first; return the id of the one that is chosen, None where none is."""
    if not entries:
        st.info(text("sessions.none"))
        return None
    rows = [
        {
            text("sessions.begun"): moment_text(entry.started or entry.begun_at),
            text("sessions.client"): entry.client or "–",
            text("sessions.protocol"): entry.protocol_title or entry.protocol or "–",
            text("sessions.length"): length_text(entry.duration_s),
            text("sessions.state"): text(f"session-state.{entry.state}"),
            text("sessions.ended"): entry.reason or "–",
        }
        for entry in entries
    ]
    event = st.dataframe(
        rows, hide_index=True, width="stretch", on_select="rerun", selection_mode="single-row", key=key
    )
    chosen = event.selection.rows
    return entries[chosen[0]].id if chosen else None
