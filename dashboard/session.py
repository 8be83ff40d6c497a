"""The page *Session*: step by step to the start, the live screen, and the end.

What step comes is asked of the engine on every run, so that a refresh, another window or a new browser
shows the session where it stands.
"""

from __future__ import annotations

import streamlit as st

from biofeedback.client import SessionView, State
from dashboard import choosing, closing, sounding
from dashboard.care import care
from dashboard.engine import RUNNING, await_another_stage, engine, tell
from dashboard.style import live_screen, steps
from dashboard.texts import say

STEPS = ("choose", "care", "sensors", "sound")
PREPARED = ("prepared", "checking", "sound check", "ready")
LOOK_S = 1.0
SENSORS_PX = 370
LOOK_PREPARING_S = 0.5


def page() -> None:
    """Show the step that the engine's stage asks for."""
    state = engine().state()
    stage = state.engine.stage
    if stage in RUNNING:
        live_screen()
        await_another_stage(state, LOOK_S)
    elif stage == "closed":
        closing.show(state)
    elif stage in PREPARED and state.session is not None:
        _prepare(state, state.session)
    else:
        _begin(state)


def _begin(state: State) -> None:
    st.title(say("session.title"))
    _steps(0)
    for name in ("step", "confirmed"):
        st.session_state.pop(name, None)
    if state.engine.stage == "preparing":
        st.info(say("session.opening"))
        if st.button(say("session.leave")):
            tell("close")
            st.rerun()
        await_another_stage(state, LOOK_PREPARING_S)
        return
    if state.engine.trouble:
        st.error(say("session.trouble", why=state.engine.trouble))
    choosing.show()


def _prepare(state: State, session: SessionView) -> None:
    """Show what comes between the open sensors and the start."""
    step = st.session_state.get("step", 1)
    client = session.client or say("bar.nobody")
    st.title(say("session.of", client=client, protocol=session.protocol.title))
    _steps(step)
    if step == 1:
        done = care(session)
    elif step == 2:
        done = _sensors()
    else:
        done = sounding.show(state)
    back, leave, _, forward = st.columns([1, 1, 2, 1.4])
    if step > 1 and back.button(say("session.back"), width="stretch"):
        _go(step - 1)
    if leave.button(say("session.leave"), width="stretch"):
        tell("close")
        st.rerun()
    if step < len(STEPS) - 1:
        if forward.button(say("session.next"), type="primary", disabled=not done, width="stretch"):
            _go(step + 1)
    elif forward.button(say("session.start"), type="primary", disabled=not done, width="stretch"):
        _start()
    await_another_stage(state, LOOK_S)


def _sensors() -> bool:
    st.write(say("sensors.intro"))
    st.iframe("/ui/live.html?view=check", height=SENSORS_PX)
    if st.button(say("sensors.again")):
        tell("check sensors")
    return True


def _start() -> None:
    confirmed = st.session_state.get("confirmed", False)
    if not confirmed:
        st.warning(say("care.anew"))
        _go(1)
    if tell("start", cautions_confirmed=True, consent_confirmed=True):
        engine().wait_for("running", "closed", "idle", timeout_s=10.0)
        st.rerun()


def _go(step: int) -> None:
    st.session_state["step"] = step
    st.rerun()


def _steps(current: int) -> None:
    steps([say(f"step.{name}") for name in STEPS], current)
