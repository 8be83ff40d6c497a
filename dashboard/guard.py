"""Who may speak with the dashboard: this machine's own browser, with the key of the address that was opened.

A page of another site that the browser has open as well could send requests to 127.0.0.1, and so could
another user of this machine. The first is kept out by Host and Origin, the second by a key: the address that
`biofeedback dashboard` opens carries it once, then it is a cookie that scripts cannot read.
"""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from dashboard.texts import say

HOSTS = ("127.0.0.1", "localhost")
PARAMETER = "key"
REFUSED = 4403
"""Code with which a WebSocket is refused."""


class Guard:
    """ASGI middleware that lets through what comes from the dashboard's own pages.

    Parameters
    ----------
    app : ASGIApp
        What is guarded.
    key : str
        The secret of the address.
    port : int
        Where the dashboard is served.
    """

    def __init__(self, app: ASGIApp, *, key: str, port: int) -> None:
        self._app = app
        self._key = key
        self._cookie = f"biofeedback-{port}"
        self._hosts = {f"{host}:{port}" for host in HOSTS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._is_own(headers):
            await _refuse(scope, receive, send, say("guard.foreign"))
        elif self._has_cookie(headers):
            await self._app(scope, receive, _framed(send))
        elif scope["type"] == "http" and scope["method"] == "GET" and self._has_key(scope):
            await self._admit(scope)(scope, receive, send)
        else:
            await _refuse(scope, receive, send, say("guard.key"))

    def _is_own(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        origin = headers.get("origin")
        return host in self._hosts and origin in {None, f"http://{host}"}

    def _has_cookie(self, headers: Headers) -> bool:
        try:
            cookies = SimpleCookie(headers.get("cookie", ""))
        except CookieError:
            return False
        return self._cookie in cookies and self._is_key(cookies[self._cookie].value)

    def _has_key(self, scope: Scope) -> bool:
        return any(name == PARAMETER and self._is_key(value) for name, value in _query(scope))

    def _is_key(self, text: str) -> bool:
        return hmac.compare_digest(text.encode(), self._key.encode())

    def _admit(self, scope: Scope) -> RedirectResponse:
        rest = urlencode([(name, value) for name, value in _query(scope) if name != PARAMETER])
        response = RedirectResponse(f"/{scope['path'].lstrip('/')}" + (f"?{rest}" if rest else ""), 303)
        response.set_cookie(self._cookie, self._key, httponly=True, samesite="strict")
        return response


def _query(scope: Scope) -> list[tuple[str, str]]:
    return parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _framed(send: Send) -> Send:
    """Let no other site put a page of ours, with its STOP, into a frame."""

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Referrer-Policy"] = "no-referrer"
        await send(message)

    return sender


async def _refuse(scope: Scope, receive: Receive, send: Send, why: str) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(REFUSED, why)(scope, receive, send)
    else:
        await PlainTextResponse(why, 403)(scope, receive, send)
