"""The style of Streamlit's pages beside its theme, and the parts that several pages share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

import streamlit as st

from biofeedback.client import OPTIONS
from dashboard.palette import COLOURS, stylesheet
from dashboard.texts import text

NAVIGATION_PX = 60
"""Height of Streamlit's top navigation."""

STRIP_PX = 66

STYLE = f"""<style>
{stylesheet()}.stMainBlockContainer {{ padding: 4.6rem 2.2rem 3rem; max-width: 1360px; }}
h1 {{ font-size: 1.7rem !important; }}
h2 {{ font-size: 1.25rem !important; }}
h3 {{ font-size: 1.05rem !important; }}
.stAppHeader {{ border-bottom: 1px solid {COLOURS["line"]}; background: {COLOURS["surface"]}; }}
[data-testid="stCaptionContainer"] {{ opacity: 1 !important; }}
[data-testid="stCaptionContainer"] p {{ color: {COLOURS["ink-soft"]} !important; }}
[data-stale="true"] {{ opacity: 1 !important; }}
:focus-visible {{ outline: 3px solid {COLOURS["accent"]}; outline-offset: 2px; }}
.steps {{ display: flex; gap: .4rem; list-style: none; padding: 0 !important; margin: 0 0 .6rem; }}
.steps li {{ flex: 1; padding: .5rem .8rem; border-radius: 8px; background: {COLOURS["gap"]};
  color: {COLOURS["ink"]}; font-size: .92rem; margin: 0 !important; }}
.steps li[aria-current] {{ background: {COLOURS["accent"]}; color: {COLOURS["on-accent"]};
  font-weight: 600; }}
.steps li.done {{ background: {COLOURS["good-soft"]}; color: {COLOURS["good"]}; }}
</style>"""

WHOLE = f"""<style>
.st-key-live iframe {{ position: fixed; inset: {NAVIGATION_PX}px 0 0 0; z-index: 50; border: 0;
  width: 100vw; height: calc(100vh - {NAVIGATION_PX}px) !important; background: {COLOURS["ground"]}; }}
.stMain {{ overflow: hidden; }}
</style>"""

UI = Path(__file__).parent / "ui"
ARC_SCRIPT = UI / "protocol_arc.js"
ARC_HTML = '<canvas role="img"></canvas><p role="status"></p>'
ARC_CSS = """
canvas { display: block; width: 100%; }
canvas.old { opacity: .45; }
p { margin: 4px 0 0; font: 13px/1.4 system-ui, sans-serif; color: var(--ink-soft); min-height: 1.4em; }
"""


def live_screen() -> None:
    """Show the live screen over the whole page below the navigation."""
    st.html(WHOLE)
    with st.container(key="live"):
        st.iframe("/ui/live.html", height=700)


def strip() -> None:
    """Show the live screen's top bar alone: who, where, STOP."""
    with st.container(key="strip"):
        st.iframe("/ui/live.html?view=bar", height=STRIP_PX)


def steps(keys: Sequence[str], current: int) -> None:
    """Show the steps, which of them are done, and the current one."""
    names = [text(f"step.{key}") for key in keys]
    now, *ahead = [f"{number} {name}" for number, name in enumerate(names[current:], current + 1)]
    items = [
        *(f'<li class="done">✓ {name} {text("steps.done")}</li>' for name in names[:current]),
        f'<li aria-current="step">{now}</li>',
        *(f"<li>{name}</li>" for name in ahead),
    ]
    st.html(f'<ol class="steps">{"".join(items)}</ol>')


def protocol_arc(
    yaml_text: str, *, key: str, whole: bool, usable: bool = True, follows: bool = False
) -> None:
    """Draw the phases of a protocol and its tempo.

    Parameters
    ----------
    yaml_text : str
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
        f"protocol_arc_{key}", html=ARC_HTML, css=ARC_CSS, js=ARC_SCRIPT.read_text(encoding="utf-8")
    )
    shown = {
        "text": yaml_text,
        "usable": usable,
        "whole": whole,
        "follows": follows,
        "faulty": text("arc.faulty"),
    }
    draw(key=key, data=shown)


LISTEN_WORDS = ("listen", "anew", "rendering", "cancel", "cancelled", "failed")
"""What the button of a sound that the engine renders needs words for."""


def listen_button(
    path: str,
    body: Mapping[str, str],
    words: Mapping[str, str],
    *,
    key: str,
    usable: bool = True,
    follows: bool = False,
) -> None:
    """Show the button of a sound that the engine renders; its script runs in the browser.

    Parameters
    ----------
    path : str
        Where the engine gives the sound, below its own address; the progress lies below it.
    body : mapping of str to str
        What is sent there.
    words : mapping of str to str
        The words of `LISTEN_WORDS`.
    key : str
        Tells this button from others on the page.
    usable : bool
        Whether there is a sound to listen to.
    follows : bool
        Whether what is typed into the protocol editor takes the place of the body.
    """
    html, js, css = ((UI / f"listen.{kind}").read_text(encoding="utf-8") for kind in ("html", "js", "css"))
    shown = {"path": f"/engine/{path}", "body": dict(body), "words": dict(words)}
    st.components.v2.component("listen", html=html, js=js, css=css)(
        key=key, data={**shown, "usable": usable, "follows": follows}
    )


PALETTES = OPTIONS.preferences["palette"].choices
NATURES = OPTIONS.preferences["nature"].choices
SOUNDS = OPTIONS.preferences["unwanted"].choices
METRES = OPTIONS.preferences["metre"].choices
PLAYBACKS = OPTIONS.preferences["playback"].choices
TONICS = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
LOWEST_DB = int(OPTIONS.volume_db[0])
VIRTUAL = "listener=virtual:responder"

AS_IN_PROTOCOL = {None: text("left-to-protocol")}
PALETTE_NAMES = AS_IN_PROTOCOL | {name: text(f"palette.{name}") for name in PALETTES}
NATURE_NAMES = AS_IN_PROTOCOL | {name: text(f"nature.{name}") for name in NATURES}
TONIC_NAMES = AS_IN_PROTOCOL | dict(enumerate(TONICS))
METRE_NAMES = AS_IN_PROTOCOL | {name: text(f"metre.{name}") for name in METRES}
PLAYBACK_NAMES = AS_IN_PROTOCOL | {name: text(f"playback.{name}") for name in PLAYBACKS}
SOUND_NAMES = {name: text(f"nature.{name}" if name in NATURES else f"layer.{name}") for name in SOUNDS}
"""What can be chosen, with its name in words; None is left to the protocol."""


def palette_names(chosen: str | None, files: Sequence[str] = ()) -> dict[str | None, str]:
    """Return the palettes that can be chosen, with their names in words: what is chosen is among them.

    Files go by their names, whatever their folder is.
    """
    known = PALETTE_NAMES | {name: name for name in files}
    return known if chosen in known else known | {chosen: PurePath(chosen or "").name}


def length_text(seconds: float | None) -> str:
    """Return a length or a time in a session as minutes and seconds, ``4:05``; None is not known."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def moment_text(moment: str) -> str:
    """Return the date and time of a moment in ISO 8601, to the minute."""
    return moment[:16].replace("T", " ")
