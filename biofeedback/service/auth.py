"""The secrets of one launch of the engine, and which requests they admit.

There are three rights. The token (``engine.json``) opens everything. The pages ``/stop`` and ``/listener``
are for browsers, which cannot send it: each has a cookie of its own, which opens that page and the paths
below it, and nothing else. A browser gets the cookie by opening a link that works once (``/enter/CODE``); the
cookie is HttpOnly, SameSite=Strict, sent to its page only, and ends with the engine.

`biofeedback.local_guard.LocalGuard` stands before the engine and calls `Keys.admit`.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from typing import Literal, get_args

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from biofeedback.local_guard import carries_cookie

Page = Literal["stop", "listener"]
"""A page with a right of its own."""

MAX_BODY_BYTES = 1_000_000
"""Of a request to the engine; the longest protocol has 200,000 characters."""

MAX_CODES = 20
"""Links that were made and not yet opened; the oldest ends when there are more."""

TOKEN_NEEDED = "a token is needed: Authorization: Bearer TOKEN"  # noqa: S105 - says what is missing

_PUBLIC = frozenset({"/health", "/stop"})
_ENTER = "/enter/"


class Keys:
    """The secrets of one launch. Any thread may call any method.

    Parameters
    ----------
    port : int
        Where the engine listens.

    Attributes
    ----------
    token : str
        Admits every request.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self.token = secrets.token_urlsafe(32)
        self._of_pages = {page: secrets.token_urlsafe(32) for page in get_args(Page)}
        self._codes: dict[str, Page] = {}
        self._lock = threading.Lock()

    def link(self, page: Page) -> str:
        """Return an address that gives the browser which opens it first the right to a page."""
        code = secrets.token_urlsafe(24)
        with self._lock:
            while len(self._codes) >= MAX_CODES:
                del self._codes[next(iter(self._codes))]
            self._codes[code] = page
        return f"http://127.0.0.1:{self._port}{_ENTER}{code}"

    def spend(self, code: str) -> tuple[Page, str] | None:
        """Return the page of a link's code and the cookie to set, once."""
        with self._lock:
            page = self._codes.pop(code, None)
        if page is None:
            return None
        cookie = f"{self._cookie(page)}={self._of_pages[page]}; Path=/{page}; HttpOnly; SameSite=Strict"
        return page, cookie

    def admit(self, connection: HTTPConnection) -> Response | None:
        """Return None for a request with the right to its path, else the refusal: the same for every path."""
        return None if self._opens(connection) else JSONResponse({"detail": TOKEN_NEEDED}, 401)

    def _opens(self, connection: HTTPConnection) -> bool:
        path = str(connection.scope["path"])
        if connection.scope["type"] == "http" and connection.scope["method"] in {"GET", "HEAD"}:
            if path in _PUBLIC:
                return True
            if path.startswith(_ENTER):
                with self._lock:
                    return path.removeprefix(_ENTER) in self._codes
        if given := connection.headers.getlist("authorization"):
            scheme, _, token = given[0].partition(" ")
            valid = hmac.compare_digest(token.strip().encode(), self.token.encode())
            return len(given) == 1 and scheme.lower() == "bearer" and valid
        return any(
            carries_cookie(connection, self._cookie(page), secret)
            for page, secret in self._of_pages.items()
            if path == f"/{page}" or path.startswith(f"/{page}/")
        )

    def _cookie(self, page: Page) -> str:
        return f"biofeedback-{page}-{self._port}"  # cookies do not tell ports apart
