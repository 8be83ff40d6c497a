"""The sound check: ten seconds as loud as the session will be, and what the listener says of it."""

from __future__ import annotations

import streamlit as st

from biofeedback.client import SessionView
from dashboard.engine import tell
from dashboard.texts import say

LOWEST_DB = -40


def show(session: SessionView) -> bool:
    """Show the sound check; return whether a session may start without it: where nobody hears it."""
    st.write(say("sound.intro"))
    silent = session.audio is None or session.audio.kind == "paced"
    if session.audio is not None:
        where = say("sound.nowhere") if silent else say("sound.where", name=session.audio.name)
        (st.warning if silent else st.info)(f"{where} {session.audio.why}")
    left, right = st.columns(2, gap="large")
    with left:
        if session.sound_check is not None:
            st.progress(session.sound_check, say("sound.playing"))
        if st.button(say("sound.play"), width="stretch", disabled=session.sound_check is not None):
            tell("sound check", level_db=0.0)
            st.rerun()
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
    if session.comfort_db is not None:
        st.success(say("sound.confirmed", db=f"{session.comfort_db:g}".replace("-", "−")))
    return silent
