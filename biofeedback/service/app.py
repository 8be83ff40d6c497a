"""The engine's HTTP and WebSocket interface."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future

from fastapi import FastAPI, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.websockets import WebSocketDisconnect

from biofeedback.commands import Answer, EmergencyStop, Origin
from biofeedback.service.host import Host
from biofeedback.service.live import Hub, Watcher
from biofeedback.service.orders import Ordered
from biofeedback.service.views import Problem, Reply, State

ANSWER_S = 2.0
"""How long a request waits for the answer to its command; the command stays."""

REFUSED = {401: {"model": Problem}, 403: {"model": Problem}, 413: {"model": Problem}, 422: {"model": Problem}}


def make_app(host: Host, hub: Hub, *, version: str) -> FastAPI:
    """Return the application; `Guard` must stand before it."""
    app = FastAPI(
        title="Biofeedback engine",
        version=version,
        docs_url=None,
        redoc_url=None,
        responses={code: dict(answer) for code, answer in REFUSED.items()},
    )
    app.add_exception_handler(RequestValidationError, _not_understood)

    @app.get("/health", tags=["session"])
    async def health() -> dict[str, str]:
        """Return that the engine is there; needs no token."""
        return {"status": "alive"}

    @app.get("/state", tags=["session"], response_model=State)
    async def state() -> Response:
        """Return all there is to know now."""
        return _json(host.state())

    @app.post("/commands", tags=["session"], response_model=Reply, responses={503: {"model": Problem}})
    async def commands(ordered: Ordered) -> Response:
        """Carry out a command, once for each key, and return its answer and the state after it."""
        answer = await answer_of(host, ordered, origin="therapist")
        if answer is None:
            detail = "the engine has not answered yet; ask again with the same key"
            return JSONResponse({"detail": detail}, status_code=503)
        return _json(Reply(accepted=answer.accepted, answer=answer.text, state=host.state()))

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        """Send frames of what is new, 20 a second."""
        watcher = hub.join()
        if watcher is None:
            await socket.close(1013)
            return
        try:
            await socket.accept()
            await _send_until_it_leaves(socket, watcher)
        finally:
            hub.leave(watcher)

    return app


async def answer_of(host: Host, ordered: Ordered, *, origin: Origin) -> Answer | None:
    """Return the answer to a command, None if there is none in time."""
    promise = await asyncio.to_thread(host.order, ordered, origin=origin)
    answer = await _in_time(promise)
    if answer is None and isinstance(ordered.command, EmergencyStop):
        return Answer(True, "The music is silenced at once.")
    return answer


async def _in_time(promise: Future[Answer]) -> Answer | None:
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(promise)), ANSWER_S)
    except TimeoutError:
        return None


async def _send_until_it_leaves(socket: WebSocket, watcher: Watcher) -> None:
    """Send frames until the other side has gone; what it says is not listened to."""
    listening = asyncio.create_task(_listen(socket))
    try:
        while not listening.done():
            coming = asyncio.create_task(watcher.next())
            await asyncio.wait({coming, listening}, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                coming.cancel()
                return
            await socket.send_text(coming.result())
    except (WebSocketDisconnect, RuntimeError):
        return
    finally:
        listening.cancel()


async def _listen(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


def _json(view: BaseModel) -> Response:
    return Response(view.model_dump_json(), media_type="application/json")


async def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    """Say in one line what was wrong with a request, without giving it back."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return JSONResponse({"detail": f"{place}: {first['msg']}"}, status_code=422)
