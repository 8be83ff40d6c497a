"""The dashboard as one ASGI application: Streamlit's pages, the live screen's files, the relay, the guard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from streamlit.starlette import App

from dashboard.guard import Guard
from dashboard.palette import stylesheet
from dashboard.relay import Relay, Whereabouts
from dashboard.texts import TEXTS

HERE = Path(__file__).parent
UI = HERE / "ui"
SCRIPT = HERE / "main.py"


def build(whereabouts: Whereabouts, *, key: str, port: int) -> App:
    """Return the application.

    Parameters
    ----------
    whereabouts : callable
        Where the engine is, asked before each request.
    key : str
        The secret of the address under which the dashboard is opened.
    port : int
        Where it is served on 127.0.0.1.
    """
    relay = Relay(whereabouts)
    routes: list[BaseRoute] = [
        *relay.routes,
        Route("/ui/texts.json", _texts),
        Route("/ui/palette.css", _palette),
        Mount("/ui", StaticFiles(directory=UI)),
    ]

    def lifespan(_: App) -> AbstractAsyncContextManager[None]:
        return _open(relay)

    return App(SCRIPT, routes=routes, middleware=[Middleware(Guard, key=key, port=port)], lifespan=lifespan)


@asynccontextmanager
async def _open(relay: Relay) -> AsyncIterator[None]:
    yield
    await relay.close()


async def _texts(_: Request) -> Response:
    return JSONResponse(TEXTS)


async def _palette(_: Request) -> Response:
    return Response(stylesheet(), media_type="text/css")
