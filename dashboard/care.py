"""Before anything sounds: the cautions, one by one, and the client's consent."""

from __future__ import annotations

import streamlit as st

from biofeedback.client import SessionView
from dashboard.texts import say


def care(session: SessionView) -> bool:
    """Show cautions and consent; return whether all of it was confirmed."""
    left, right = st.columns([1.5, 1], gap="large")
    with left:
        st.header(say("care.cautions"), anchor=False)
        st.write(say("care.cautions.intro"))
        general = session.protocol.cautions
        for caution in session.cautions[len(general) :]:
            st.warning(caution, icon=":material/warning:")
        st.markdown("\n".join(f"{index}. {caution}" for index, caution in enumerate(general, 1)))
        asked = st.checkbox(say("care.cautions.confirm"), key=_key(session, "cautions"))
    with right:
        st.header(say("care.consent"), anchor=False)
        if session.client is None:
            st.write(say("care.consent.nobody"))
        else:
            st.write(say("care.consent.intro", client=session.client))
        agreed = st.checkbox(say("care.consent.confirm"), key=_key(session, "consent"))
        st.info(say("care.purpose"))
    st.session_state["confirmed"] = asked and agreed
    return asked and agreed


def _key(session: SessionView, what: str) -> str:
    """Tie a tick to the client and protocol that it was set for."""
    return f"{what}:{session.client}:{session.protocol.sha256}"
