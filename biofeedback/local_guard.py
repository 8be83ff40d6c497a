"""What every local server needs: its socket, the guard before it, and the sending of live frames.

The engine and the dashboard listen on 127.0.0.1. Any page that is open in the same browser can send requests
there, and so can other users of the machine. The guard therefore checks three things: Host must name this
machine, or a DNS name that points here could read answers; Origin, which browsers send, must be the server's
own; and the request must carry a secret of this launch, which each server checks itself.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import AsyncIterable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketClose

HOSTS = ("127.0.0.1", "localhost")
POLICY_VIOLATION = 1008
"""WebSocket close code, RFC 6455 section 7.4.1."""

FOREIGN = "This address is for programs and pages of this machine only."


def bound_socket(port: int) -> socket.socket:
    """Return a TCP socket of this machine only, bound to a port; 0 for any that is free.

    Raises
    ------
    OSError
        If the port cannot be used.
    """
    # Named as TCP, or asyncio lets the body of an answer wait 40 ms for its head to be acknowledged (Nagle).
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOSTS[0], port))
    except OSError:
        bound.close()
        raise
    return bound


async def send_until_gone(websocket: WebSocket, texts: AsyncIterable[str]) -> None:
    """Send texts until they end or the other side goes; what it sends is ignored."""

    async def send() -> None:
        async for text in texts:
            await websocket.send_text(text)

    async def wait_until_gone() -> None:
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass

    tasks = [asyncio.create_task(send()), asyncio.create_task(wait_until_gone())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        # A side that goes in the middle of a frame is no fault.
        await asyncio.gather(*tasks, return_exceptions=True)


def carries_cookie(connection: HTTPConnection, name: str, value: str) -> bool:
    """Return whether a request carries a cookie of that value, compared in constant time."""
    return hmac.compare_digest(connection.cookies.get(name, "").encode(), value.encode())


class LocalGuard:
    """ASGI middleware that refuses what does not come from this machine's own pages and programs.

    Every answer forbids other sites to show it in a frame, and browsers to pass its address on.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    port : int
        Where it is served.
    admit : callable
        Called with each request from this machine. Returns None to let it through, else the answer. A
        WebSocket is closed instead of answered.
    max_body_bytes : int, optional
        Longest body of a request; `app` is stopped with status 413 where it reads more. No limit if left out.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int,
        admit: Callable[[HTTPConnection], Response | None],
        max_body_bytes: int | None = None,
    ) -> None:
        self._app = app
        self._admit = admit
        self._origins = {f"http://{host}:{port}" for host in HOSTS}
        self._max_body_bytes = max_body_bytes
        self._checked = TrustedHostMiddleware(self._guard, allowed_hosts=HOSTS, www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        await self._checked(scope, receive, send)

    async def _guard(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        answer = self._answer_to(scope)
        if answer is None:
            limited = receive if self._max_body_bytes is None else _limited(receive, self._max_body_bytes)
            await self._app(scope, limited, _with_headers(send))
        elif scope["type"] == "websocket":
            await WebSocketClose(POLICY_VIOLATION)(scope, receive, send)
        else:
            await answer(scope, receive, send)

    def _answer_to(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        addresses = {f"http://{host}" for host in headers.getlist("host")}
        if len(addresses) != 1 or not addresses | {*headers.getlist("origin")} <= self._origins:
            return JSONResponse({"detail": FOREIGN}, 403)
        return self._admit(HTTPConnection(scope))


def _limited(receive: Receive, max_bytes: int) -> Receive:
    """Return a `receive` that refuses the body of a request once it is longer than this."""
    size = 0

    async def receiver() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > max_bytes:
            raise HTTPException(413, f"a request has at most {max_bytes} bytes")
        return message

    return receiver


def _with_headers(send: Send) -> Send:
    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return sender
