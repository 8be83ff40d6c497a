"""The dashboard as one ASGI application: Streamlit's pages, the live screen's files, relay and guard.

The address that `biofeedback dashboard` opens carries a key once. It becomes a cookie that scripts cannot
read, without which nothing is served.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlencode

from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from streamlit.starlette import App

from biofeedback.client import OPTIONS
from biofeedback.local_guard import LocalGuard, carries_cookie
from dashboard.palette import stylesheet
from dashboard.relay import EndpointLookup, Relay
from dashboard.texts import TEXTS, text

HERE = Path(__file__).parent
UI = HERE / "ui"
SCRIPT = HERE / "pages" / "main.py"
"""Not beside the folder `pages`: Streamlit would then offer every module there as a page of its own."""
KEY_PARAMETER = "key"


def build(find_engine: EndpointLookup, *, key: str, port: int) -> App:
    """Return the application.

    Parameters
    ----------
    find_engine : callable
        Returns where the engine is; called before each request.
    key : str
        The secret of the address under which the dashboard is opened.
    port : int
        Where it is served on 127.0.0.1.
    """
    relay = Relay(find_engine)
    routes: list[BaseRoute] = [
        *relay.routes,
        Route("/ui/texts.json", _texts),
        Route("/ui/options.json", _options),
        Route("/ui/palette.css", _palette),
        Mount("/ui", StaticFiles(directory=UI)),
    ]

    @asynccontextmanager
    async def lifespan(_: App) -> AsyncIterator[None]:
        yield
        await relay.close()

    guard = Middleware(LocalGuard, port=port, admit=admission(key, port))
    return App(SCRIPT, routes=routes, middleware=[guard], lifespan=lifespan)


def admission(key: str, port: int) -> Callable[[HTTPConnection], Response | None]:
    """Return what admits requests with the key's cookie, and turns the key of an address into the cookie."""
    cookie = f"biofeedback-{port}"

    def admit(connection: HTTPConnection) -> Response | None:
        if carries_cookie(connection, cookie, key):
            return None
        query = connection.query_params.multi_items()
        given = [value for name, value in query if name == KEY_PARAMETER]
        opens_page = connection.scope["type"] == "http" and connection.scope["method"] == "GET"
        if opens_page and any(hmac.compare_digest(value.encode(), key.encode()) for value in given):
            rest = urlencode([(name, value) for name, value in query if name != KEY_PARAMETER])
            path = f"/{connection.scope['path'].lstrip('/')}"  # never //host, another site
            response = RedirectResponse(f"{path}?{rest}" if rest else path, 303)
            response.set_cookie(cookie, key, httponly=True, samesite="strict")
            return response
        return PlainTextResponse(text("guard.key"), 403)

    return admit


async def _texts(_: Request) -> Response:
    return JSONResponse(TEXTS)


async def _options(_: Request) -> Response:
    return Response(OPTIONS.model_dump_json(), media_type="application/json")


async def _palette(_: Request) -> Response:
    return Response(stylesheet(), media_type="text/css")
