"""Passes requests of the dashboard's pages on to the engine, with the engine's token.

The pages then need no other origin, and the browser never sees the token.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from urllib.parse import quote

import httpx
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from biofeedback.client import EngineEndpoint
from biofeedback.local_guard import send_until_gone
from dashboard.texts import text

PREFIX = "/engine"
METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"]
LISTENER = "/listener"
WAITING = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta http-equiv="refresh" content="2">'
    "<title>Music</title><style>body {{ margin: 0; height: 100vh; display: grid; place-items: center; "
    "background: #16262b; color: #d7e5e3; font: 34px/1.3 system-ui, sans-serif }}</style>"
    "<p>{words}</p></html>"
)
"""Shown in place of the listener's page while there is no engine; it reloads by itself."""

PATIENCE = httpx.Timeout(300.0, connect=2.0)
"""The first audition of a palette, whose samples have to be rendered, takes minutes on a busy machine."""

TO_THE_ENGINE = ("content-type", "accept", "range", "x-origin")
TO_THE_BROWSER = (
    "content-type",
    "content-length",
    "content-disposition",
    "content-range",
    "accept-ranges",
    "content-security-policy",
)
AWAY = 1013
"""Code with which a WebSocket is closed while there is no engine: try again later."""

EndpointLookup = Callable[[], EngineEndpoint | None]
"""Returns where the engine is now; None where no engine runs."""


class Relay:
    """Passes requests on to the engine.

    Parameters
    ----------
    find_engine : callable
        Called before each request, so that an engine started anew is found.
    """

    def __init__(self, find_engine: EndpointLookup) -> None:
        self._find_engine = find_engine
        self._client = httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False)

    @property
    def routes(self) -> list[BaseRoute]:
        """What the app serves under `PREFIX`, and the engine's own page for the listener at its own place."""
        return [
            WebSocketRoute(f"{PREFIX}/live", self.live),
            Route(f"{PREFIX}/{{path:path}}", self.hand_on, methods=METHODS),
            Route(LISTENER, self.listener, methods=["GET", "POST"]),
            Route(f"{LISTENER}/calm", self.listener),
        ]

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def hand_on(self, request: Request) -> Response:
        """Answer a request with the engine's answer; 503 where no engine answers."""
        return await self._answer(request, request.path_params["path"])

    async def listener(self, request: Request) -> Response:
        """Answer with the engine's page for the listener; without an engine, with `WAITING`."""
        path = request.url.path.lstrip("/")
        reply = await self._answer(request, path)
        if isinstance(reply, StreamingResponse) or request.url.path != LISTENER or request.method == "POST":
            return reply
        return HTMLResponse(WAITING.format(words=text("listener.waiting")))

    async def _answer(self, request: Request, path: str) -> Response:
        engine = self._find_engine()
        if engine is None or ".." in path.split("/"):
            return _away()
        outgoing = self._client.build_request(
            request.method,
            f"{engine.url.rstrip('/')}/{quote(path)}",
            params=httpx.QueryParams(request.url.query),
            content=await request.body(),
            headers={name: request.headers[name] for name in TO_THE_ENGINE if name in request.headers}
            | {"authorization": f"Bearer {engine.token}", "accept-encoding": "identity"},
        )
        try:
            reply = await self._client.send(outgoing, stream=True)
        except httpx.HTTPError:
            return _away()
        headers = {name: reply.headers[name] for name in TO_THE_BROWSER if name in reply.headers}
        headers["cache-control"] = "no-store"
        return StreamingResponse(
            reply.aiter_raw(), reply.status_code, headers, background=BackgroundTask(reply.aclose)
        )

    async def live(self, socket: WebSocket) -> None:
        """Pass the engine's frames on until either side goes; for a slow browser the engine drops frames."""
        await socket.accept()
        if (engine := self._find_engine()) is not None:
            address = f"{engine.url.rstrip('/').replace('http', 'ws', 1)}/live"
            headers = {"authorization": f"Bearer {engine.token}"}
            with suppress(WebSocketException, OSError, WebSocketDisconnect):
                async with connect(
                    address, additional_headers=headers, compression=None, max_queue=4, max_size=None
                ) as frames:
                    await send_until_gone(socket, _texts(frames))
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close(AWAY)


async def _texts(frames: ClientConnection) -> AsyncIterator[str]:
    async for frame in frames:
        yield frame if isinstance(frame, str) else frame.decode()


def _away() -> JSONResponse:
    return JSONResponse({"detail": text("engine.away")}, 503)
