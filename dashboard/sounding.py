"""The sound check: ten seconds as loud as the session will be, and what the listener says of it."""

from __future__ import annotations

import streamlit as st

from biofeedback.client import EngineError, State
from dashboard.choices import LOWEST_DB
from dashboard.engine import engine, tell
from dashboard.texts import say

LOOK_S = 0.5


def show(state: State) -> bool:
    """Show the sound check; return whether the session may start: it was confirmed, or nobody hears it."""
    session = state.session
    if session is None:
        return False
    confirmed = state.engine.stage == "ready"
    st.write(say("sound.intro"))
    silent = session.audio is None or session.audio.kind == "paced"
    if session.audio is not None:
        if not silent:
            st.info(f"{say('sound.where', name=session.audio.name)} {session.audio.why}")
        elif session.audio.why:
            st.error(say("sound.nowhere", why=session.audio.why))
        else:
            st.warning(say("sound.off"))
    left, right = st.columns(2, gap="large")
    with left:
        _playing(session.sound_check is not None)
    with right:
        volume = st.slider(
            say("sound.volume"), LOWEST_DB, 0, int(session.comfort_db or 0), format="%d dB", key="comfort"
        )
        if session.sound_check is not None:
            tell("volume", db=float(volume))
        if st.button(say("sound.confirm"), type="secondary", width="stretch"):
            tell("confirm comfort", volume_db=float(volume))
            st.rerun()
    st.caption(say("sound.listener.about"))
    window, guided, _ = st.columns([1, 1, 1])
    window.link_button(say("sound.listener"), "/listener", width="stretch")
    guided.link_button(say("sound.listener.guided"), "/listener?guide", width="stretch")
    if confirmed:
        st.success(say("sound.confirmed", db=f"{session.comfort_db or 0.0:g}".replace("-", "−")))
    elif not silent:
        st.caption(say("sound.not-yet"))
    return confirmed or silent


def _playing(playing: bool) -> None:
    """Show the button that plays, and while it sounds how far it has come."""

    @st.fragment(run_every=LOOK_S if playing else None)
    def show_progress() -> None:
        try:
            session = engine().state().session
        except EngineError:
            return
        progress = None if session is None else session.sound_check
        if playing and progress is None:
            st.rerun()
        st.progress(progress or 0.0, say("sound.playing") if playing else say("sound.ten"))
        if st.button(say("sound.play"), width="stretch", disabled=playing):
            tell("sound check", level_db=0.0)
            st.rerun()

    show_progress()
