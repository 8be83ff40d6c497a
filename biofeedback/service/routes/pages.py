"""Two pages that need nothing but a browser: one to stop the session, and one for the listener.

The stop page works without scripts: the state is shown in a frame that reloads by itself, so that the buttons
never move or lose the focus. The listener's page has a short script, for which every key, click and touch
counts; the dashboard serves the same page.
"""

from __future__ import annotations

import secrets
from html import escape
from importlib.resources import files
from urllib.parse import parse_qs
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse

from biofeedback.commands import COMMAND, Hold, StrictModel
from biofeedback.models import Lifecycle
from biofeedback.service.auth import Keys, Page
from biofeedback.service.requests import CommandRequest, Key
from biofeedback.service.schemas import Link, View
from biofeedback.service.session_host import SessionHost, answer_of

STOPS = ("stop", "emergency stop")
LOOK_AGAIN_S = 2

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; frame-ancestors {}"
)
_FRAMED = {"Content-Security-Policy": _POLICY.format("'self'"), "Cache-Control": "no-store"}


class ListenerState(View):
    """What the listener's page is told: nothing that was measured.

    Attributes
    ----------
    lifecycle : str
        Of the session; ``waiting`` where there is none.
    sounding : bool
        Whether music is asked for, or a sound check plays.
    breath_rate : float
        Swells per minute to breathe with; 0 where there are none.
    """

    lifecycle: Lifecycle
    sounding: bool
    breath_rate: float


class HoldRequest(StrictModel):
    """A request of the listener to fade the music; sent again with the same key it counts once."""

    key: Key


class HoldReply(View):
    """Whether the music fades now, as requested."""

    accepted: bool


class LinkRequest(StrictModel):
    """A request for a link to a page."""

    page: Page


def pages_router(host: SessionHost, keys: Keys) -> APIRouter:
    """Return the pages and what lies below them."""
    router = APIRouter(tags=["pages"])
    router.include_router(_stop_router(host))

    @router.post("/links", status_code=201)
    async def link(body: LinkRequest) -> Link:
        """Make an address that opens a page once, and gives the browser that opens it the page's right."""
        return Link(url=keys.link(body.page))

    @router.get("/enter/{code}", response_class=HTMLResponse, include_in_schema=False)
    async def enter(code: str) -> Response:
        """Give a browser the right to a page; the link that led here is spent."""
        spent = keys.spend(code)
        if spent is None:
            raise HTTPException(401, "a token is needed: Authorization: Bearer TOKEN")
        page, cookie = spent
        # A page that opens the next one by itself: after a link from another site, a redirect would come
        # without the cookie, which is SameSite=Strict.
        body = _bare(f'<p><a href="/{page}">Continue</a></p>', again_s=0, to=f"/{page}")
        return HTMLResponse(body, headers={**_FRAMED, "Set-Cookie": cookie, "Referrer-Policy": "no-referrer"})

    @router.get("/listener", response_class=HTMLResponse)
    async def listener_page() -> Response:
        """Return the listener's page: any key, click or touch fades the music out."""
        return _page("listener.html")

    @router.get("/listener/calm")
    async def listener_calm() -> ListenerState:
        """Return what the listener's page is told of the session."""
        return _calm(host)

    @router.post("/listener")
    async def hold(body: HoldRequest) -> HoldReply:
        """Fade the music to silence at the listener's request; only the therapist can resume it."""
        answer = await answer_of(host, CommandRequest(key=body.key, command=Hold()), origin="listener")
        if answer is None:
            raise HTTPException(503, "the engine has not answered yet; ask again with the same key")
        return HoldReply(accepted=answer.accepted)

    return router


def _stop_router(host: SessionHost) -> APIRouter:
    router = APIRouter()

    @router.get("/stop", response_class=HTMLResponse)
    async def stop_page() -> Response:
        """Return the page with the STOP button."""
        return _page("stop.html")

    @router.get("/stop/state", response_class=HTMLResponse)
    async def stop_state() -> Response:
        """Return the state of the session in words; the page reloads by itself."""
        return HTMLResponse(_bare(_standing(host), again_s=LOOK_AGAIN_S), headers=_FRAMED)

    @router.post(
        "/stop",
        response_class=HTMLResponse,
        responses={422: {"description": "Neither of the two", "content": {"application/json": {}}}},
    )
    async def stop(request: Request) -> Response:
        """Stop the session as the form says: ``do=stop`` with a fade, ``do=emergency stop`` at once."""
        fields = parse_qs((await request.body()).decode("latin-1"))
        name = fields.get("do", [""])[0]
        if name not in STOPS:
            raise HTTPException(422, f"do must be {' or '.join(STOPS)}")
        order = CommandRequest(key=str(uuid4()), command=COMMAND.validate_python({"name": name}))
        answer = await answer_of(host, order, origin="therapist")
        said = answer.text if answer is not None else "The engine has not answered yet."
        return HTMLResponse(_bare(f"<p><b>{escape(said)}</b></p>"), headers=_FRAMED)

    return router


def _calm(host: SessionHost) -> ListenerState:
    session = host.state().session
    if session is None or session.snapshot is None:
        return ListenerState(lifecycle=Lifecycle.WAITING, sounding=False, breath_rate=0.0)
    snapshot = session.snapshot
    sounding = snapshot.music.sounding or session.sound_check is not None
    return ListenerState(
        lifecycle=snapshot.lifecycle, sounding=sounding, breath_rate=snapshot.music.breath_rate
    )


def _standing(host: SessionHost) -> str:
    state = host.state()
    session = state.session
    lines = [f"The engine is {state.engine.stage}."]
    if session is not None and session.snapshot is not None and state.engine.stage == "running":
        snapshot = session.snapshot
        minutes, seconds = divmod(int(snapshot.elapsed_s), 60)
        lines = [
            f"The session is {snapshot.lifecycle}, phase {snapshot.phase or '–'}, {minutes}:{seconds:02}.",
            snapshot.why,
        ]
        if state.engine.heartbeat_s > 1:
            lines.append(f"The engine has not responded for {state.engine.heartbeat_s:.0f} s.")
    return "".join(f"<p>{escape(line)}</p>" for line in lines if line)


def _bare(body: str, *, again_s: int | None = None, to: str = "") -> str:
    """Return a short page, which reloads or opens `to` after `again_s` seconds if that is given."""
    target = f";url={to}" if to else ""
    again = "" if again_s is None else f'<meta http-equiv="refresh" content="{again_s}{target}">'
    style = "<style>body{font:1.1rem/1.4 system-ui,sans-serif;margin:.5rem;color:#1b2630}</style>"
    head = f'<meta charset="utf-8">{again}{style}<title>Session</title>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def _page(name: str) -> Response:
    nonce = secrets.token_urlsafe(16)
    text = files("biofeedback.service").joinpath(name).read_text(encoding="utf-8")
    own = f"script-src 'nonce-{nonce}'; connect-src 'self'; img-src data:"
    policy = f"{_POLICY.format(chr(39) + 'none' + chr(39))}; {own}"
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(text.replace("NONCE", nonce), headers=headers)
