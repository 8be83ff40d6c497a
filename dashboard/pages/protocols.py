"""The page *Protocols*: a form and the text side by side; the text is what counts.

A change in the form changes the lines of its field, and nothing else in the text.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st
import yaml

from biofeedback.client import OPTIONS, EngineClient
from dashboard.components import LISTEN_WORDS, METRE_NAMES, PALETTE_NAMES, UI, listen_button, protocol_arc
from dashboard.engine import answered, engine
from dashboard.protocol_editing import PIECE_CHOICES, Key, edited, free_version, merged, row_of
from dashboard.texts import text

PIECE_LABELS = {
    "palette": "clients.palette",
    "metre": "clients.metre",
    "form": "editor.piece-form",
    "tonal_plan": "editor.tonal-plan",
}
PIECE_NAMES: dict[str, Mapping[Any, str]] = {
    "palette": PALETTE_NAMES,
    "metre": METRE_NAMES,
    "form": {name: text(f"form.{name}") for name in OPTIONS.forms},
    "tonal_plan": {name: text(f"tonal-plan.{name}") for name in OPTIONS.tonal_plans},
}
"""For each key of ``piece`` in the form: the text of its label, and the names of its values."""


def page() -> None:
    """Show the list of protocols, and the editor of the chosen one."""
    client = engine()
    st.title(text("nav.protocols"))
    entries = {(each.name, each.version): each for each in client.protocols()}
    chosen, save = st.columns([3, 1], vertical_alignment="bottom")
    _keep_choice(entries)
    which = chosen.selectbox(
        text("editor.choose"),
        list(entries),
        format_func=lambda which: text(
            "editor.entry", title=entries[which].title, name=which[0], version=which[1]
        ),
        key="editor-which",
    )
    if st.session_state.get("editor-of") != which:
        st.session_state["editor-of"] = which
        st.session_state["editor-kept"] = client.protocol_text(*which)
        _write(st.session_state["editor-kept"])
    notice, above = st.empty(), st.container()
    if said := st.session_state.pop("editor-said", ""):
        notice.success(said)
    form, editor = st.columns([1, 1.1], gap="large")
    with editor:
        typed = _text_editor()
    if typed is not None and typed != st.session_state["editor-text"]:
        st.session_state["editor-text"] = typed
    with form:
        _form()
    content = st.session_state["editor-text"]
    usable = not client.check_protocol(content)
    with above:
        _listen(content, usable=usable)
        protocol_arc(content, key="arc", whole=False, usable=usable, follows=True)
    _save(client, save, content, set(entries), usable=usable)
    st.subheader(text("editor.arc"), anchor=False)
    protocol_arc(content, key="whole-arc", whole=True, usable=usable, follows=True)


def _keep_choice(entries: Collection[Key]) -> None:
    """Keep the choice while other pages are shown; after saving, choose what was saved."""
    for name in ("editor-next", "editor-of"):
        choice = st.session_state.get(name)
        if choice in entries and (name == "editor-next" or "editor-which" not in st.session_state):
            st.session_state["editor-which"] = choice
    st.session_state.pop("editor-next", None)


def _text_editor() -> str | None:
    words = {"label": text("editor.text"), "line": text("editor.line"), "good": text("editor.good")}
    result = _component("editor")(
        key="protocol-text",
        data={
            "text": st.session_state["editor-text"],
            "edition": st.session_state["editor-edition"],
            "words": words,
        },
        on_text_change=lambda: None,
    )
    typed = result.get("text") or {}
    # What was typed into a text that has been replaced since no longer counts.
    return typed["text"] if typed.get("edition") == st.session_state["editor-edition"] else None


def _listen(content: str, *, usable: bool) -> None:
    """Show the button for a preview of half a minute."""
    words = {name: text(f"listen.{name}") for name in LISTEN_WORDS}
    body = {"text": content}
    listen_button("protocols/listen.wav", body, words, key="listen", usable=usable, follows=True)


def _component(name: str) -> Any:
    html, js, css = ((UI / f"{name}.{kind}").read_text(encoding="utf-8") for kind in ("html", "js", "css"))
    return st.components.v2.component(f"protocol_{name}", html=html, js=js, css=css)


def _form() -> None:
    """Show the main keys as fields; what is changed there goes into the text."""
    data = _data()
    if data is None:
        st.info(text("editor.form.not-yet"))
        return
    edition = st.session_state["editor-edition"]
    one, two = st.columns([3, 1])
    title = one.text_input(text("editor.title"), str(data.get("title", "")), key=f"title-{edition}")
    version = two.number_input(
        text("editor.version"), 1, 9999, int(data.get("version", 1)), key=f"version-{edition}"
    )
    one, two, three = st.columns(3)
    identity = one.text_input(text("editor.id"), str(data.get("id", "")), key=f"id-{edition}")
    arm = two.selectbox(
        text("editor.arm"),
        OPTIONS.arms,
        index=_at(OPTIONS.arms, data.get("arm")),
        format_func=lambda arm: text(f"arm.{arm}"),
        key=f"arm-{edition}",
    )
    before = data.get("piece") or {}
    places = dict(zip(PIECE_CHOICES, (three, *st.columns(3)), strict=True))
    piece = {
        key: places[key].selectbox(
            text(PIECE_LABELS[key]),
            choices,
            index=_at(choices, before.get(key)),
            format_func=PIECE_NAMES[key].__getitem__,
            key=f"{key}-{edition}",
            help=text("editor.piece-form.help") if key == "form" else None,
        )
        for key, choices in PIECE_CHOICES.items()
    }
    numbers = st.checkbox(
        text("editor.numbers"),
        bool(data.get("numbers_shown", True)),
        key=f"numbers-{edition}",
        help=text("editor.numbers.help"),
    )
    st.caption(text("editor.phases"))
    phases = [phase for phase in data.get("phases") or [] if isinstance(phase, dict)]
    rows = st.data_editor(
        [row_of(phase) for phase in phases],
        num_rows="dynamic",
        hide_index=True,
        width="stretch",
        key=f"phases-{edition}",
        column_config={
            "kind": st.column_config.SelectboxColumn(
                text("editor.kind"), options=OPTIONS.phase_kinds, required=True, width="small"
            ),
            "name": st.column_config.TextColumn(text("editor.name"), required=True),
            "duration_s": st.column_config.NumberColumn(
                text("editor.duration"), min_value=5, max_value=7200, step=5
            ),
            "tempo": st.column_config.TextColumn(text("editor.tempo"), help=text("editor.tempo.help")),
            "until": st.column_config.TextColumn(text("editor.until"), help=text("editor.until.help")),
        },
    )
    head = {"title": title, "version": int(version), "id": identity, "arm": arm}
    new = merged(data, head, piece=piece, numbers_shown=numbers, rows=rows)
    if new != data:
        _write(edited(st.session_state["editor-text"], new))
        st.rerun()


def _save(client: EngineClient, place: Any, content: str, taken: Collection[Key], *, usable: bool) -> None:
    """Show the button that keeps the text, under the next free number where its own is taken."""
    data = _data()
    if data is None or not usable or content == st.session_state["editor-kept"]:
        place.button(text("editor.save.not-yet"), disabled=True, width="stretch")
        return
    before = int(data["version"])
    version = free_version(data["id"], before, taken)
    if not place.button(text("editor.save", version=version), type="primary", width="stretch"):
        return
    content = edited(content, {**data, "version": version})
    entry = answered(lambda: client.save_protocol(content))
    if entry is None:
        return
    said = [text("editor.saved", name=entry.name, version=version)]
    if version != before:
        said.append(text("editor.raised", before=before, version=version))
    _write(content)
    st.session_state["editor-of"] = st.session_state["editor-next"] = (entry.name, entry.version)
    st.session_state["editor-kept"] = content
    st.session_state["editor-said"] = " ".join(said)
    st.rerun()


def _data() -> dict[str, Any] | None:
    try:
        data = yaml.safe_load(st.session_state["editor-text"])
    except yaml.YAMLError:
        return None
    return data if isinstance(data, dict) else None


def _write(content: str) -> None:
    """Put another text into the editor."""
    st.session_state["editor-text"] = content
    st.session_state["editor-edition"] = st.session_state.get("editor-edition", 0) + 1


def _at(names: tuple[str, ...], chosen: object) -> int:
    return names.index(chosen) if isinstance(chosen, str) and chosen in names else 0
