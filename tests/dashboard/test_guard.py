"""Only this machine's browser with the key of the address gets through."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from biofeedback.local_guard import LocalGuard
from dashboard.app import admission

KEY = "k" * 32
PORT = 8610
HERE = f"http://127.0.0.1:{PORT}"
COOKIE = {"cookie": f"biofeedback-{PORT}={KEY}"}


async def _page(_: Request) -> Response:
    return PlainTextResponse("the page")


async def _socket(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("a frame")
    await socket.close()


APP = LocalGuard(
    Starlette(
        routes=[
            Route("/", _page),
            Route("/commands", _page, methods=["POST"]),
            WebSocketRoute("/live", _socket),
        ]
    ),
    port=PORT,
    admit=admission(KEY, PORT),
)


def ask(method: str, path: str, headers: dict[str, str] | None = None, **params: str) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=APP)
        async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
            return await client.request(method, path, headers=headers, params=params)

    return asyncio.run(request())


def open_socket(headers: dict[str, str]) -> list[dict[str, Any]]:
    """Return what a WebSocket is told that asks for live frames."""
    told: list[dict[str, Any]] = []
    scope = {
        "type": "websocket",
        "path": "/live",
        "query_string": b"",
        "subprotocols": [],
        "extensions": {"websocket.http.response": {}},
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        told.append(message)

    asyncio.run(APP(scope, receive, send))
    return told


def test_the_key_becomes_a_cookie_that_scripts_cannot_read() -> None:
    answer = ask("GET", "/", key=KEY, view="live")
    assert (answer.status_code, answer.headers["location"]) == (303, "/?view=live")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(COOKIE["cookie"])
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert ask("GET", "/", COOKIE).text == "the page"


def test_pages_cannot_be_put_into_frames_of_others() -> None:
    assert ask("GET", "/", COOKIE).headers["x-frame-options"] == "SAMEORIGIN"


@pytest.mark.parametrize("key", ["", "wrong", KEY + "k", "ü"], ids=["none", "wrong", "longer", "not-ascii"])
def test_without_the_key_nothing_is_seen(key: str) -> None:
    for answer in (ask("GET", "/", key=key), ask("GET", "/", {"cookie": f"biofeedback-{PORT}=x{key[1:5]}"})):
        assert answer.status_code == 403
        assert "the page" not in answer.text
        assert "set-cookie" not in answer.headers


def test_the_key_opens_nothing_but_pages() -> None:
    assert ask("POST", "/commands", key=KEY).status_code == 403
    assert ask("POST", "/commands", COOKIE).status_code == 200


FOREIGN = {
    "other-site": {"origin": "http://evil.example"},
    "other-port": {"origin": "http://127.0.0.1:9999"},
    "no-site": {"origin": "null"},
    "other-host": {"host": "evil.example"},
    "other-host-port": {"host": "127.0.0.1:9999"},
}


@pytest.mark.parametrize("which", FOREIGN)
def test_other_sites_are_refused_with_the_cookie_too(which: str) -> None:
    answer = ask("POST", "/commands", {**COOKIE, **FOREIGN[which]})
    assert answer.status_code == (400 if which == "other-host" else 403)


def test_live_frames_need_the_cookie_and_the_own_origin() -> None:
    own = {"host": f"127.0.0.1:{PORT}", "origin": HERE}
    assert [message["type"] for message in open_socket({**own, **COOKIE})] == [
        "websocket.accept",
        "websocket.send",
        "websocket.close",
    ]
    for headers in (own, {**own, **COOKIE, "origin": "http://evil.example"}):
        assert open_socket(headers) == [{"type": "websocket.close", "code": 1008, "reason": ""}]
    start, _ = open_socket({**COOKIE, "host": "evil.example"})
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 400)
