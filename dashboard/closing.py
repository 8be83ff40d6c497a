"""After the end: what was recorded, what is still to be written down, and the way to the report."""

from __future__ import annotations

import streamlit as st

from biofeedback.client import EngineError, State
from dashboard.engine import engine, tell
from dashboard.texts import say


def show(state: State) -> None:
    """Show what there is to do once a session is over."""
    session = state.session
    if session is None or session.recording is None:
        st.warning(say("closing.nothing"))
        _put_away()
        return
    st.title(say("closing.title", client=session.client or say("bar.nobody")))
    if state.engine.trouble:
        st.error(say("closing.trouble", why=state.engine.trouble))
    else:
        st.success(say("closing.kept", reason=session.end_reason))
    elapsed_s = 0.0 if session.snapshot is None else session.snapshot.elapsed_s
    minutes, seconds = divmod(round(elapsed_s), 60)
    columns = st.columns(3)
    columns[0].metric(say("closing.protocol"), session.protocol.title)
    columns[1].metric(say("closing.length"), f"{minutes}:{seconds:02d}")
    columns[2].metric(say("closing.recording"), f"{session.recording.bytes / 1e6:.1f} MB")
    identity = session.recording.session_id
    note = st.text_area(say("closing.note"), key=f"note:{identity}", help=say("closing.note.help"))
    if st.button(say("closing.note.save"), disabled=not note.strip()):
        try:
            engine().add_note(identity, note.strip())
            st.success(say("closing.note.saved"))
        except EngineError as error:
            st.error(str(error))
    st.divider()
    report, away, _ = st.columns([1, 1, 1])
    if report.button(say("closing.report"), type="primary", width="stretch"):
        tell("close")
        st.session_state["chosen"] = identity
        st.switch_page(st.session_state["pages"]["sessions"])
    with away:
        _put_away()


def _put_away() -> None:
    if st.button(say("closing.away"), width="stretch"):
        tell("close")
        st.rerun()
