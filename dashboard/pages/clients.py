"""The page *Clients*: pseudonyms, preferences, cautions, goals, consent, history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from biofeedback.client import OPTIONS, SCOPES, EngineClient, PreferencesRequest
from dashboard.components import (
    LISTEN_WORDS,
    LOWEST_DB,
    METRE_NAMES,
    NATURE_NAMES,
    PLAYBACK_NAMES,
    SOUND_NAMES,
    TONIC_NAMES,
    listen_button,
    palette_names,
)
from dashboard.engine import answered, engine
from dashboard.pages.past_sessions import sessions_table
from dashboard.texts import text

SILENT_BED = "none"
"""The choice of no nature sound."""

NEW = ""
"""The entry in the list of codes for a new client."""


def page() -> None:
    """Show the list of clients beside the one that is chosen, or a new one."""
    client = engine()
    st.title(text("clients.title"))
    everybody = {each.code: each for each in client.clients()}
    left, right = st.columns([1, 2.4], gap="large")
    with left:
        search = (
            st.text_input(text("clients.search"), key="clients-search").strip().lower() if everybody else ""
        )
        codes = [code for code in everybody if search in code.lower()]
        wanted = st.session_state.pop("saved", st.session_state.get("client"))
        st.session_state["client"] = wanted if wanted in codes else NEW
        code = st.radio(
            text("clients.list"),
            [*codes, NEW],
            format_func=lambda code: code or text("clients.new"),
            key="client",
        )
    with right:
        if code == NEW:
            _new(client)
        else:
            _one(client, everybody[code])


def _new(client: EngineClient) -> None:
    st.header(text("clients.new"), anchor=False)
    st.caption(text("clients.pseudonym"))
    sounds = _sounds(None)
    with st.form("new-client"):
        code = st.text_input(text("clients.code"), placeholder="C-017")
        about = _about(None, sounds)
        if st.form_submit_button(text("clients.add"), type="primary"):
            _save(lambda: client.add_client(code.strip(), **about), code.strip())


def _one(client: EngineClient, who: Any) -> None:
    st.header(who.code, anchor=False)
    about, consent, history = st.tabs(
        [text("clients.about"), text("clients.consent"), text("clients.history")]
    )
    with about:
        sounds = _sounds(who)
        with st.form(f"client-{who.code}"):
            values = _about(who, sounds)
            if st.form_submit_button(text("clients.save"), type="primary"):
                _save(lambda: client.change_client(who.code, **values), who.code)
    with consent:
        _consent(client, who)
    with history:
        chosen = sessions_table(client.sessions(client=who.code), key=f"history-{who.code}")
        if chosen is not None and st.button(text("clients.review"), type="primary"):
            st.session_state["chosen"] = chosen
            st.switch_page(st.session_state["pages"]["sessions"])


def _sounds(who: Any) -> dict[str, Any]:
    """Show palette and nature sound, each with a button to listen to it; return what is chosen.

    They stand before the form: in it, the buttons would not know what is chosen until it is saved.
    """
    likes: Any = _likes(who)
    code = who.code if who else NEW
    left, right = st.columns(2)
    palettes = palette_names(likes.palette, engine().palette_files())
    palette = _preference(
        left, text("clients.palette"), palettes, likes.palette, key=f"palette-{code}-{likes.palette}"
    )
    nature = _preference(
        right, text("clients.nature"), NATURE_NAMES, likes.nature, key=f"nature-{code}-{likes.nature}"
    )
    words = {name: text(f"audition.{name}") for name in LISTEN_WORDS}
    for place, field, name in ((left, "palette", palette), (right, "nature", nature)):
        if name not in {None, SILENT_BED}:
            with place:
                listen_button("palettes/audition.flac", {"name": name}, words, key=f"listen-{field}-{code}")
    return {"palette": palette, "nature": nature}


def _likes(who: Any) -> Any:
    return PreferencesRequest() if who is None else who.preferences


def _about(who: Any, sounds: Mapping[str, Any]) -> dict[str, Any]:
    """Show the fields of a client's form; return what is in them, with the sounds chosen before."""
    likes = _likes(who)
    unwanted = st.multiselect(
        text("clients.unwanted"),
        list(SOUND_NAMES),
        default=likes.unwanted,
        format_func=SOUND_NAMES.__getitem__,
        placeholder=text("clients.unwanted.none"),
    )
    left, middle, other, right = st.columns([1, 1, 1, 2])
    tonic = _preference(left, text("clients.tonic"), TONIC_NAMES, likes.tonic)
    metre = _preference(middle, text("clients.metre"), METRE_NAMES, likes.metre)
    playback = _preference(other, text("clients.playback"), PLAYBACK_NAMES, likes.playback)
    low, high = right.slider(
        text("clients.register"),
        0.0,
        1.0,
        (likes.register_low, likes.register_high),
        step=0.01,
        help=text("clients.register.help"),
    )
    # Streamlit lets an input be emptied only if its default is empty; the value comes through the state.
    known = None if who is None or who.volume_db is None else round(who.volume_db)
    key = f"volume-{who.code if who else NEW}-{known}"
    st.session_state.setdefault(key, known)
    volume = st.number_input(
        text("clients.volume"),
        LOWEST_DB,
        0,
        None,
        key=key,
        placeholder=text("clients.volume.none"),
        help=text("clients.volume.help"),
    )
    cautions = st.text_area(
        text("clients.cautions"), "\n".join(who.cautions) if who else "", help=text("a-line-each")
    )
    goals = st.text_area(text("clients.goals"), "\n".join(who.goals) if who else "", help=text("a-line-each"))
    return {
        "preferences": {
            **sounds,
            "tonic": tonic,
            "metre": metre,
            "playback": playback,
            "unwanted": unwanted,
            "register_low": low,
            "register_high": high,
        },
        "volume_db": None if volume is None else float(volume),
        "cautions": _lines(cautions),
        "goals": _lines(goals),
    }


