"""The engine's HTTP and WebSocket interface."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Header, HTTPException, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.websockets import WebSocketDisconnect

from biofeedback.commands import Hold
from biofeedback.errors import StoreError
from biofeedback.service.auth import Keys
from biofeedback.service.desk import REFUSALS, Desk
from biofeedback.service.error_log import report_error
from biofeedback.service.live_feed import Hub, Watcher
from biofeedback.service.preview_renderer import PreviewRenderer
from biofeedback.service.requests import CommandRequest
from biofeedback.service.routes.clients import clients_router
from biofeedback.service.routes.pages import pages_router
from biofeedback.service.routes.protocols import protocols_router
from biofeedback.service.routes.sensors import sensors_router
from biofeedback.service.routes.sessions import sessions_router
from biofeedback.service.schemas import ArcView, Problem, Reply, State
from biofeedback.service.session_host import SessionHost, answer_of

REFUSED = (400, 401, 403, 404, 413, 422, 503)
"""How any request may be refused."""

TRY_AGAIN = 1013
"""Closes a WebSocket: there are too many."""


def make_app(
    host: SessionHost, hub: Hub, desk: Desk, keys: Keys, previews: PreviewRenderer, *, version: str
) -> FastAPI:
    """Return the application; `biofeedback.local_guard.LocalGuard` must stand before it."""
    app = FastAPI(
        title="Biofeedback engine",
        version=version,
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": Problem} for status in REFUSED},
    )
    app.add_exception_handler(RequestValidationError, _not_understood)
    for refusal in REFUSALS:
        app.add_exception_handler(refusal, _refused)
    app.add_exception_handler(Exception, _failed)

    @app.get("/health", tags=["session"])
    async def health() -> dict[str, str]:
        """Return that the engine is there; needs no token."""
        return {"status": "alive"}

    @app.get("/state", tags=["session"], response_model=State)
    async def state() -> Response:
        """Return all there is to know now."""
        return _json(host.state())

    @app.post("/commands", tags=["session"], response_model=Reply)
    async def commands(
        ordered: CommandRequest, x_origin: Annotated[Literal["therapist", "listener"], Header()] = "therapist"
    ) -> Response:
        """Carry out a command, once for each key, and return its answer and the state after it."""
        if x_origin == "listener" and not isinstance(ordered.command, Hold):
            raise HTTPException(403, "the listener's only command is hold")
        answer = await answer_of(host, ordered, origin=x_origin)
        if answer is None:
            raise HTTPException(503, "the engine has not answered yet; ask again with the same key")
        return _json(Reply(accepted=answer.accepted, answer=answer.text, state=host.state()))

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        """Send frames of what is new, 20 a second."""
        watcher = hub.join()
        if watcher is None:
            await socket.close(TRY_AGAIN)
            return
        try:
            await socket.accept()
            await _send_until_it_leaves(socket, watcher)
        finally:
            hub.leave(watcher)

    for router in (
        clients_router(desk),
        protocols_router(desk, previews),
        sensors_router(desk),
        sessions_router(desk),
        pages_router(host, keys),
        _arc_router(host),
    ):
        app.include_router(router)
    return app


def _arc_router(host: SessionHost) -> APIRouter:
    router = APIRouter(tags=["session"])

    @router.get("/arc")
    def arc() -> ArcView:
        """Return what the session plans for its listener, and the tempo that was asked for so far."""
        found = host.arc()
        if found is None:
            raise HTTPException(404, "there is no session; prepare one")
        return found

    return router


async def _send_until_it_leaves(socket: WebSocket, watcher: Watcher) -> None:
    """Send frames until the other side has gone; what it says is not listened to."""
    listening = asyncio.create_task(_listen(socket))
    sending = asyncio.create_task(_send(socket, watcher))
    try:
        await asyncio.wait({listening, sending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _listen(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _send(socket: WebSocket, watcher: Watcher) -> None:
    try:
        while True:
            await socket.send_text(await watcher.next())
    except (WebSocketDisconnect, RuntimeError):  # it has gone in the middle of a frame
        return


def _json(view: BaseModel) -> Response:
    # Serialising may find an int where a float is declared: no reason to write values to the log.
    return Response(view.model_dump_json(warnings="none"), media_type="application/json")


async def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    """Say in one line what was wrong with a request, without giving it back."""
    if not isinstance(error, RequestValidationError):
        raise error
    first: dict[str, Any] = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{place}: {first['msg']}"}, status_code=422)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    """Say in words why something cannot be done."""
    return JSONResponse({"detail": str(error)}, status_code=503 if isinstance(error, StoreError) else 422)


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": report_error("a request failed", error)}, status_code=500)
