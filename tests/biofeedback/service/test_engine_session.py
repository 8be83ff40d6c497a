"""A whole session through the engine, from a new client to the report; clients come and go meanwhile."""

import json
from itertools import pairwise
from types import SimpleNamespace
from uuid import uuid4

import httpx
import pytest

from biofeedback.client import EngineClient, EngineError, connect
from biofeedback.recording.reader import Recording, read_recording

pytestmark = pytest.mark.realtime


@pytest.fixture(scope="module")
def story(engine) -> SimpleNamespace:
    """The session, with what was answered on the way."""
    client, told = engine.client, SimpleNamespace()
    client.add_client("P-017", cautions=["tinnitus"], preferences={"palette": "harp-bells"})
    asked = {**engine.prepare_short, "client": "P-017"}

    client.command("prepare", **asked)
    client.wait_for("prepared", timeout_s=300)
    confirmed = {"cautions_confirmed": True, "consent_confirmed": True}
    told.without_consent = client.command("start", **confirmed)
    client.give_consent("P-017", "2026-03")
    told.unconfirmed = [client.command("start"), client.command("start", cautions_confirmed=True)]
    told.prepared = client.state()

    frames = client.live()
    told.checked = client.command("check sensors")
    told.seen = [next(frames) for _ in range(60)]
    told.sound = client.command("sound check", level_db=-3.0)
    engine.until(lambda state: (state.session.sound_check or 0) > 0)
    told.softer = client.command("volume", db=-10.0)
    told.comfort = client.command("confirm comfort", volume_db=-6.0)

    told.start_key = str(uuid4())
    told.started = client.command("start", key=told.start_key, **confirmed)
    engine.until(lambda state: state.session.snapshot.elapsed_s > 1)
    told.again = client.command("start", key=told.start_key, **confirmed)
    told.refused = client.command("prepare", **asked)
    told.marker_key = str(uuid4())
    told.markers = [client.command("marker", key=told.marker_key, text="Übung beginnt") for _ in range(2)]
    told.hold = _as_listener(client, {"name": "hold"})
    told.resume = client.command("resume")
    told.volume = client.command("volume", db=-4.0)

    # Every client vanishes; another one finds the session where it is by then.
    frames.close()
    client.close()
    engine.client = client = connect(engine.folder)
    told.found = client.state()
    then_s = told.found.session.snapshot.elapsed_s
    engine.until(lambda state: state.session.snapshot.elapsed_s > then_s + 1)
    told.stopped = [client.command(name) for name in ("stop", "emergency stop")]
    told.closed = client.wait_for("closed", timeout_s=300)
    return told


def _as_listener(client: EngineClient, command: dict[str, str]) -> httpx.Response:
    return client._http.post(
        "/commands", json={"key": str(uuid4()), "command": command}, headers={"X-Origin": "listener"}
    )


@pytest.fixture(scope="module")
def recording(engine, story: SimpleNamespace) -> Recording:
    return read_recording(engine.folder / "sessions" / story.closed.session.recording.session_id)


def test_a_start_needs_cautions_and_consent_written_down_and_confirmed(story: SimpleNamespace) -> None:
    assert "has not agreed" in story.without_consent.answer
    assert [reply.accepted for reply in story.unconfirmed] == [False, False]
    assert ["cautions" in r.answer or "consent" in r.answer for r in story.unconfirmed] == [True, True]
    assert story.prepared.session.cautions == ("epilepsy", "tinnitus")
    assert story.prepared.session.consent_needed
    assert story.started.accepted


def test_sensors_are_seen_with_a_light_each_before_anything_is_recorded(story: SimpleNamespace) -> None:
    assert story.prepared.engine.stage == "prepared"
    assert story.prepared.session.recording is None
    assert story.prepared.session.snapshot.lifecycle == "waiting"
    assert [phase.name for phase in story.prepared.session.snapshot.plan] == ["baseline", "match"]
    names = {name for frame in story.seen for name in frame["signals"]}
    assert names == {"ecg", "eda", "rsp"}
    states = [frame["state"] for frame in story.seen if "state" in frame]
    assert len(states) >= 10
    lights = {light["name"]: light for light in states[-1]["lights"]}
    assert lights["eda"]["light"] in {"good", "unknown"}
    assert all(light["words"] for light in lights.values())


