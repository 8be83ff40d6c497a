"""After the end: what was recorded, closing ratings, a note, and the way to the report."""

from __future__ import annotations

from typing import Any

import streamlit as st

from biofeedback.client import SessionView, State
from dashboard.components import length_text
from dashboard.engine import answered, engine, tell
from dashboard.pages import setup_step
from dashboard.texts import text


def show(state: State) -> None:
    """Show what can be done once a session is over."""
    session = state.session
    if session is None or session.recording is None:
        st.warning(text("closing.nothing"))
        _put_away()
        return
    st.title(text("closing.title", client=session.client or text("bar.nobody")))
    if state.engine.trouble:
        st.error(text("closing.trouble", why=state.engine.trouble))
    else:
        st.success(text("closing.kept", reason=session.end_reason))
    st.write(
        text(
            "closing.about",
            protocol=session.protocol.title,
            length=length_text(0.0 if session.snapshot is None else session.snapshot.elapsed_s),
            megabytes=f"{session.recording.bytes / 1e6:.1f}",
        )
    )
    identity = session.recording.session_id
    _ratings(session, identity)
    note = st.text_area(text("closing.note"), key=f"note:{identity}", help=text("closing.note.help"))
    if (
        st.button(text("closing.note.save"), disabled=not note.strip())
        and answered(lambda: engine().add_note(identity, note.strip())) is not None
    ):
        st.success(text("closing.note.saved"))
    st.divider()
    report, away, _ = st.columns([1, 1, 1])
    if report.button(text("closing.report"), type="primary", width="stretch"):
        tell("close")
        setup_step.forget()
        st.session_state["chosen"] = identity
        st.switch_page(st.session_state["pages"]["sessions"])
    with away:
        _put_away()


def _put_away() -> None:
    if st.button(text("closing.away"), width="stretch"):
        tell("close")
        setup_step.forget()
        st.rerun()


def _ratings(session: SessionView, identity: str) -> None:
    """Ask the protocol's last question on each scale, unless it was answered in the session."""
    if not session.protocol.ratings:
        return
    given = engine().session(identity).ratings
    st.subheader(text("closing.ratings"), anchor=False)
    for asked in session.protocol.ratings:
        last = next((each for each in reversed(given) if answers(each, asked)), None)
        if last is not None:
            value = text("rating.none") if last.value is None else f"{last.value:g}"
            st.markdown(text("closing.rated", question=asked.question, value=value, high=asked.high))
        else:
            _ask(identity, asked)


def answers(rating: Any, asked: Any) -> bool:
    """Return whether a rating answers what a protocol asks last on its scale."""
    told = (rating.data.get("phase"), rating.data.get("at"))
    return rating.scale == asked.scale and (rating.written_at is not None or told == (asked.phase, asked.at))


def _ask(identity: str, asked: Any) -> None:
    choices = [None, *range(asked.low, asked.high + 1)]
    question, save, none = st.columns([4, 1, 1], vertical_alignment="bottom")
    value = question.select_slider(
        text("closing.question", question=asked.question, low=asked.low_means, high=asked.high_means),
        choices,
        format_func=lambda number: "–" if number is None else str(number),
        key=f"rating:{identity}:{asked.scale}",
    )
    client = engine()
    saved = save.button(
        text("rating.save"), disabled=value is None, key=f"save:{identity}:{asked.scale}", width="stretch"
    )
    refused = none.button(text("rating.none"), key=f"none:{identity}:{asked.scale}", width="stretch")
    if (saved or refused) and answered(
        lambda: client.add_rating(identity, asked.scale, None if refused or value is None else float(value))
    ) is not None:
        st.rerun()
