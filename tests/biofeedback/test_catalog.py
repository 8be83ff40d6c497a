"""Protocols and set-ups by name: the same ones for the command line and the service, each kept once."""

import asyncio

import httpx
import pytest
from fastapi import FastAPI

from biofeedback.catalog import Catalog
from biofeedback.cli import exit_status, sessions
from biofeedback.cli.options import now
from biofeedback.errors import NotFoundError, UsageError
from biofeedback.service.renderers import PreviewRenderer
from biofeedback.service.requests import Prepare, resolve
from biofeedback.service.routes.protocols import protocols_router
from biofeedback.service.routes.sensors import sensors_router
from biofeedback.settings import DATA_VARIABLE, VARIABLE
from biofeedback.setups import Expected, Setup, setup_files
from biofeedback.store.store import Store
from protocols.errors import UnknownProtocolError
from protocols.loading import library, load

BUILT_IN = "isoprinciple-relaxation"
ROOM = Setup(
    title="Chair",
    inputs=("listener=virtual:responder",),
    note="left arm",
    expect={"ecg": Expected(unit="mV")},
)
OTHER = Setup(title="Bed", inputs=("listener=virtual:nonresponder",))


def short(version=1, tempo=70, name="short"):
    return f"""\
id: {name}
version: {version}
title: Short
rationale: long enough
sources: [none]
arm: closed-loop
cautions: [none]
phases:
  - {{kind: silence, name: before, duration_s: 5}}
  - {{kind: match, name: match, duration_s: 10, tempo_bpm: {tempo}}}
end_fade_s: 15
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "data"))
    monkeypatch.setenv(VARIABLE, str(tmp_path / "settings"))
    return tmp_path / "data"


@pytest.fixture
def store(data):
    with Store.open(data, now=now) as store:
        yield store


@pytest.fixture
def catalog(store):
    return Catalog(store)


@pytest.fixture
def settings(tmp_path, data):
    """The set-up files that an earlier version kept."""
    folder = tmp_path / "settings" / "setups"
    folder.mkdir(parents=True)
    (folder / "room-1.yaml").write_text("title: From a file\ninputs: ['listener=virtual:responder']\n")
    (folder / "room-2.yaml").write_text("title: Window\ninputs: ['listener=virtual:responder']\n")
    return folder


@pytest.fixture
def plan(data, monkeypatch):
    """Return a function that runs a session up to its plan."""

    def run(*arguments):
        plans = []
        monkeypatch.setattr(sessions, "carry_out", lambda plan: plans.append(plan) or 0)
        status = exit_status(["run", "--audio", "none", *arguments])
        return plans[0] if status == 0 else None

    return run


@pytest.fixture
def http(store):
    """Return a function that sends a request to the service's routes."""
    app, catalog = FastAPI(), Catalog(store)
    with PreviewRenderer() as previews:
        app.include_router(protocols_router(catalog, previews))
        app.include_router(sensors_router(catalog))

        async def send(method, path, body):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                answer = await client.request(method, path, json=body)
            assert answer.is_success, answer.text
            return answer.json() if answer.content else None

        yield lambda method, path, body=None: asyncio.run(send(method, path, body))


def titles(run):
    return [line.split(None, 1) for line in run("setups", "list")[1].splitlines()]


def test_without_a_store_there_are_the_built_in_protocols_and_no_set_ups():
    catalog = Catalog(None)
    assert list(dict.fromkeys(each.protocol.id for each in catalog.protocols())) == library()
    assert catalog.protocol(BUILT_IN) == load(BUILT_IN)
    assert catalog.setups() == {}
    with pytest.raises(UsageError, match="no store yet"):
        catalog.remove_setup("room-1")


def test_looking_makes_no_data_folder(run, data):
    assert run("protocols", "list")[0] == run("setups", "list")[0] == 0
    assert not data.exists()


def test_the_highest_version_counts(catalog):
    for version in (1, 3, 2):
        catalog.save_protocol(short(version))
    assert catalog.protocol("short").version == 3
    assert catalog.protocol("short@2").version == 2
    assert [each.protocol.version for each in catalog.protocols() if each.protocol.id == "short"] == [3, 2, 1]


def test_a_saved_protocol_stands_before_the_built_in_one_of_its_version(catalog):
    built_in = load(BUILT_IN)
    catalog.save_protocol(short(built_in.version, name=BUILT_IN))
    assert not catalog.protocol_listing(BUILT_IN).built_in
    catalog.remove_protocol(BUILT_IN, built_in.version)
    assert catalog.protocol_listing(BUILT_IN).built_in


def test_a_later_built_in_version_stands_before_an_earlier_saved_one(catalog, monkeypatch, tmp_path):
    catalog.save_protocol(short(1, name=BUILT_IN))
    (tmp_path / f"{BUILT_IN}.yaml").write_text(short(2, name=BUILT_IN))
    monkeypatch.setattr("protocols.loading.LIBRARY", tmp_path)
    assert catalog.protocol_listing(BUILT_IN).built_in
    assert not catalog.protocol_listing(f"{BUILT_IN}@1").built_in


