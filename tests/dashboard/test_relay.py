"""The relay hands on what it is told to, adds the token, and leaks nothing."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from urllib.parse import parse_qsl

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from biofeedback.client import EngineEndpoint
from dashboard.relay import AWAY, Relay

pytestmark = pytest.mark.realtime

TOKEN = "a-token-that-no-browser-sees"  # noqa: S105 - of nothing


async def _echo(request: Request) -> Response:
    return JSONResponse(
        {
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": (await request.body()).decode(),
            "headers": dict(request.headers),
        },
        status_code=418,
        headers={"set-cookie": "engine=secret", "content-disposition": "attachment"},
    )


async def _live(socket: WebSocket) -> None:
    await socket.accept()
    for number in range(3):
        await socket.send_text(
            json.dumps([number, socket.headers["authorization"], "cookie" in socket.headers])
        )
    await socket.close()


@pytest.fixture
def engine() -> Iterator[str]:
    app = Starlette(
        routes=[
            WebSocketRoute("/live", _live),
            Route("/{path:path}", _echo, methods=["GET", "POST", "PATCH", "DELETE"]),
        ]
    )
    with serving(app) as address:
        yield address


def endpoint(url: str) -> EngineEndpoint:
    return EngineEndpoint(url=url, token=TOKEN, pid=1)


class serving:  # noqa: N801 - used like a function
    """Serve an app on a free port for a while."""

    def __init__(self, app: Starlette) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self._thread = threading.Thread(target=self._server.run, args=([self._listening],))

    def __enter__(self) -> str:
        self._thread.start()
        return "http://{}:{}".format(*self._listening.getsockname())

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._listening.close()


def ask(relay: Relay, method: str, path: str, **content: object) -> httpx.Response:
    async def request() -> httpx.Response:
        transport = httpx.ASGITransport(app=Starlette(routes=relay.routes))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:1") as client:
            answer = await client.request(method, path, **content)
        await relay.close()
        return answer

    return asyncio.run(request())


def test_a_request_is_handed_on_with_the_token(engine: str) -> None:
    relay = Relay(lambda: endpoint(engine))
    answer = ask(
        relay,
        "POST",
        "/engine/clients/C%20ä/consents?q=a%20b&q=2",
        json={"scope": "storage"},
        headers={
            "cookie": "biofeedback-1=key",
            "origin": "http://127.0.0.1:1",
            "authorization": "Bearer mine",
        },
    )
    assert answer.status_code == 418
    told = answer.json()
    assert (told["method"], told["path"]) == ("POST", "/clients/C ä/consents")
    assert parse_qsl(told["query"]) == [("q", "a b"), ("q", "2")]
    assert json.loads(told["body"]) == {"scope": "storage"}
    assert told["headers"]["authorization"] == f"Bearer {TOKEN}"
    assert not {"cookie", "origin"} & set(told["headers"])


def test_of_the_answer_only_what_a_browser_needs_is_handed_back(engine: str) -> None:
    answer = ask(Relay(lambda: endpoint(engine)), "GET", "/engine/state")
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-disposition"] == "attachment"
    assert answer.headers["cache-control"] == "no-store"


def test_no_way_leads_out_of_the_engine(engine: str) -> None:
    relay = Relay(lambda: endpoint(engine))
    assert ask(relay, "GET", "/engine/sessions/%2e%2e/%2e%2e/etc").status_code == 503


@pytest.mark.parametrize("where", [None, endpoint("http://127.0.0.1:9")], ids=["none-said", "none-answers"])
def test_without_an_engine_that_is_said(where: EngineEndpoint | None) -> None:
    answer = ask(Relay(lambda: where), "GET", "/engine/state")
    assert answer.status_code == 503
    assert answer.json() == {"detail": "The engine does not answer."}
    assert TOKEN not in answer.text


def test_the_listeners_page_is_the_engines_own(engine: str) -> None:
    for method, path in (("GET", "/listener"), ("POST", "/listener"), ("GET", "/listener/calm")):
        told = ask(Relay(lambda: endpoint(engine)), method, path).json()
        assert (told["method"], told["path"]) == (method, path)
        assert told["headers"]["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("where", [None, endpoint("http://127.0.0.1:9")], ids=["none-said", "none-answers"])
def test_without_an_engine_the_listener_hears_nothing_alarming(where: EngineEndpoint | None) -> None:
    page = ask(Relay(lambda: where), "GET", "/listener")
    assert page.status_code == 200
    assert "The music will begin soon." in page.text
    assert 'http-equiv="refresh"' in page.text
    assert ask(Relay(lambda: where), "POST", "/listener").status_code == 503


def frames(address: str) -> tuple[list[str], int | None]:
    """Return the frames that come through the relay, and the code at their end."""

    async def collect() -> tuple[list[str], int | None]:
        got = []
        async with connect(f"{address.replace('http', 'ws')}/engine/live", proxy=None) as live:
            try:
                while True:
                    got.append(str(await live.recv()))
            except ConnectionClosed as end:
                return got, end.rcvd.code if end.rcvd else None

    return asyncio.run(collect())


def test_frames_come_through_in_order(engine: str) -> None:
    with serving(Starlette(routes=Relay(lambda: endpoint(engine)).routes)) as address:
        got, code = frames(address)
    assert [json.loads(frame) for frame in got] == [[n, f"Bearer {TOKEN}", False] for n in range(3)]
    assert code == AWAY


def test_without_an_engine_a_live_screen_is_told_to_try_again() -> None:
    with serving(Starlette(routes=Relay(lambda: None).routes)) as address:
        assert frames(address) == ([], AWAY)
