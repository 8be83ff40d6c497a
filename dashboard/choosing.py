"""The first step of a session: for whom, by which protocol, with which sensors."""

from __future__ import annotations

from typing import Any

import streamlit as st

from biofeedback.client import EngineClient
from dashboard import arc
from dashboard.choices import NEEDED, VIRTUAL, palette_name
from dashboard.engine import engine, tell
from dashboard.texts import say

OWN = "own"
TRY = "try"
SENSORS = ("lsl", "serial", "bluetooth")


def show() -> None:
    """Show the choices, and prepare the session once they are made."""
    client = engine()
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        who = _client(client)
        sensors = _sensors(client)
        audio = st.radio(
            say("choose.audio"),
            ["auto", "none"],
            format_func=lambda name: say(f"audio.{name}"),
            horizontal=True,
        )
    with right:
        protocol = _protocol(client)
    if left.button(say("choose.prepare"), type="primary", disabled=sensors is None, width="stretch"):
        order: dict[str, Any] = {"protocol": protocol, "audio": audio, **(sensors or {})}
        if who is not None:
            order |= {"client": who.code, "preferences": who.preferences.model_dump()}
        if tell("prepare", **order):
            st.rerun()


def _client(client: EngineClient) -> Any:
    known = {each.code: each for each in client.clients()}
    code = st.selectbox(
        say("choose.client"),
        [*known, None],
        format_func=lambda code: code or say("bar.nobody"),
        key="choose-client",
    )
    if code is None:
        st.caption(say("choose.nobody"))
        return None
    who = known[code]
    facts = [say("choose.palette", palette=palette_name(who.preferences.palette))]
    if who.goals:
        facts.append(say("choose.goals", goals="; ".join(who.goals)))
    st.caption(" · ".join(facts))
    for caution in who.cautions:
        st.warning(caution, icon=":material/warning:")
    if who.consent is None or not set(NEEDED) <= set(who.consent.scopes):
        st.info(say("choose.no-consent"))
    return who


def _protocol(client: EngineClient) -> str | None:
    known: dict[str, Any] = {}
    for each in client.protocols():
        known.setdefault(each.name, each)  # the newest version comes first
    name = st.selectbox(
        say("choose.protocol"),
        list(known),
        format_func=lambda name: f"{known[name].title} ({name})",
        key="choose-protocol",
    )
    entry = known[name]
    st.caption(
        say(
            "choose.about",
            minutes=f"{entry.duration_s / 60:.0f}",
            arm=say(f"arm.{entry.arm}"),
            version=entry.version,
        )
    )
    arc.show(client.protocol_text(name, entry.version), key="arc", whole=True)
    return name


def _sensors(client: EngineClient) -> dict[str, Any] | None:
    known = {each.name: each for each in client.setups()}
    which = st.selectbox(
        say("choose.sensors"),
        [*known, TRY, OWN],
        format_func=lambda name: known[name].title if name in known else say(f"choose.sensors.{name}"),
        key="choose-sensors",
    )
    if which == TRY:
        st.caption(say("choose.try"))
        return {"inputs": [VIRTUAL]}
    if which in known:
        if known[which].note:
            st.caption(known[which].note)
        return {"setup": which}
    if st.button(say("choose.look"), help=say("choose.look.help")):
        with st.spinner(say("choose.looking")):
            st.session_state["choose-found"] = client.sources()
    for source in st.session_state.get("choose-found", ()):
        if source.group in SENSORS:
            st.markdown(f"`{source.spec}` {source.words}")
    text = st.text_area(say("choose.inputs"), key="choose-inputs", help=say("choose.inputs.help"))
    inputs = [line.strip() for line in text.splitlines() if line.strip()]
    name = st.text_input(say("choose.keep"), placeholder="room-1", key="choose-keep")
    if inputs and name and st.button(say("choose.keep.do")):
        client.save_setup(name, say("choose.keep.title", name=name), inputs)
        st.rerun()
    return {"inputs": inputs} if inputs else None
