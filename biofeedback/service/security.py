"""Who may ask what: a guard before every request, which answers strangers all alike.

The engine listens on 127.0.0.1 only. A page of any site that the same person has open can still send requests
there; so Host must name this machine (or a name that was made to point here could read answers), and an
Origin, which browsers send, must be the engine's own.

There are three rights. The token (``engine.json``) opens everything. The pages ``/stop`` and ``/listener``
are for browsers, which cannot send it: each has a cookie of its own, that opens that page and what lies below
it, and nothing else. A browser gets the cookie by opening a link that works once (``/enter/CODE``); the
cookie is HttpOnly, SameSite=Strict, sent to its page only, and ends with the engine.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Literal, get_args

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

Page = Literal["stop", "listener"]
"""A page with a right of its own."""

MOST_BYTES = 1_000_000
"""Of a request's body."""

MOST_CODES = 20
"""Links that were made and not yet opened; the oldest ends when there are more."""

_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.IGNORECASE)
_FOR_ANYBODY = frozenset({"/health", "/stop"})
_ENTER = "/enter/"


class Keys:
    """The secrets of one launch. Any thread may call any method.

    Parameters
    ----------
    port : int
        That is listened on.

    Attributes
    ----------
    token : str
        Opens everything.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.token = secrets.token_urlsafe(32)
        self._of_pages = {page: secrets.token_urlsafe(32) for page in get_args(Page)}
        self._codes: dict[str, Page] = {}
        self._lock = threading.Lock()

    @property
    def origins(self) -> frozenset[str]:
        """What a page of the engine's own calls itself."""
        return frozenset(f"http://{name}:{self._port}" for name in ("127.0.0.1", "localhost"))

    def link(self, page: Page) -> str:
        """Return an address that gives the browser which opens it first the right to a page."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._codes) >= MOST_CODES:
                del self._codes[next(iter(self._codes))]
            self._codes[code] = page
        return f"http://127.0.0.1:{self._port}{_ENTER}{code}"

    def knows(self, code: str) -> bool:
        """Return whether a link's code was made and not opened yet."""
        with self._lock:
            return code in self._codes

    def spend(self, code: str) -> tuple[Page, str] | None:
        """Return the page of a link's code and the cookie to set, once."""
        with self._lock:
            page = self._codes.pop(code, None)
        if page is None:
            return None
        kept = f"{self._cookie(page)}={self._of_pages[page]}; Path=/{page}; HttpOnly; SameSite=Strict"
        return page, kept

    def opens(self, path: str, *, bearer: bytes | None, cookies: str) -> bool:
        """Return whether what a request brings opens a path."""
        if bearer is not None:
            return hmac.compare_digest(bearer, self.token.encode())
        page = next(
            (page for page in self._of_pages if path == f"/{page}" or path.startswith(f"/{page}/")), None
        )
        if page is None:
            return False
        try:
            brought = SimpleCookie(cookies).get(self._cookie(page))
        except CookieError:
            return False
        return brought is not None and hmac.compare_digest(
            brought.value.encode(), self._of_pages[page].encode()
        )

    def _cookie(self, page: Page) -> str:
        return f"biofeedback-{page}-{self._port}"  # cookies do not tell ports apart


class Guard:
    """Lets through who may, and answers everybody else the same.

    Parameters
    ----------
    app : callable
        What it stands before, an ASGI application.
    keys : Keys
        What opens what.
    """

    def __init__(self, app: App, keys: Keys) -> None:
        self._app = app
        self._keys = keys

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

    def _from_here(self, headers: dict[bytes, list[str]]) -> bool:
        hosts = headers.get(b"host", [])
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            return False
        return all(origin in self._keys.origins for origin in headers.get(b"origin", []))

    def _may(self, scope: Scope, headers: dict[bytes, list[str]]) -> bool:
        path = str(scope["path"])
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            if path in _FOR_ANYBODY:
                return True
            if path.startswith(_ENTER):
                return self._keys.knows(path.removeprefix(_ENTER))
        given = headers.get(b"authorization", [])
        scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
        bearer = token.strip().encode() if scheme.lower() == "bearer" else None
        if given and bearer is None:
            return False
        return self._keys.opens(path, bearer=bearer, cookies="; ".join(headers.get(b"cookie", [])))

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


def _headers(scope: Scope) -> dict[bytes, list[str]]:
    headers: dict[bytes, list[str]] = {}
    for name, value in scope["headers"]:
        headers.setdefault(bytes(name).lower(), []).append(bytes(value).decode("latin-1"))
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
