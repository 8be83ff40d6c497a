"""Endpoints of the session: state, commands, live frames, arc, and the options that a client can offer."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Header, HTTPException, Response, WebSocket
from pydantic import BaseModel

from biofeedback.commands import Hold
from biofeedback.local_guard import send_until_gone
from biofeedback.service.live_feed import Broadcaster
from biofeedback.service.requests import CommandRequest
from biofeedback.service.schemas import OPTIONS, ArcView, OptionsView, Reply, State
from biofeedback.service.session_host import SessionHost, answer_of

TRY_AGAIN = 1013
"""WebSocket close code for too many connections, RFC 6455 registry."""


def session_router(host: SessionHost, broadcaster: Broadcaster) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(tags=["session"])

    @router.get("/health")
    async def health() -> dict[str, str]:
        """Return that the engine is there; needs no token."""
        return {"status": "alive"}

    @router.get("/state", response_model=State)
    async def state() -> Response:
        """Return the state of the engine and its session."""
        return _json(host.state())

    @router.get("/options")
    def options() -> OptionsView:
        """Return every name and range that a client can offer to choose."""
        return OPTIONS

    @router.post("/commands", response_model=Reply)
    async def commands(
        ordered: CommandRequest, x_origin: Annotated[Literal["therapist", "listener"], Header()] = "therapist"
    ) -> Response:
        """Carry out a command, once for each key, and return its answer and the state after it."""
        if x_origin == "listener" and not isinstance(ordered.command, Hold):
            raise HTTPException(403, "the listener's only command is hold")
        answer = await answer_of(host, ordered, origin=x_origin)
        if answer is None:
            text = "the engine has not answered yet; ask again with the same key"
            raise HTTPException(503, text, headers={"Retry-After": "1"})
        return _json(Reply(accepted=answer.accepted, answer=answer.text, state=host.state()))

    @router.get("/arc")
    def arc() -> ArcView:
        """Return what the session plans for its listener, and the tempo that was asked for so far."""
        return host.arc()

    @router.websocket("/live")
    async def live(socket: WebSocket) -> None:
        """Send frames of what is new, 20 a second."""
        watcher = broadcaster.join()
        if watcher is None:
            await socket.close(TRY_AGAIN)
            return
        try:
            await socket.accept()
            await send_until_gone(socket, watcher.frames())
        finally:
            broadcaster.leave(watcher)

    return router


def _json(view: BaseModel) -> Response:
    # Serialising may find an int where a float is declared: no reason to write values to the log.
    return Response(view.model_dump_json(warnings="none"), media_type="application/json")
