"""The page *Session*: step by step to the start, the live screen, and the end.

The step follows from the engine's stage on every run, so that a refresh, another window or a new browser
shows the session as it is.
"""

from __future__ import annotations

import streamlit as st

from biofeedback.client import EngineError, SessionView, State
from dashboard.components import LOWEST_DB, live_screen, steps
from dashboard.engine import RUNNING, engine, rerun_on_stage_change, tell
from dashboard.pages import post_session, setup_step
from dashboard.texts import text

STEPS = ("choose", "care", "sensors", "sound")
PREPARED = ("prepared", "checking", "sound check", "ready")
LOOK_S = 1.0
SENSORS_PX = 370
LOOK_PREPARING_S = 0.5
LOOK_SOUNDING_S = 0.5


def page() -> None:
    """Show the step that the engine's stage asks for."""
    state = engine().state()
    stage = state.engine.stage
    if stage in RUNNING:
        live_screen()
        rerun_on_stage_change(state, LOOK_S)
    elif stage == "closed":
        post_session.show(state)
    elif stage in PREPARED and state.session is not None:
        _prepare(state, state.session)
    else:
        _begin(state)


def _begin(state: State) -> None:
    st.title(text("session.title"))
    steps(STEPS, 0)
    for name in ("step", "confirmed"):
        st.session_state.pop(name, None)
    if state.engine.stage == "preparing":
        _opening()
        if st.button(text("session.leave")):
            tell("close")
            st.rerun()
        rerun_on_stage_change(state, LOOK_PREPARING_S)
        return
    if state.engine.trouble:
        st.error(text("session.trouble", why=state.engine.trouble))
    setup_step.show()


def _opening() -> None:
    """Show what the session waits for: its instruments, which are rendered once, or its sensors."""

    @st.fragment(run_every=LOOK_PREPARING_S)
    def show_progress() -> None:
        try:
            share = engine().state().engine.samples.share
        except EngineError:
            return
        if share is None:
            st.info(text("session.opening"))
        else:
            st.progress(share, text("session.instruments", percent=f"{100 * share:.0f}"))
            st.caption(text("session.instruments.about"))

    show_progress()


def _prepare(state: State, session: SessionView) -> None:
    """Show the steps between the opening of the sensors and the start."""
    step = st.session_state.get("step", 1)
    client = session.client or text("bar.nobody")
    st.title(text("session.of", client=client, protocol=session.protocol.title))
    steps(STEPS, step)
    if step == 1:
        done = _cautions_and_consent(session)
    elif step == 2:
        done = _sensors()
    else:
        if state.engine.samples.palette_fault:
            st.warning(state.engine.samples.palette_fault)
        if state.engine.samples.not_kept:
            st.warning(text("sound.late", why=state.engine.samples.not_kept))
        done = _sound_check(session, confirmed=state.engine.stage == "ready")
    back, leave, _, forward = st.columns([1, 1, 2, 1.4])
    if step > 1 and back.button(text("session.back"), width="stretch"):
        _go(step - 1)
    if leave.button(text("session.leave"), width="stretch"):
        tell("close")
        st.rerun()
    if step < len(STEPS) - 1:
        if forward.button(text("session.next"), type="primary", disabled=not done, width="stretch"):
            _go(step + 1)
    elif forward.button(text("session.start"), type="primary", disabled=not done, width="stretch"):
        _start()
    rerun_on_stage_change(state, LOOK_S)


def _cautions_and_consent(session: SessionView) -> bool:
    """Show cautions and consent; return whether all of it was confirmed."""
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        st.header(text("care.cautions"), anchor=False)
        st.write(text("care.cautions.intro"))
        general = session.protocol.cautions
        for caution in session.cautions[len(general) :]:
            st.warning(caution, icon=":material/warning:")
        st.markdown("\n".join(f"{index}. {caution}" for index, caution in enumerate(general, 1)))
        asked = st.checkbox(text("care.cautions.confirm"), key=_tick_key(session, "cautions"))
    with right:
        st.header(text("care.consent"), anchor=False)
        if session.client is None:
            st.write(text("care.consent.nobody"))
        else:
            st.write(text("care.consent.intro", client=session.client))
        agreed = st.checkbox(text("care.consent.confirm"), key=_tick_key(session, "consent"))
        st.info(text("care.purpose"))
    st.session_state["confirmed"] = asked and agreed
    return asked and agreed


def _tick_key(session: SessionView, what: str) -> str:
    """Tie a tick to the client and protocol that it was set for."""
    return f"{what}:{session.client}:{session.protocol.sha256}"


def _sensors() -> bool:
    st.write(text("sensors.intro"))
    st.iframe("/ui/live.html?view=check", height=SENSORS_PX)
    if st.button(text("sensors.again")):
        tell("check sensors")
    return True


def _sound_check(session: SessionView, *, confirmed: bool) -> bool:
    """Show the sound check; return whether the session may start: it was confirmed, or nobody hears it."""
    st.write(text("sound.intro"))
    silent = session.audio is None or session.audio.kind == "paced"
    if session.audio is not None:
        if not silent:
            st.info(f"{text('sound.where', name=session.audio.name)} {session.audio.why}")
        elif session.audio.why:
            st.error(text("sound.nowhere", why=session.audio.why))
        else:
            st.warning(text("sound.off"))
    left, right = st.columns(2, gap="large")
    with left:
        _playing(session.sound_check is not None)
    with right:
        volume = st.slider(
            text("sound.volume"), LOWEST_DB, 0, int(session.comfort_db or 0), format="%d dB", key="comfort"
        )
        if session.sound_check is not None:
            tell("volume", db=float(volume))
        if st.button(text("sound.confirm"), type="secondary", width="stretch"):
            tell("confirm comfort", volume_db=float(volume))
            st.rerun()
    st.caption(text("sound.listener.about"))
    window, guided, _ = st.columns([1, 1, 1])
    window.link_button(text("sound.listener"), "/listener", width="stretch")
    guided.link_button(text("sound.listener.guided"), "/listener?guide", width="stretch")
    if confirmed:
        st.success(text("sound.confirmed", db=f"{session.comfort_db or 0.0:g}".replace("-", "−")))
    elif not silent:
        st.caption(text("sound.not-yet"))
    return confirmed or silent


def _playing(playing: bool) -> None:
    """Show the button of the sound check, and its progress while it plays."""

    @st.fragment(run_every=LOOK_SOUNDING_S if playing else None)
    def show_progress() -> None:
        try:
            session = engine().state().session
        except EngineError:
            return
        progress = None if session is None else session.sound_check
        if playing and progress is None:
            st.rerun()
        st.progress(progress or 0.0, text("sound.playing") if playing else text("sound.ten"))
        if st.button(text("sound.play"), width="stretch", disabled=playing):
            tell("sound check", level_db=0.0)
            st.rerun()

    show_progress()


def _start() -> None:
    confirmed = st.session_state.get("confirmed", False)
    if not confirmed:
        st.warning(text("care.anew"))
        _go(1)
    if tell("start", cautions_confirmed=True, consent_confirmed=True):
        engine().wait_for("running", "closed", "idle", timeout_s=10.0)
        st.rerun()


def _go(step: int) -> None:
    st.session_state["step"] = step
    st.rerun()
