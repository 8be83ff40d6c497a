"""Who may ask what: a guard before every request, which answers strangers all alike.

The engine listens on 127.0.0.1 only. A page of any site that the same person has open can still send requests
there; so Host must name this machine (or a name that was made to point here could read answers), and an
Origin, which browsers send, must be the engine's own.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 1_000_000
"""Of a request's body."""

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE)
_OPEN = frozenset({"/health", "/stop"})
"""What anybody on this machine may look at."""


def new_token() -> str:
    """Return a secret that nobody guesses."""
    return secrets.token_urlsafe(32)


class Guard:
    """Lets through who may, and answers everybody else the same.

    Parameters
    ----------
    app : callable
        What it stands before, an ASGI application.
    token : str
        Whoever has it may do everything.
    port : callable
        The port that is listened on, once it is known.
    """

    def __init__(self, app: App, *, token: str, port: Callable[[], int]) -> None:
        self._app = app
        self._token = token.encode()
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = _headers(scope)
        if not self._from_here(headers):
            await _refuse(scope, receive, send, 403, "requests come from this machine and its own pages only")
        elif not self._may(scope, headers):
            await _refuse(scope, receive, send, 401, "a token is needed: Authorization: Bearer TOKEN")
        elif scope["type"] == "http":
            await self._limited(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _from_here(self, headers: dict[bytes, list[bytes]]) -> bool:
        hosts, origins = headers.get(b"host", []), headers.get(b"origin", [])
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0].decode("latin-1")):
            return False
        own = {f"http://{name}:{self._port()}" for name in ("127.0.0.1", "localhost")}
        return all(origin.decode("latin-1") in own for origin in origins)

    def _may(self, scope: Scope, headers: dict[bytes, list[bytes]]) -> bool:
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"} and scope["path"] in _OPEN:
            return True
        given = headers.get(b"authorization", [])
        if len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(), self._token)

    async def _limited(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, if that is not too long."""
        body = await _body(receive)
        if body is None:
            await _refuse(scope, receive, send, 413, f"a request has at most {MOST_BYTES} bytes")
            return
        told = False

        async def whole() -> Message:
            nonlocal told
            if told:
                return await receive()
            told = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, whole, send)


def _headers(scope: Scope) -> dict[bytes, list[bytes]]:
    headers: dict[bytes, list[bytes]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(bytes(name).lower(), []).append(bytes(value))
    return headers


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body; None if it is too long, or its sender has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})  # before accepting: an answer of 403
        return
    body = json.dumps({"detail": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
