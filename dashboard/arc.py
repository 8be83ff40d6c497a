"""What a protocol plans, drawn in the browser by the engine's word."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.texts import say

SCRIPT = Path(__file__).parent / "ui" / "arc_view.js"
HTML = '<canvas role="img"></canvas><p role="status"></p>'
CSS = """
canvas { display: block; width: 100%; }
canvas.old { opacity: .45; }
p { margin: 4px 0 0; font: 13px/1.4 system-ui, sans-serif; color: var(--ink-soft); min-height: 1.4em; }
"""


def show(text: str, *, key: str, whole: bool, usable: bool = True, follows: bool = False) -> None:
    """Draw the phases of a protocol and its tempo.

    Parameters
    ----------
    text : str
        The protocol as YAML.
    key : str
        Tells this picture from others on the page.
    whole : bool
        Whether mode, layers, level and texture are drawn too.
    usable : bool
        Whether it has no faults; the picture says so else, and stays as it was.
    follows : bool
        Whether the picture follows what is typed into the editor.
    """
    draw = st.components.v2.component(
        f"protocol_arc_{key}", html=HTML, css=CSS, js=SCRIPT.read_text(encoding="utf-8")
    )
    shown = {"text": text, "usable": usable, "whole": whole, "follows": follows, "faulty": say("arc.faulty")}
    draw(key=key, data=shown)