def _preference(
    place: Any, label: str, names: Mapping[Any, str], chosen: Any, *, key: str | None = None
) -> Any:
    """Show the field of a preference; return what is chosen."""
    options = list(names)
    index = options.index(chosen)
    return place.selectbox(label, options, index=index, format_func=names.__getitem__, key=key)


def _consent(client: EngineClient, who: Any) -> None:
    if who.consent is None:
        st.warning(text("consent.none"))
    else:
        agreed = ", ".join(SCOPES[scope] for scope in who.consent.scopes)
        st.success(
            text("consent.given", version=who.consent.version, day=who.consent.given_at[:10], scopes=agreed)
        )
        with st.expander(text("consent.withdraw")):
            _withdraw(client, who)
    with st.form(f"consent-{who.code}"):
        version = st.text_input(
            text("consent.version"), placeholder="2026-03", help=text("consent.version.help")
        )
        given = [
            scope
            for scope in SCOPES
            if st.checkbox(SCOPES[scope], value=scope in OPTIONS.needed_scopes, key=f"{who.code}-{scope}")
        ]
        if st.form_submit_button(text("consent.save"), type="primary"):
            if version.strip() and given:
                _save(lambda: client.give_consent(who.code, version.strip(), given), who.code)
            else:
                st.error(text("consent.incomplete"))


def _withdraw(client: EngineClient, who: Any) -> None:
    """Show what a withdrawal does, with the button that carries it out."""
    scopes = [
        scope
        for scope in who.consent.scopes
        if st.checkbox(SCOPES[scope], key=f"withdraw-{who.code}-{scope}")
    ]
    if not scopes:
        return
    for sentence in client.what_withdrawal_does(who.code, scopes):
        st.warning(sentence)
    if st.button(text("consent.withdraw.do"), type="primary"):
        _save(lambda: client.withdraw_consent(who.code, scopes), who.code)


def _save(change: Any, code: str) -> None:
    if answered(change) is not None:
        st.session_state["saved"] = code
        st.toast(text("clients.saved", code=code))
        st.rerun()


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
