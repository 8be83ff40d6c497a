"""The page *Past sessions*: find one, read its report, take its files, add a note."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import quote

import streamlit as st

from biofeedback.client import EngineClient, EngineError
from dashboard.engine import engine
from dashboard.sessions_table import sessions_table
from dashboard.texts import say

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
    st.title(say("nav.sessions"))
    left, right = st.columns([2, 1])
    search = left.text_input(say("sessions.search"), key="sessions-search")
    codes = [each.code for each in client.clients()]
    code = right.selectbox(
        say("sessions.of"), [None, *codes], format_func=lambda code: code or say("sessions.all")
    )
    chosen = sessions_table(client.sessions(search=search.strip(), client=code or ""), key="sessions")
    if chosen is not None:
        st.session_state["chosen"] = chosen
        st.rerun()


def _one(client: EngineClient, identity: str) -> None:
    try:
        detail = client.session(identity)
    except EngineError as error:
        st.error(str(error))
        st.session_state.pop("chosen", None)
        return
    entry = detail.entry
    if st.button(say("review.back"), icon=":material/arrow_back:"):
        st.session_state.pop("chosen", None)
        st.rerun()
    st.title(
        say("review.title", client=entry.client or say("bar.nobody"), protocol=entry.protocol_title or "–")
    )
    st.caption(
        say(
            "review.about",
            begun=(entry.started or entry.begun_at)[:16].replace("T", " "),
            reason=entry.reason or "–",
        )
    )
    report, notes, files = st.tabs([say("review.report"), say("review.notes"), say("review.files")])
    with report:
        st.iframe(f"/engine/sessions/{quote(identity)}/report", height=REPORT_PX)
    with notes:
        _notes(client, identity, detail)
    with files:
        _files(identity, detail)


def _notes(client: EngineClient, identity: str, detail: Any) -> None:
    for event in detail.adverse_events:
        st.error(
            f"**{say(f'adverse.{event.severity}')}** {event.text} · {_when(event)}", icon=":material/warning:"
        )
    for note in detail.notes:
        st.info(f"{note.text} · {_when(note)}")
    for rating in detail.ratings:
        value = say("rating.none") if rating.value is None else f"{rating.value:g}"
        st.markdown(say("review.rated", scale=rating.scale, value=value, when=_when(rating)))
    if not (detail.notes or detail.ratings or detail.adverse_events):
        st.caption(say("review.no-notes"))
    with st.form("note", clear_on_submit=True):
        text = st.text_area(say("closing.note"), help=say("closing.note.help"))
        if st.form_submit_button(say("closing.note.save"), type="primary") and text.strip():
            try:
                client.add_note(identity, text.strip())
            except EngineError as error:
                st.error(str(error))
            else:
                st.rerun()


def _when(said: Any) -> str:
    """Say when something was taken down: in the session, or later."""
    if said.written_at is not None:
        return say("review.later", when=said.written_at[:16].replace("T", " "))
    minutes, seconds = divmod(int(said.t_s), 60)
    return say("review.in-session", time=f"{minutes}:{seconds:02d}")


def _files(identity: str, detail: Any) -> None:
    st.caption(say("review.files.intro"))
    rows = "".join(
        f'<li><a href="/engine/sessions/{quote(identity)}/files/{quote(file.name)}" download>'
        f"{escape(file.name)}</a> · {_size(file.bytes)} · {say(_about(file.name))}</li>"
        for file in detail.files
    )
    st.html(f"<ul>{rows}</ul>")


def _size(count: int) -> str:
    if count < 1_000_000:
        return say("bytes.kB", value=f"{count / 1e3:.0f}")
    return say("bytes.MB", value=f"{count / 1e6:.1f}")


def _about(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return f"file.{suffix}" if suffix in {"xdf", "json", "flac", "mid", "html"} else "file.other"
