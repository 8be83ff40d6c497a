"""A store with a clock of its own, and small sessions to put into it."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from acquisition.streams import Chunk, Kind, StreamInfo
from biofeedback.recording.recorder import Recorder
from biofeedback.store.store import Store
from generator.score import NoteEvent
from generator.state import Piece

EDA = StreamInfo(stream_id="palm", name="palm", kind=Kind.EDA, unit="uS", rate_hz=10.0, labels=("counter",))


class Clock:
    """A wall clock that goes on by a second whenever it is read, and can be set."""

    def __init__(self):
        self.at = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

    def __call__(self):
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def store(folder, clock):
    with Store.open(folder, now=clock) as store:
        yield store


@pytest.fixture
def client(store):
    """A client who has agreed to everything."""
    store.clients.add("P-017", cautions=["tinnitus"], goals=["sleep better"])
    store.clients.give_consent("P-017", version="2026-03", scopes=("sessions", "storage", "research"))
    return "P-017"


def record_session(directory, *, note="slept badly", end="complete", about=None, protocol="rest", version=1):
    """Record half a minute with one of each kind of fact; without `end`, die."""
    recorder = Recorder(
        directory,
        protocol={"id": protocol, "version": version, "title": "Coming to rest", "arm": "closed-loop"},
        protocol_sha256="5e55",
        piece=Piece(seed=7),
        inputs=[EDA],
        t0_s=100.0,
        t0_wall=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        arguments={"time": "real", **(about or {})},
    )
    recorder.open()
    said = {"origin": "therapist", "key": "k", "accepted": True, "answer": "Written down."}
    recorder.marker(100.0, {"type": "phase", "name": "quiet", "kind": "settle", "event": "begin"})
    recorder.command(101.0, {"name": "note", "args": {"text": note}, **said})
    recorder.command(102.0, {"name": "adverse event", "args": {"text": "dizzy", "severity": "mild"}, **said})
    recorder.command(103.0, {"name": "skip", "args": {}, **said, "accepted": False})
    recorder.rating(104.0, {"scale": "pain-nrs", "value": 3.0})
    recorder.marker(105.0, {"type": "marker", "text": "door slammed"})
    event = NoteEvent(
        frame=4_900_000, number=0, duration_s=0.5, beat=1.0, bar=0, pitch=60, velocity=64, layer="pad"
    )
    recorder.sounded([], [event], None, lambda frame: frame / 48_000)
    for second in range(30):
        counted = np.arange(10.0 * second, 10.0 * (second + 1))
        recorder.raw(Chunk(EDA, 100.0 + counted / 10, counted[:, np.newaxis]))
        recorder.flush(100.0 + second + 1)
    recorder.marker(130.0, {"type": "phase", "name": "quiet", "kind": "settle", "event": "end"})
    if end is not None:
        recorder.close(end)
        return directory
    recorder._sync.stop()
    recorder._file.close()
    return directory


@pytest.fixture
def record():
    return record_session


@pytest.fixture
def kept(store, client, folder, record):
    """A closed session of the client, in the store."""
    return store.sessions.adopt(record(folder / "sessions" / "one"), client)


@pytest.fixture
def edit_meta():
    """Return a function that changes a ``session.json``."""

    def edit(directory, change):
        path = directory / "session.json"
        meta = json.loads(path.read_text(encoding="utf-8"))
        change(meta)
        path.write_text(json.dumps(meta), encoding="utf-8")

    return edit
