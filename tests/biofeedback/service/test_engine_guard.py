"""Who may ask what: strangers learn nothing and change nothing, and no client harms the engine."""

import json
import re
import socket
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect as open_socket

pytestmark = pytest.mark.realtime

PATHS = (
    "/",
    "/state",
    "/commands",
    "/openapi.json",
    "/clients/P-1",
    "/stop/state",
    "/listener",
    "/enter/x",
    "/../x",
)
KEY = "0123456789abcdef"
PATIENCE_S = 300.0


@pytest.fixture(scope="module")
def token(engine) -> str:
    return json.loads((engine.folder / "engine.json").read_text())["token"]


@pytest.fixture(scope="module")
def stranger(engine):
    with httpx.Client(base_url=engine.client.url, trust_env=False, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def unchanged(engine):
    """Sees to it that nothing was changed by what a test asks."""

    def all_there_is():
        return engine.client.clients(), engine.client.state().session, engine.client.sessions()

    before = all_there_is()
    yield
    assert all_there_is() == before


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_without_the_token_every_path_answers_the_same(stranger, method: str) -> None:
    answers = {
        (answer.status_code, answer.text)
        for path in PATHS
        for headers in ({}, bearer("wrong"), {"Authorization": "Bearer"}, {"Authorization": "Basic eDp5"})
        for answer in [stranger.request(method, path, headers=headers)]
    }
    ((status, text),) = answers
    assert status == 401
    assert json.loads(text) == {"detail": "a token is needed: Authorization: Bearer TOKEN"}


def test_health_and_the_stop_page_are_for_anybody_and_tell_nothing(stranger, token: str) -> None:
    assert stranger.get("/health").json() == {"status": "alive"}
    page = stranger.get("/stop")
    assert (page.status_code, token in page.text) == (200, False)
    assert stranger.post("/stop", content="do=stop").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "engine.example"},
        {"Host": "127.0.0.1.example:80"},
        {"Origin": "http://engine.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
    ],
    ids=lambda headers: "-".join(map(str, *headers.items())),
)
@pytest.mark.parametrize("path", ["/state", "/health", "/stop"])
def test_what_comes_from_elsewhere_is_refused_even_with_the_token(
    stranger, token: str, headers: dict[str, str], path: str
) -> None:
    answer = stranger.get(path, headers={**bearer(token), **headers})
    assert answer.status_code == (400 if "Host" in headers else 403)
    assert token not in answer.text


