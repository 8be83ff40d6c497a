"""The page *Protocols*: a form and the text side by side; the text is what counts.

What the form does not show stays in the text as it is. A change in the form writes the text anew, without
its comments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st
import yaml

from biofeedback.client import EngineClient, EngineError
from dashboard.choices import ARMS, KINDS, PALETTES, palette_name
from dashboard.engine import engine
from dashboard.protocol_form import merged, row_of
from dashboard.texts import say

UI = Path(__file__).parent / "ui"


def page() -> None:
    """Show the protocols there are, and the one that is being written."""
    client = engine()
    st.title(say("nav.protocols"))
    entries = {(each.name, each.version): each for each in client.protocols()}
    chosen, listen, save = st.columns([2.4, 1, 1], vertical_alignment="bottom")
    which = chosen.selectbox(
        say("editor.choose"),
        list(entries),
        format_func=lambda which: say(
            "editor.entry", title=entries[which].title, name=which[0], version=which[1]
        ),
        key="editor-which",
    )
    if st.session_state.get("editor-of") != which:
        st.session_state["editor-of"] = which
        _write(client.protocol_text(*which))
    form, text = st.columns([1, 1.1], gap="large")
    with text:
        typed = _text_editor()
    if typed is not None and typed != st.session_state["editor-text"]:
        st.session_state["editor-text"] = typed
    with form:
        _form()
    content = st.session_state["editor-text"]
    faults = client.check_protocol(content)
    _listen(client, listen, content, usable=not faults)
    _save(client, save, content, usable=not faults)
    st.subheader(say("editor.arc"), anchor=False)
    if faults:
        st.info(say("editor.arc.not-yet", count=len(faults)))
    else:
        st.image(_arc(client, content), width="stretch")


def _text_editor() -> str | None:
    component = st.components.v2.component(
        "protocol_text",
        html=(UI / "editor.html").read_text(encoding="utf-8"),
        js=(UI / "editor.js").read_text(encoding="utf-8"),
        css=(UI / "editor.css").read_text(encoding="utf-8"),
    )
    words = {"label": say("editor.text"), "line": say("editor.line"), "good": say("editor.good")}
    result = component(
        key="protocol-text",
        data={
            "text": st.session_state["editor-text"],
            "edition": st.session_state["editor-edition"],
            "words": words,
        },
        on_text_change=lambda: None,
    )
    return result.get("text")


def _form() -> None:
    """Show the main keys as fields; what is changed there goes into the text."""
    data = _data()
    if data is None:
        st.info(say("editor.form.not-yet"))
        return
    edition = st.session_state["editor-edition"]
    one, two = st.columns([3, 1])
    title = one.text_input(say("editor.title"), str(data.get("title", "")), key=f"title-{edition}")
    version = two.number_input(
        say("editor.version"), 1, 9999, int(data.get("version", 1)), key=f"version-{edition}"
    )
    one, two, three = st.columns(3)
    identity = one.text_input(say("editor.id"), str(data.get("id", "")), key=f"id-{edition}")
    arm = two.selectbox(
        say("editor.arm"),
        ARMS,
        index=_at(ARMS, data.get("arm")),
        format_func=lambda arm: say(f"arm.{arm}"),
        key=f"arm-{edition}",
    )
    piece = data.get("piece") or {}
    palette = three.selectbox(
        say("clients.palette"),
        PALETTES,
        index=_at(PALETTES, piece.get("palette")),
        format_func=palette_name,
        key=f"palette-{edition}",
    )
    numbers = st.checkbox(
        say("editor.numbers"),
        bool(data.get("numbers_shown", True)),
        key=f"numbers-{edition}",
        help=say("editor.numbers.help"),
    )
    st.caption(say("editor.phases"))
    phases = [phase for phase in data.get("phases") or [] if isinstance(phase, dict)]
    rows = st.data_editor(
        [row_of(phase) for phase in phases],
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=f"phases-{edition}",
        column_config={
            "kind": st.column_config.SelectboxColumn(
                say("editor.kind"), options=KINDS, required=True, width="small"
            ),
            "name": st.column_config.TextColumn(say("editor.name"), required=True),
            "duration_s": st.column_config.NumberColumn(
                say("editor.duration"), min_value=5, max_value=7200, step=5
            ),
            "tempo": st.column_config.TextColumn(say("editor.tempo"), help=say("editor.tempo.help")),
            "until": st.column_config.TextColumn(say("editor.until"), help=say("editor.until.help")),
        },
    )
    head = {"title": title, "version": int(version), "id": identity, "arm": arm}
    new = merged(data, head, palette=palette, numbers_shown=numbers, rows=rows)
    if new != data:
        _write(yaml.safe_dump(new, sort_keys=False, allow_unicode=True, width=100))
        st.rerun()


def _listen(client: EngineClient, place: Any, text: str, *, usable: bool) -> None:
    if place.button(
        say("editor.listen"), disabled=not usable, width="stretch", help=say("editor.listen.help")
    ):
        with st.spinner(say("editor.listening")):
            try:
                st.audio(client.listen(text), format="audio/wav", autoplay=True)
            except EngineError as error:
                st.error(str(error))


def _save(client: EngineClient, place: Any, text: str, *, usable: bool) -> None:
    if place.button(say("editor.save"), type="primary", disabled=not usable, width="stretch"):
        try:
            entry = client.save_protocol(text)
        except EngineError as error:
            st.error(str(error))
            return
        st.session_state["editor-of"] = (entry.name, entry.version)
        st.success(say("editor.saved", name=entry.name, version=entry.version))


@st.cache_data(max_entries=50, show_spinner=False)
def _arc(_client: EngineClient, text: str) -> str:
    return _client.protocol_arc(text)


def _data() -> dict[str, Any] | None:
    try:
        data = yaml.safe_load(st.session_state["editor-text"])
    except yaml.YAMLError:
        return None
    return data if isinstance(data, dict) else None


def _write(text: str) -> None:
    """Put another text into the editor."""
    st.session_state["editor-text"] = text
    st.session_state["editor-edition"] = st.session_state.get("editor-edition", 0) + 1


def _at(names: tuple[str, ...], chosen: object) -> int:
    return names.index(chosen) if isinstance(chosen, str) and chosen in names else 0