def test_a_built_in_protocol_that_was_used_is_listed_once(store, catalog, data):
    store.clients.add("P-1")
    store.clients.give_consent("P-1", version="1")
    store.sessions.begin(data / "sessions" / "one", client="P-1", protocol=load(BUILT_IN))
    found = [each for each in catalog.protocols() if each.protocol.id == BUILT_IN]
    assert [(each.protocol.version, each.built_in, each.used) for each in found] == [
        (2, True, True),
        (1, True, False),
    ]


def test_an_earlier_built_in_version_is_named_by_its_number():
    catalog = Catalog(None)
    assert catalog.protocol(BUILT_IN).version == catalog.protocol(f"{BUILT_IN}@2").version == 2
    assert catalog.protocol(f"{BUILT_IN}@1") == load(f"{BUILT_IN}@1")


def test_a_used_protocol_is_not_removed(store, catalog, data):
    protocol = catalog.save_protocol(short()).protocol
    store.clients.add("P-1")
    store.clients.give_consent("P-1", version="1")
    store.sessions.begin(data / "sessions" / "one", client="P-1", protocol=protocol)
    with pytest.raises(UsageError, match="was used in a session and stays"):
        catalog.remove_protocol("short", 1)


def test_what_is_not_there_is_named_with_what_is(catalog):
    catalog.save_protocol(short())
    catalog.save_setup("room-1", ROOM)
    with pytest.raises(NotFoundError, match=r"no protocol 'x'; there are .*short"):
        catalog.protocol_listing("x")
    with pytest.raises(UnknownProtocolError, match=r"no file of that name, .*short"):
        catalog.protocol("x")
    with pytest.raises(NotFoundError, match="no sensor set-up 'x'; there are: room-1"):
        catalog.setup("x")


def test_the_service_never_reads_a_file_by_its_path(catalog, tmp_path):
    (tmp_path / "short.yaml").write_text(short())
    assert catalog.protocol(str(tmp_path / "short.yaml")).id == "short"
    with pytest.raises(NotFoundError):
        catalog.protocol_listing(str(tmp_path / "short.yaml"))


@pytest.mark.parametrize("name", ["", "../room", "Room", "a" * 65])
def test_a_name_that_is_none_is_refused(catalog, name):
    with pytest.raises(UsageError, match="no name for a set-up"):
        catalog.save_setup(name, ROOM)


def test_a_set_up_is_not_replaced_by_chance(catalog):
    catalog.save_setup("room-1", ROOM)
    with pytest.raises(UsageError, match="there is a set-up room-1 already"):
        catalog.save_setup("room-1", OTHER)
    catalog.save_setup("room-1", OTHER, replace=True)
    assert catalog.named_setup("room-1") == OTHER


def test_set_up_files_are_copied_once_and_stay(catalog, store, settings):
    migrated = catalog.migrate_setup_files(setup_files()).migrated
    assert [(each.path.name, each.saved_as) for each in migrated] == [
        ("room-1.yaml", "room-1"),
        ("room-2.yaml", "room-2"),
    ]
    assert catalog.migrate_setup_files(setup_files()).migrated == ()
    assert len(setup_files()) == 2
    assert [entry.action for entry in store.audit.entries()].count("set-up file copied") == 2
    assert store.audit.verify() == []


def test_a_name_that_is_taken_stays_with_the_saved_set_up(catalog, settings):
    catalog.save_setup("room-1", ROOM)
    catalog.save_setup("room-2", Setup(title="Window", inputs=("listener=virtual:responder",)))
    migrated = catalog.migrate_setup_files(setup_files()).migrated
    assert [each.saved_as for each in migrated] == ["room-1-2", "room-2"]
    assert [setup.title for setup in catalog.setups().values()] == ["Chair", "From a file", "Window"]


def test_a_removed_set_up_does_not_come_back(catalog, store, settings):
    catalog.migrate_setup_files(setup_files())
    catalog.remove_setup("room-1")
    assert catalog.migrate_setup_files(setup_files()).migrated == ()
    assert list(catalog.setups()) == ["room-2"]
    assert store.audit.verify() == []


def test_a_file_that_is_no_set_up_is_named_and_the_others_are_copied(catalog, settings):
    (settings / "room-1.yaml").write_text("titel: x\n")
    done = catalog.migrate_setup_files(setup_files())
    assert [each.saved_as for each in done.migrated] == ["room-2"]
    assert len(done.refused) == 1
    assert "room-1.yaml:1: titel" in done.refused[0]


def test_the_command_line_says_what_it_copied(run, settings):
    status, out, err = run("setups", "list")
    assert (status, [line.split(None, 1)[1] for line in out.splitlines()]) == (0, ["From a file", "Window"])
    assert f"set-up room-1 was copied from {settings / 'room-1.yaml'}" in err
    assert run("setups", "list")[2] == ""