def test_the_engine_s_own_pages_are_let_through(stranger, token: str) -> None:
    answer = stranger.get("/state", headers={**bearer(token), "Origin": str(stranger.base_url).rstrip("/")})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Origin": "http://engine.example"}], ids=str
)
def test_live_frames_are_for_those_with_the_token(engine, token: str, headers: dict[str, str]) -> None:
    right = bearer(token) if "Origin" in headers else {}
    with pytest.raises(InvalidStatus) as refused:
        open_socket(
            f"{engine.client.url.replace('http', 'ws')}/live",
            additional_headers=right | headers,
            open_timeout=PATIENCE_S,
        )
    assert refused.value.response.status_code == 403


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"key": "0123456789", "command": {"name": "explode"}}',
        b'{"key": "k", "command": {"name": "stop"}}',
        b'{"key": "0123456789", "command": {"name": "volume", "db": NaN}}',
        b'{"key": "0123456789", "command": {"name": "volume", "db": 3}}',
        b'{"key": "0123456789", "command": {"name": "override", "field": "mode", "value": 0.33}}',
        b'{"key": "0123456789", "command": {"name": "note", "text": "' + b"P-017 weeps " * 1000 + b'"}}',
    ],
    ids=["empty", "cut", "no-text", "deep", "unknown", "key", "nan", "loud", "mode", "long"],
)
def test_a_malformed_command_is_refused_in_one_line(stranger, token: str, engine, body: bytes) -> None:
    headers = {**bearer(token), "Content-Type": "application/json"}
    answer = stranger.post("/commands", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert "\n" not in answer.json()["detail"]
    assert "Traceback" not in answer.text
    assert "weeps" not in answer.text + engine.log


@pytest.mark.usefixtures("unchanged")
def test_a_huge_body_is_refused(stranger, token: str) -> None:
    answer = stranger.post("/commands", content=(b"x" * 65_536 for _ in range(32)), headers=bearer(token))
    assert answer.status_code == 413


def test_requests_that_are_none_and_that_never_end_leave_the_engine_as_it_is(engine, stranger) -> None:
    address = (stranger.base_url.host, stranger.base_url.port)
    with ExitStack() as stack:
        for text in (
            b"\x00\x01\x02\r\n\r\n",
            b"POST /commands HTTP/1.1\r\nContent-Length: 99\r\n\r\n{",
            b"GET /",
        ):
            one = stack.enter_context(socket.create_connection(address))
            one.sendall(text)
        assert engine.client.healthy()
        assert engine.client.state().engine.stage == "idle"


def test_no_answer_holds_a_trace_of_the_program(stranger, token: str) -> None:
    answer = stranger.get("/clients/%00", headers=bearer(token))
    assert answer.status_code in {404, 422}
    assert 'File "' not in answer.text


def test_many_watch_and_a_slow_one_only_loses_frames(engine, token: str) -> None:
    client = engine.client
    client.command("prepare", **engine.prepare_short)
    client.wait_for("prepared", timeout_s=300)
    address = f"{client.url.replace('http', 'ws')}/live"
    with ExitStack() as stack:

        def watch():
            return stack.enter_context(
                open_socket(
                    address, additional_headers=bearer(token), compression=None, open_timeout=PATIENCE_S
                )
            )

        watchers = [watch() for _ in range(32)]
        assert all(json.loads(watcher.recv(120))["signals"] is not None for watcher in watchers)
        with pytest.raises((ConnectionClosed, InvalidStatus)):
            watch().recv(120)
        watchers[0].send("x" * 1000)  # what they say is not listened to
        assert json.loads(watchers[-1].recv(120))
    engine.until(lambda state: state.engine.clients_watching == 0)
    assert client.command("close").accepted


@contextmanager
def opened(engine, link: str):
    """Yield a browser that has opened a link."""
    with httpx.Client(base_url=engine.client.url, trust_env=False, timeout=PATIENCE_S) as browser:
        answer = browser.get(link)
        assert answer.status_code == 200
        (kept,) = answer.headers.get_list("set-cookie")
        assert {"HttpOnly", "SameSite=Strict"} <= set(kept.split("; "))
        yield browser


def test_a_link_opens_its_page_once_and_nothing_else(engine, stranger) -> None:
    link = engine.client.link("listener")
    with opened(engine, link) as browser:
        assert stranger.get(link).status_code == 401
        assert browser.get("/listener").status_code == 200
        assert browser.get("/listener/calm").json() == {
            "lifecycle": "waiting",
            "sounding": False,
            "breath_rate": 0.0,
        }
        for path in ("/state", "/stop/state", "/clients", "/openapi.json"):
            assert browser.get(path).status_code == 401
        stop = {"key": KEY, "command": {"name": "stop"}}
        assert browser.post("/commands", json=stop).status_code == 401
        assert browser.post("/stop", content="do=stop").status_code == 401


def test_the_listeners_page_and_the_stop_page_hold_and_stop_a_session(engine) -> None:
    own = {"Origin": engine.client.url}
    engine.begin()
    with opened(engine, engine.links["listener"]) as listener:
        assert listener.post("/listener", json={"key": KEY, "do": "stop"}, headers=own).status_code == 422
        for _ in range(2):  # the same wish, sent again
            assert listener.post("/listener", json={"key": KEY}, headers=own).json() == {"accepted": True}
        engine.until(lambda state: state.session.snapshot.lifecycle == "held")
        assert listener.post("/listener", json={"key": KEY + "2"}, headers=own).json() == {"accepted": False}
        assert listener.get("/listener/calm").json()["lifecycle"] == "held"
    with opened(engine, engine.links["stop"]) as browser:
        assert "held" in re.sub("<[^>]*>", " ", browser.get("/stop/state").text)
        assert browser.post("/stop", content="do=dance", headers=own).status_code == 422
        assert browser.post("/stop", content="do=emergency+stop", headers=own).status_code == 200
    state = engine.client.wait_for("closed", timeout_s=300)
    assert state.session.end_reason.startswith("it was stopped")
    assert engine.client.command("close").accepted


@pytest.mark.usefixtures("unchanged")
def test_whatever_fits_the_openapi_document_changes_nothing_without_the_token(engine, token: str) -> None:
    schema = described(engine, token)
    with requests.Session() as session:
        exercise(schema, examples=40, check=lambda case: anonymous(case, engine, session))


def test_whatever_fits_the_openapi_document_is_answered_as_described(engine, token: str) -> None:
    schema = described(engine, token).exclude(path_regex="listen|audition|arc|sources|report|/enter")
    with requests.Session() as session:
        exercise(schema, examples=100, check=lambda case: trusted(case, engine, token, session))
    assert engine.client.healthy()
    engine.client.command("close")
    assert "Traceback" not in engine.log


def described(engine, token: str):
    document = httpx.get(
        f"{engine.client.url}/openapi.json", headers=bearer(token), trust_env=False, timeout=PATIENCE_S
    ).json()
    return schemathesis.openapi.from_dict(document)


def exercise(schema, *, examples: int, check) -> None:
    cases = st.one_of([operation.ok().as_strategy() for operation in schema.get_all_operations()])

    @given(case=cases)
    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def each(case: Case) -> None:
        check(case)

    each()


def anonymous(case: Case, engine, session: requests.Session) -> None:
    case.headers.pop("Authorization", None)
    response = case.call(base_url=engine.client.url, session=session, timeout=PATIENCE_S)
    for_anybody = case.path in {"/health", "/stop"} and case.method == "GET"
    assert (response.status_code == 401) is not for_anybody


def trusted(case: Case, engine, token: str, session: requests.Session) -> None:
    response = case.call(
        base_url=engine.client.url, headers=bearer(token), session=session, timeout=PATIENCE_S
    )
    assert response.status_code < 500 or response.status_code == 503, response.text
    # Not every request that fits the document can be granted: a client may be there already.
    case.validate_response(response, excluded_checks=[schemathesis.checks.positive_data_acceptance])
