"""The script of every page: which pages there are, and the strip above them while a session runs."""

from __future__ import annotations

import streamlit as st

from dashboard import choosing, clients, editor, review, session
from dashboard.engine import RUNNING, engine
from dashboard.style import STYLE, strip
from dashboard.texts import say

MODULES = {"session": session, "clients": clients, "protocols": editor, "sessions": review}

st.set_page_config(page_title=say("app.title"), layout="wide", initial_sidebar_state="collapsed")
st.html(STYLE)
choosing.keep()
pages = {
    name: st.Page(module.page, title=say(f"nav.{name}"), url_path=name, default=name == "session")
    for name, module in MODULES.items()
}
st.session_state["pages"] = pages
page = st.navigation(list(pages.values()), position="top")
if page.url_path and engine().state().engine.stage in RUNNING:
    strip()
page.run()