def test_what_the_dashboard_saves_the_command_line_knows(http, run, plan):
    body = {"name": "room-9", "title": "Chair", "inputs": ["listener=virtual:responder"]}
    http("POST", "/setups", body)
    http("POST", "/protocols", {"text": short()})
    assert titles(run) == [["room-9", "Chair"]]
    assert "short " in run("protocols", "list")[1]
    assert run("protocols", "show", "short")[1].startswith("id: short")
    begun = plan("--setup", "room-9", "--protocol", "short")
    assert (begun.protocol.id, begun.setup.title, begun.inputs) == (
        "short",
        "Chair",
        ("listener=virtual:responder",),
    )


def test_what_the_command_line_saves_the_service_knows(run, http, store, tmp_path):
    (tmp_path / "short.yaml").write_text(short())
    save = ["setups", "save", "--name", "room-8", "--title", "Bed", "--input", "listener=virtual:responder"]
    assert run(*save)[0] == 0
    assert run("protocols", "save", tmp_path / "short.yaml")[0] == 0
    assert [each["name"] for each in http("GET", "/setups")] == ["room-8"]
    assert "short" in [each["name"] for each in http("GET", "/protocols")]
    assert http("GET", "/protocols/short")["text"] == short()
    request = resolve(Prepare(protocol="short", setup="room-8"), store, Catalog(store))
    assert (request.protocol.id, request.setup.title) == ("short", "Bed")
    assert run("protocols", "remove", "short", 1)[0] == 0
    assert run("setups", "remove", "room-8")[0] == 0
    assert http("GET", "/setups") == []


def test_simulate_knows_saved_protocols(run, http, tmp_path):
    http("POST", "/protocols", {"text": short()})
    simulate = ["simulate", "--protocol", "short", "--persona", "responder", "--workers", 1]
    assert run(*simulate, "--out", tmp_path / "out")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--title", "New"), {"title": "New"}),
        (("--note", "right arm"), {"note": "right arm"}),
        (("--note", ""), {"note": ""}),
        (("--clear", "note"), {"note": ""}),
        (("--clear", "expect"), {"expect": {}}),
        (("--input", "listener=virtual:nonresponder"), {"inputs": ("listener=virtual:nonresponder",)}),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_one_field_of_a_set_up_changes_and_no_other(catalog, run, arguments, expected):
    catalog.save_setup("room-1", ROOM)
    assert run("setups", "save", "--name", "room-1", "--replace", *arguments)[0] == 0
    assert catalog.named_setup("room-1") == ROOM.model_copy(update=expected)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, {}),
        ({"note": "right arm"}, {"note": "right arm"}),
        ({"note": None}, {"note": ""}),
        ({"expect": None}, {"expect": {}}),
        ({"expect": {"eda": {"rate_hz": 8.0}}}, {"expect": {"eda": Expected(rate_hz=8.0)}}),
    ],
)
def test_over_http_a_field_that_is_left_out_stays_and_null_clears(catalog, http, given, expected):
    catalog.save_setup("room-1", ROOM)
    saved = http(
        "POST", "/setups", {"name": "room-1", "title": ROOM.title, "inputs": [*ROOM.inputs], **given}
    )
    assert catalog.named_setup("room-1") == ROOM.model_copy(update=expected)
    assert http("GET", "/setups") == [saved]


def test_a_set_up_is_saved_from_the_file_that_show_prints(catalog, run, tmp_path):
    catalog.save_setup("room-1", ROOM)
    (tmp_path / "room.yaml").write_text(run("setups", "show", "room-1")[1])
    assert run("setups", "save", "--name", "room-2", "--file", tmp_path / "room.yaml")[0] == 0
    assert catalog.named_setup("room-2") == ROOM
    assert run("setups", "validate", "room-2", "--devices")[:2] == (
        0,
        "Chair: listener=virtual:responder: valid\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("setups", "show", "room-3"),
        ("setups", "remove", "room-3"),
        ("setups", "save", "--name", "room-3"),
        ("setups", "save", "--name", "room-3", "--file", "none.yaml"),
        ("protocols", "remove", "short", "1"),
        ("protocols", "save", "none.yaml"),
        ("protocols", "show", "short@9"),
    ],
    ids=" ".join,
)
def test_a_refusal_is_one_line(run, arguments):
    status, _, said = run(*arguments)
    assert (status, said.count("\n")) == (2, 1)


def test_a_session_takes_a_set_up_or_inputs_not_both(catalog, run, tmp_path):
    catalog.save_setup("room", ROOM.model_copy(update={"expect": {"ecg": Expected(rate_hz=125)}}))
    start = ["run", "--protocol", BUILT_IN, "--audio", "none", "--out", tmp_path / "out", "--setup", "room"]
    status, _, said = run(*start, "--input", "ecg=a.csv:0@250")
    assert (status, "not both" in said) == (2, True)
    status, _, said = run(*start)
    assert (status, "ecg has 250 Hz, 125 are expected" in said) == (2, True)
    assert not (tmp_path / "out").exists()
