"""The engine for the pages: looked up on every run of a page, so that no state is kept here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st

from biofeedback.client import EngineClient, EngineError, State, read_endpoint, start_engine
from dashboard.texts import text

RUNNING = ("running", "closing")

LOOK_EVERY_S = 2.0
"""How often a page without an engine looks for one."""

Answer = TypeVar("Answer")


def folder() -> Path:
    """Return the data folder that the dashboard was started for."""
    return Path(os.environ["BIOFEEDBACK_DATA"])


def engine() -> EngineClient:
    """Return a client of the engine; where none answers the page says so, and runs again once one does."""
    if (client := _answering()) is not None:
        return client
    st.error(text("engine.gone"))
    _rerun_once_it_answers()
    if st.button(text("engine.start"), type="primary"):
        with st.spinner(text("engine.starting")):
            start_engine(folder()).close()
        st.rerun()
    return st.stop()


def _answering() -> EngineClient | None:
    found = read_endpoint(folder())
    client = None if found is None else _client(found.url, found.token)
    return client if client is not None and client.healthy() else None


@st.fragment(run_every=LOOK_EVERY_S)
def _rerun_once_it_answers() -> None:
    """Look for an engine that was only busy, or that another window has started."""
    if _answering() is not None:
        st.rerun()


def answered(request: Callable[[], Answer]) -> Answer | None:
    """Return the engine's answer to a request; where it refuses, the page says why, and None is returned."""
    try:
        return request()
    except EngineError as error:
        st.error(str(error))
        return None


def tell(name: str, **arguments: Any) -> bool:
    """Give the engine a command; where it refuses, the page says why. Return whether it was accepted."""
    reply = answered(lambda: engine().command(name, **arguments))
    if reply is not None and not reply.accepted:
        st.error(reply.answer)
    return reply is not None and reply.accepted


def rerun_on_stage_change(state: State, every_s: float) -> None:
    """Poll the engine, and run the page again once its stage has changed."""
    known = state.engine.stage

    @st.fragment(run_every=every_s)
    def look() -> None:
        try:
            now = engine().state().engine.stage
        except EngineError:
            return
        if now != known:
            st.rerun()

    look()


@st.cache_resource(max_entries=4, show_spinner=False)
def _client(url: str, token: str) -> EngineClient:
    return EngineClient(url, token)