def test_traces_have_no_gap_and_at_most_125_values_a_second(story: SimpleNamespace) -> None:
    ecg = [frame["signals"]["ecg"] for frame in story.seen if "ecg" in frame["signals"]]
    times = [part["t0_s"] + part["dt_s"] * n for part in ecg for n in range(len(part["values"]))]
    steps = [later - earlier for earlier, later in pairwise(times)]
    restart = max(range(len(steps)), key=steps.__getitem__)  # the sensors were looked at afresh once
    assert all(0 < step < 0.012 for number, step in enumerate(steps) if number != restart)


def test_the_sound_check_gives_the_ceiling_of_the_volume(
    story: SimpleNamespace, recording: Recording, engine
) -> None:
    assert story.sound.accepted
    assert story.softer.accepted
    assert story.comfort.state.engine.stage == "ready"
    assert story.comfort.state.session.comfort_db == -6.0
    volumes = [m["volume_db"] for m in recording.streams["markers"].json() if m["type"] == "volume"]
    assert volumes[-1] == -10.0
    assert engine.client.client("P-017").volume_db == -6.0


def test_a_key_that_comes_twice_does_nothing_twice(story: SimpleNamespace, recording: Recording) -> None:
    assert (story.again.accepted, story.again.answer) == (True, story.started.answer)
    assert story.again.state.engine.stage == "running"
    first, second = story.markers
    assert (first.accepted, first.answer) == (second.accepted, second.answer)
    marks = [c for c in recording.streams["commands"].json() if c["name"] == "marker"]
    assert [mark["args"]["text"] for mark in marks] == ["Übung beginnt"]


def test_every_command_is_recorded_with_key_origin_and_answer(
    story: SimpleNamespace, recording: Recording
) -> None:
    before = recording.meta["arguments"]["told_before"]
    assert [c["name"] for c in before if c["name"] != "volume"][:3] == ["prepare", "start", "start"]
    assert before[-1]["key"] == story.start_key
    assert not {"protocol_text", "client"} & set(before[0]["args"])
    assert "P-017" not in json.dumps(recording.meta)
    commands = recording.streams["commands"].json()
    assert [(c["name"], c["origin"], c["accepted"]) for c in commands] == [
        ("marker", "therapist", True),
        ("hold", "listener", True),
        ("resume", "therapist", True),
        ("volume", "therapist", True),
        ("stop", "therapist", True),
        ("emergency stop", "therapist", True),
    ]
    assert commands[0]["key"] == story.marker_key
    assert commands[0]["answer"] == story.markers[0].answer
    assert all(c["answer"] for c in commands)


def test_the_session_went_on_without_a_client(story: SimpleNamespace) -> None:
    assert story.found.engine.stage == "running"
    assert story.closed.session.end_reason.startswith("it was stopped")
    assert story.closed.engine.trouble == ""


def test_an_order_of_another_stage_is_refused_in_words(story: SimpleNamespace, engine) -> None:
    assert not story.refused.accepted
    assert "running" in story.refused.answer
    reply = engine.client.command("marker", text="too late")
    assert (reply.accepted, "closed" in reply.answer) == (False, True)


def test_a_closed_session_is_in_the_store_with_its_report(story: SimpleNamespace, engine) -> None:
    client, session_id = engine.client, story.closed.session.recording.session_id
    (entry,) = client.sessions("bung", client="P-017")
    assert (entry.client, entry.protocol, entry.state) == ("P-017", "short-and-live", "closed")
    assert entry.complete
    detail = client.add_note(session_id, "ruhig geblieben")
    assert [note.text for note in detail.notes] == ["ruhig geblieben"]
    rated = client.add_rating(session_id, "relaxation-vas", 80.0).ratings[-1]
    assert (rated.scale, rated.value) == ("relaxation-vas", 80.0)
    assert rated.written_at is not None
    with pytest.raises(EngineError, match="must lie between 0 and 100"):
        client.add_rating(session_id, "relaxation-vas", 101.0)
    assert {"session.xdf", "session.json", "score.mid"} <= {file.name for file in detail.files}
    assert json.loads(client.file(session_id, "session.json"))["seed"] == 0
    assert "Short and live" in client.report(session_id)
    with pytest.raises(EngineError) as refused:
        client.file(session_id, "store.sqlite")
    assert refused.value.status == 422


def test_the_log_names_nobody(story: SimpleNamespace, engine) -> None:
    token = json.loads((engine.folder / "engine.json").read_text())["token"]
    assert not any(word in engine.log for word in ("P-017", "tinnitus", "bung", token))


def test_closing_puts_the_session_away(story: SimpleNamespace, engine) -> None:
    assert engine.client.command("close").accepted
    assert engine.client.state().session is None
