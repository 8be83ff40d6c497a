"""The script of every page: which pages there are, and the strip above them while a session runs."""

from __future__ import annotations

import streamlit as st

from dashboard import clients, editor, review, session
from dashboard.engine import RUNNING, engine
from dashboard.style import STYLE, strip
from dashboard.texts import say

st.set_page_config(page_title=say("app.title"), layout="wide", initial_sidebar_state="collapsed")
st.html(STYLE)
page = st.navigation(
    [
        st.Page(session.page, title=say("nav.session"), url_path="session", default=True),
        st.Page(clients.page, title=say("nav.clients"), url_path="clients"),
        st.Page(editor.page, title=say("nav.protocols"), url_path="protocols"),
        st.Page(review.page, title=say("nav.sessions"), url_path="sessions"),
    ],
    position="top",
)
if page.url_path and engine().state().engine.stage in RUNNING:
    strip()
page.run()
