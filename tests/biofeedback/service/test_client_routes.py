"""Clients over HTTP: a field that is left out stays, and null clears it."""

import asyncio

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from biofeedback.catalog import Catalog
from biofeedback.cli.options import now
from biofeedback.service.requests import Prepare, resolve
from biofeedback.service.routes.clients import clients_router
from biofeedback.store.store import Store
from generator.preferences import Preferences

LIKED = {
    "palette": "harp-bells",
    "nature": "rain",
    "tonic": 4,
    "metre": "3/4",
    "playback": "headphones",
    "unwanted": ["bells"],
    "register_low": 0.2,
    "register_high": 0.6,
}
PROFILE = {"volume_db": -12.0, "cautions": ["tinnitus"], "goals": ["sleep"]}
NEW_LIKED = {
    "palette": "soft-strings",
    "nature": "wind",
    "tonic": 0,
    "metre": "6/8",
    "playback": "loudspeakers",
    "unwanted": ["pad"],
    "register_low": 0.3,
    "register_high": 0.5,
}
NEW_PROFILE = {"volume_db": -6.0, "cautions": ["epilepsy"], "goals": []}
NO_LIKED = {
    "palette": None,
    "nature": None,
    "tonic": None,
    "metre": None,
    "playback": None,
    "unwanted": [],
    "register_low": 0.0,
    "register_high": 1.0,
}
NO_PROFILE = {"volume_db": None, "cautions": [], "goals": []}


class Routes:
    """Sends requests to an application in this process."""

    def __init__(self, app):
        self.app = app

    def __call__(self, method, path, body=None):
        async def send():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
                return await http.request(method, path, json=body)

        return asyncio.run(send())


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "data", now=now) as store:
        yield store


@pytest.fixture
def http(store):
    """A client of the routes, with one client of the store."""
    app = FastAPI()
    app.include_router(clients_router(store))
    http = Routes(app)
    assert http("POST", "/clients", {"code": "P-1", "preferences": LIKED, **PROFILE}).status_code == 201
    return http


def changed(http, body):
    answer = http("PATCH", "/clients/P-1", body)
    assert answer.status_code == 200, answer.text
    assert http("GET", "/clients/P-1").json() == answer.json()
    return answer.json()


@pytest.mark.parametrize("new", [NEW_LIKED, NO_LIKED], ids=["given", "null"])
@pytest.mark.parametrize("field", LIKED)
def test_one_preference_changes_and_no_other(http, field, new):
    given = None if new is NO_LIKED else new[field]
    found = changed(http, {"preferences": {field: given}})
    assert found["preferences"] == {**LIKED, field: new[field]}
    assert {name: found[name] for name in PROFILE} == PROFILE


@pytest.mark.parametrize("new", [NEW_PROFILE, NO_PROFILE], ids=["given", "null"])
@pytest.mark.parametrize("field", PROFILE)
def test_one_field_changes_and_no_other(http, field, new):
    given = None if new is NO_PROFILE else new[field]
    found = changed(http, {field: given})
    assert {name: found[name] for name in PROFILE} == {**PROFILE, field: new[field]}
    assert found["preferences"] == LIKED


def test_null_preferences_clear_all_of_them(http):
    assert changed(http, {"preferences": None})["preferences"] == NO_LIKED


@pytest.mark.parametrize("field", LIKED)
def test_a_session_keeps_the_preferences_of_the_client_that_are_left_out(http, store, field):
    order = {"client": "P-1", "protocol": "isoprinciple-relaxation", "inputs": ["listener=virtual:responder"]}
    own = store.clients.get("P-1").preferences
    assert resolve(Prepare(**order), store, Catalog(store)).preferences == own
    request = resolve(Prepare(**order, preferences={field: NEW_LIKED[field]}), store, Catalog(store))
    expected = {**LIKED, field: NEW_LIKED[field]}
    register = (expected.pop("register_low"), expected.pop("register_high"))
    unwanted = tuple(expected.pop("unwanted"))
    assert request.preferences == Preferences(**expected, unwanted=unwanted, register_range=register)


def test_null_preferences_set_those_of_the_client_aside_for_a_session(http, store):
    order = Prepare(
        client="P-1",
        protocol="isoprinciple-relaxation",
        inputs=["listener=virtual:responder"],
        preferences=None,
    )
    assert resolve(order, store, Catalog(store)).preferences == Preferences()


def test_a_list_of_clients_takes_a_handful_of_statements(http, store):
    for number in range(20):
        store.clients.add(f"Q-{number}")
        store.clients.give_consent(f"Q-{number}", version="1", keep_days=3650)
    statements = []
    engine = store.database._engine
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    assert len(http("GET", "/clients").json()) == 21
    assert len([each for each in statements if each.startswith("SELECT")]) <= 3
    for ask in (store.retention.past, store.sessions.list, Catalog(store).protocols):
        statements.clear()
        ask()
        assert len([each for each in statements if each.startswith("SELECT")]) <= 3
