"""The first step of a session: the choice of client, protocol and sensors."""

from __future__ import annotations

from typing import Any

import streamlit as st

from biofeedback.client import OPTIONS, EngineClient
from dashboard.components import VIRTUAL, palette_names, protocol_arc
from dashboard.engine import answered, engine, tell
from dashboard.texts import text

OWN = "own"
TRY = "try"
SENSORS = ("lsl", "serial", "bluetooth")
SIGNALS = ("ecg", "ppg", "rr", "eda", "rsp")
USABLE = ("lsl", "bluetooth")
"""Groups whose input specification is complete as found; a serial port needs a profile too."""

CHOICES = (
    "choose-client",
    "choose-protocol",
    "choose-sensors",
    "choose-audio",
    "choose-inputs",
    "choose-keep",
)


def keep() -> None:
    """Keep the choices while other pages are shown; Streamlit would forget them."""
    for name in CHOICES:
        if name in st.session_state:
            st.session_state[name] = st.session_state[name]


def forget() -> None:
    """Forget the choices: the next session may be another client's."""
    for name in CHOICES:
        st.session_state.pop(name, None)


def show() -> None:
    """Show the choices, and prepare the session once they are made."""
    client = engine()
    left, right = st.columns([1, 1.25], gap="large")
    with left:
        who = _client(client)
        sensors = _sensors(client, who)
        audio = st.radio(
            text("choose.audio"),
            ["auto", "none"],
            format_func=lambda name: text(f"audio.{name}"),
            horizontal=True,
            key="choose-audio",
        )
    with right:
        protocol = _protocol(client)
    if left.button(
        text("choose.prepare"), type="primary", disabled=sensors is None or not _agreed(who), width="stretch"
    ):
        order: dict[str, Any] = {"protocol": protocol, "audio": audio, **(sensors or {})}
        if who is not None:
            order["client"] = who.code
        if tell("prepare", **order):
            st.rerun()


def _agreed(who: Any) -> bool:
    return who is None or (who.consent is not None and set(OPTIONS.needed_scopes) <= set(who.consent.scopes))


def _drop_unless(key: str, options: list[Any]) -> None:
    """Forget a choice that is not among the options any more."""
    if key in st.session_state and st.session_state[key] not in options:
        st.session_state.pop(key)


def _client(client: EngineClient) -> Any:
    known = {each.code: each for each in client.clients()}
    _drop_unless("choose-client", [*known, None])
    code = st.selectbox(
        text("choose.client"),
        [*known, None],
        format_func=lambda code: code or text("bar.nobody"),
        key="choose-client",
    )
    if code is None:
        st.caption(text("choose.nobody"))
        return None
    who = known[code]
    palette = who.preferences.palette
    facts = [text("choose.palette", palette=palette_names(palette)[palette])]
    if who.goals:
        facts.append(text("choose.goals", goals="; ".join(who.goals)))
    st.caption(" · ".join(facts))
    for caution in who.cautions:
        st.warning(caution, icon=":material/warning:")
    if not _agreed(who):
        st.error(text("choose.no-consent", client=code))
    return who


def _protocol(client: EngineClient) -> str | None:
    known: dict[str, Any] = {}
    for each in client.protocols():
        known.setdefault(each.name, each)  # the newest version comes first
    _drop_unless("choose-protocol", list(known))
    name = st.selectbox(
        text("choose.protocol"),
        list(known),
        format_func=lambda name: f"{known[name].title} ({name})",
        key="choose-protocol",
    )
    entry = known[name]
    st.caption(
        text(
            "choose.about",
            minutes=f"{entry.duration_s / 60:.0f}",
            arm=text(f"arm.{entry.arm}"),
            version=entry.version,
        )
    )
    protocol_arc(client.protocol_text(name, entry.version), key="arc", whole=True)
    return name


def _sensors(client: EngineClient, who: Any) -> dict[str, Any] | None:
    known = {each.name: each for each in client.setups()}
    _drop_unless("choose-sensors", [*known, TRY, OWN])
    which = st.selectbox(
        text("choose.sensors"),
        [*known, TRY, OWN],
        format_func=lambda name: known[name].title if name in known else text(f"choose.sensors.{name}"),
        key="choose-sensors",
    )
    if which == TRY:
        if who is None:
            st.caption(text("choose.try"))
        else:
            st.warning(text("choose.try.client", client=who.code))
        return {"inputs": [VIRTUAL]}
    if which in known:
        if known[which].note:
            st.caption(known[which].note)
        return {"setup": which}
    if st.button(text("choose.look"), help=text("choose.look.help")):
        with st.spinner(text("choose.looking")):
            st.session_state["choose-found"] = client.sources()
    _found()
    lines = st.text_area(text("choose.inputs"), key="choose-inputs", help=text("choose.inputs.help"))
    inputs = [line.strip() for line in lines.splitlines() if line.strip()]
    name = st.text_input(text("choose.keep"), placeholder="room-1", key="choose-keep")
    if inputs and name and st.button(text("choose.keep.do")):
        title = text("choose.keep.title", name=name)
        if answered(lambda: client.save_setup(name, title, inputs)) is not None:
            st.rerun()
    return {"inputs": inputs} if inputs else None


def _found() -> None:
    """Show the sensors found, each with a button that adds it to the inputs."""
    found = [each for each in st.session_state.get("choose-found", ()) if each.group in SENSORS]
    if not found and "choose-found" in st.session_state:
        st.info(text("choose.found-none"))
    for index, source in enumerate(found):
        words, kind, use = st.columns([2.4, 1.6, 0.9], vertical_alignment="center")
        words.markdown(f"`{source.spec}`", help=source.words)
        if source.group not in USABLE:
            continue
        chosen = kind.selectbox(
            text("choose.kind"),
            SIGNALS,
            index=_guess(source.words),
            format_func=lambda name: text(f"signal.{name}"),
            label_visibility="collapsed",
            key=f"kind-{index}",
        )
        use.button(text("choose.use"), key=f"use-{index}", on_click=_use, args=(f"{chosen}={source.spec}",))


def _use(line: str) -> None:
    lines = [each for each in st.session_state.get("choose-inputs", "").splitlines() if each.strip()]
    if line not in lines:
        st.session_state["choose-inputs"] = "\n".join([*lines, line])


def _guess(words: str) -> int:
    """Return the place of the kind of signal that a stream's type names; else of the first."""
    said = words.lower()
    return next((at for at, name in enumerate(SIGNALS) if f"type={name}" in said), 0)
