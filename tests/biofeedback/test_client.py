"""The client of the engine: its errors, its transport, and its list of exported names."""

import ast
import inspect
import json
import socket
import threading

import httpx
import pytest
from websockets.sync.server import serve

from biofeedback import client, errors, models
from biofeedback.client import EngineAnswerError, EngineClient, EngineError, EngineUnreachableError

pytestmark = pytest.mark.realtime

URL = "http://127.0.0.1:9"


def engine(respond):
    """Return a client whose requests `respond` answers."""
    return EngineClient(URL, "token", transport=httpx.MockTransport(respond))


def test_requests_go_through_the_transport_that_is_given():
    seen = []

    def respond(request):
        seen.append((request.method, request.url.path, request.headers["Authorization"]))
        return httpx.Response(200, json=[])

    with engine(respond) as it:
        assert it.healthy()
        assert it.clients() == ()
    assert seen == [("GET", "/health", "Bearer token"), ("GET", "/clients", "Bearer token")]


def test_a_refusal_has_the_engine_s_reason_and_status():
    it = engine(lambda _: httpx.Response(404, json={"detail": "there is no client X"}))
    with it, pytest.raises(EngineError, match="there is no client X") as raised:
        it.client("X")
    assert raised.value.status == 404


def test_a_command_that_is_not_answered_yet_is_given_again_with_its_key():
    keys, again = [], {"Retry-After": "1"}

    def respond(request):
        keys.append(json.loads(request.content)["key"])
        busy = httpx.Response(503, json={"detail": "the engine has not answered yet"}, headers=again)
        return busy if len(keys) < 3 else httpx.Response(503, json={"detail": "the store is locked"})

    with engine(respond) as it, pytest.raises(EngineError, match="the store is locked"):
        it.command("stop")
    assert len(keys) == 3
    assert len(set(keys)) == 1


def test_no_answer_is_an_error_of_the_client_s_tree():
    def respond(request):
        raise httpx.ConnectError("refused", request=request)

    with engine(respond) as it:
        assert not it.healthy()
        with pytest.raises(EngineUnreachableError, match="refused") as raised:
            it.state()
    assert raised.value.status is None


@pytest.mark.parametrize("content", [b"", b"<html>", b'{"engine": 5}'])
def test_an_answer_that_cannot_be_read_is_an_error_of_the_client_s_tree(content):
    it = engine(lambda _: httpx.Response(200, content=content))
    with it, pytest.raises(EngineAnswerError, match="cannot be understood"):
        it.state()


def test_a_live_connection_without_an_engine_is_an_error_of_the_client_s_tree():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with EngineClient(f"http://127.0.0.1:{port}", "token") as it, pytest.raises(EngineUnreachableError):
        next(it.live())


@pytest.fixture
def live():
    """Return a function that serves one live connection by a handler and yields a client of it."""
    servers = []

    def serving(handler, **options):
        server = serve(handler, "127.0.0.1", 0, **options)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return EngineClient(f"http://127.0.0.1:{server.socket.getsockname()[1]}", "token")

    yield serving
    for server, thread in servers:
        server.shutdown()
        thread.join()


FRAME = {"t": 1.0, "elapsed_s": None, "signals": {}, "beats": [], "state": {"stage": "idle"}}


def test_frames_come_until_the_engine_closes_the_connection(live):
    with live(lambda connection: connection.send(json.dumps(FRAME))) as it:
        assert list(it.live()) == [FRAME]


def test_a_live_connection_that_breaks_is_an_error_of_the_client_s_tree(live):
    def breaking(connection):
        connection.send(json.dumps(FRAME))
        connection.close(code=1011, reason="the engine failed")

    with live(breaking) as it:
        frames = it.live()
        assert next(frames) == FRAME
        with pytest.raises(EngineUnreachableError, match="the engine failed"):
            next(frames)


def test_a_live_connection_that_is_refused_tells_the_status(live):
    def refuse(connection, _request):
        return connection.respond(403, "no")

    with live(lambda _: None, process_request=refuse) as it, pytest.raises(EngineError) as raised:
        next(it.live())
    assert raised.value.status == 403


def test_a_frame_that_is_no_json_is_an_error_of_the_client_s_tree(live):
    with live(lambda connection: connection.send("?")) as it, pytest.raises(EngineAnswerError):
        next(it.live())


def test_every_error_is_in_one_tree():
    raised = [each for each in vars(client).values() if inspect.isclass(each) and issubclass(each, Exception)]
    ours = [each for each in raised if each.__module__ == client.__name__]
    assert len(ours) == 4
    assert all(issubclass(each, EngineError) for each in ours)
    assert issubclass(EngineError, errors.BiofeedbackError)


@pytest.mark.parametrize("module", [client, models])
def test_every_public_name_is_exported_and_every_exported_name_is_there(module):
    tree = ast.parse(inspect.getsource(module))
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            defined |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    public = {name for name in defined if not name.startswith("_")}
    assert public <= set(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)
    assert len(module.__all__) == len(set(module.__all__))


def test_every_type_that_the_client_returns_is_exported():
    named = {name for method in public_methods() for name in names_in(method.__annotations__["return"])}
    classes = {name: client.__dict__[name] for name in named if name in client.__dict__}
    ours = {name for name, each in classes.items() if each.__module__.startswith("biofeedback.")}
    assert "State" in ours
    assert ours <= set(client.__all__)


def public_methods():
    return [method for name, method in vars(EngineClient).items() if name[0] != "_" and callable(method)]


def names_in(text):
    return {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
