"""The script of every page: which pages there are, and the strip above them while a session runs."""

from __future__ import annotations

import streamlit as st

from dashboard.components import STYLE, strip
from dashboard.engine import RUNNING, engine
from dashboard.pages import clients, past_sessions, protocols, session, setup_step
from dashboard.texts import text

MODULES = {"session": session, "clients": clients, "protocols": protocols, "sessions": past_sessions}

st.set_page_config(page_title=text("app.title"), layout="wide", initial_sidebar_state="collapsed")
st.html(STYLE)
setup_step.keep()
pages = {
    name: st.Page(module.page, title=text(f"nav.{name}"), url_path=name, default=name == "session")
    for name, module in MODULES.items()
}
st.session_state["pages"] = pages
page = st.navigation(list(pages.values()), position="top")
if page.url_path and engine().state().engine.stage in RUNNING:
    strip()
page.run()
