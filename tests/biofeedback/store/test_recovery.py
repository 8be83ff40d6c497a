"""Real processes that record under the store and are killed, or run out of room, and the next start."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import mido
import numpy as np
import pytest
import pyxdf
import soundfile

from biofeedback.errors import RecordingError, StoreError
from biofeedback.recording import recovery, xdf
from biofeedback.recording.reader import read_recording
from biofeedback.recording.storage import AppendFile
from biofeedback.store.store import Store
from generator.render import SoundFile
from protocols.loading import load

pytestmark = pytest.mark.realtime

NOBODY = 65534

SESSION = """
import sys
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import numpy as np

from acquisition.streams import Chunk, Kind, StreamInfo
from biofeedback.errors import RecordingError
from biofeedback.recording.recorder import Recorder
from biofeedback.store.store import Store
from generator.score import BeatEvent, NoteEvent
from generator.state import Piece
from protocols.loading import load

eda = StreamInfo(stream_id="e", name="e", kind=Kind.EDA, unit="uS", rate_hz=200.0, labels=("counter",))
folder = Path(sys.argv[1])
store = Store.open(folder, now=lambda: datetime.now(timezone.utc))
session = store.sessions.begin(folder / "sessions" / "s", client="P-017", protocol=load("u-arc"))
recorder = Recorder(
    session.directory,
    protocol={"id": "u-arc", "version": 1, "title": "U"},
    protocol_sha256="",
    piece=Piece(seed=3),
    inputs=[eda],
    t0_s=0.0,
    t0_wall=datetime(2026, 1, 1, tzinfo=timezone.utc),
    arguments=store.audit.anchor(),
)
recorder.open()


def record(step):
    counted = np.arange(10.0 * (step - 1), 10.0 * step)
    recorder.raw(Chunk(eda, counted / 200, counted[:, np.newaxis]))
    note = NoteEvent(
        frame=2400 * step,
        number=step - 1,
        duration_s=0.5,
        beat=step / 4,
        bar=step // 16,
        pitch=60,
        velocity=64,
        layer="pad",
    )
    beats = [BeatEvent(frame=2400 * step, beat=step // 4, bar=step // 16, tempo_bpm=300.0)]
    recorder.sounded(beats if step % 4 == 0 else [], [note], None, lambda frame: frame / 48_000)
    if step % 100 == 0:
        note = {"name": "note", "args": {"text": f"at {step}"}}
        recorder.command(step / 20, {**note, "origin": "therapist", "key": "", "accepted": True})
    recorder.flush(step / 20)
"""

ENDLESS = (
    SESSION
    + """
for step in count(1):
    record(step)
    print(step, flush=True)
"""
)

UNTIL_FULL = (
    SESSION
    + """
if len(sys.argv) > 2:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    for step in count(1):
        record(step)
except RecordingError as error:
    print(step, error)
try:
    recorder.close("fault", **store.audit.anchor())
    store.sessions.adopt(session.directory)
except Exception as error:
    print(type(error).__name__, error)
"""
)


def counter_of(directory):
    """Return what the session recorded, as this program and as pyxdf read it."""
    counter = read_recording(directory).streams["eda"].column("counter")
    theirs, _ = pyxdf.load_xdf(directory / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False)
    np.testing.assert_array_equal(theirs[0]["time_series"][:, 0], counter)
    assert counter.tolist() == list(range(counter.size))
    return counter


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_a_random_moment_the_next_start_recovers_and_says_so(store, client, folder, clock, seed):
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(random.Random(seed).randint(1, 900)):
            reported = int(process.stdout.readline())
        assert store.recover() == ()  # it is being recorded
        process.kill()
    with Store.open(folder, now=clock) as later:
        (recovered,) = later.recovered
        assert recovered.what == "s"
        assert "s of recording are there" in recovered.did[0]
        assert recovered.did[-1] == "it was taken into the store"
        (session,) = later.sessions.list()
        assert (session.state, session.client, session.reason) == ("recovered", client, "cut off")
        counter = counter_of(session.directory)
        assert counter.size >= 10 * (reported - 9)
        assert len(later.sessions.facts(session.id).notes) == counter.size // 1000
        assert later.audit.verify() == []
        end = read_recording(session.directory).meta["end"]
        assert end["audit_head"]["number"] >= 3
        assert end["recovered"]["did"] == list(recovered.did[:-1])
        if counter.size >= 10:
            assert len(mido.MidiFile(session.directory / "score.mid").tracks) > 1
    with Store.open(folder, now=clock) as again:
        assert again.recovered == ()


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 0.9 MB that can be made larger or read-only; None where nothing may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options):
        return subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, check=False
        )

    if shutil.which("mount") is None or mount("size=900k").returncode:
        yield None
        return
    yield place, mount
    subprocess.run(["umount", "-l", str(place)], check=True)


def give_client(folder, clock):
    with Store.open(folder, now=clock) as store:
        store.clients.add("P-017")
        store.clients.give_consent("P-017", version="1")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither small disks nor limits of size")
def test_on_a_full_disk_nothing_recorded_is_lost(small_disk, tmp_path, clock):
    place, mount = small_disk or (tmp_path, None)
    folder = place / "data"
    give_client(folder, clock)
    limit = [] if small_disk else ["400000"]
    done = subprocess.run(
        [sys.executable, "-c", UNTIL_FULL, str(folder), *limit], capture_output=True, text=True, check=True
    )
    step, _, said = done.stdout.splitlines()[0].partition(" ")
    assert done.stderr == ""
    assert "session.xdf cannot be written" in said
    if mount:
        mount("remount,size=8m")
    with Store.open(folder, now=clock) as store:
        (session,) = store.sessions.list()
        assert session.state in {"closed", "recovered"}
        assert counter_of(session.directory).size >= 10 * (int(step) - 11)
        assert store.audit.verify() == []


@contextmanager
def read_only(folder, small_disk):
    """Let nothing be written below a folder, by whatever means this machine has."""
    if small_disk:
        _, mount = small_disk
        mount("remount,ro")
        yield
        mount("remount,rw")
        return
    modes = {path: path.stat().st_mode for path in (*folder.rglob("*"), folder)}
    for path in modes:
        path.chmod(0o500 if path.is_dir() else 0o400)
    superuser = os.geteuid() == 0
    if superuser:  # to whom modes mean nothing
        for path in modes:
            os.chown(path, NOBODY, NOBODY)
        os.seteuid(NOBODY)
    yield
    if superuser:
        os.seteuid(0)
    for path, mode in modes.items():
        path.chmod(mode)
        if superuser:
            os.chown(path, 0, 0)


@pytest.fixture
def open_place():
    """A folder that everybody may walk into, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no read-only folders")
def test_a_read_only_folder_is_refused_in_one_line_and_stays_as_it_is(small_disk, open_place, clock):
    place, _ = small_disk or (open_place, None)
    folder = place / "data"
    give_client(folder, clock)
    with read_only(folder, small_disk):
        with pytest.raises(StoreError) as refused, Store.open(folder, now=clock) as store:
            store.clients.add("P-2")
        assert "\n" not in str(refused.value)
        with pytest.raises(StoreError, match=r"cannot be the data folder: (Read-only|Permission)"):
            Store.open(folder / "new", now=clock)
    with Store.open(folder, now=clock) as store:
        assert [client.code for client in store.clients.list()] == ["P-017"]
        assert store.audit.verify() == []


def test_a_clock_set_back_in_mid_session_loses_nothing(store, client, record, clock):
    first = store.sessions.begin(store.sessions.new_directory("u-arc"), client=client, protocol=load("u-arc"))
    clock.at -= timedelta(hours=1)
    record(first.directory, about=store.audit.anchor())
    taken = store.sessions.adopt(first.directory)
    second = store.sessions.begin(
        store.sessions.new_directory("u-arc"), client=client, protocol=load("u-arc")
    )
    clock.at -= timedelta(hours=1)
    record(second.directory, end=None)
    (recovered,) = store.recover()
    assert recovered.what == second.directory.name
    assert {session.id for session in store.sessions.list()} == {taken.id, second.id}
    assert store.sessions.get(second.id).duration_s == pytest.approx(29.9)
    numbers = [entry.number for entry in store.audit.entries()]
    assert numbers == list(range(1, len(numbers) + 1))
    assert store.audit.verify() == []


def test_the_rest_of_a_half_chunk_is_kept_beside(record, tmp_path, clock):
    directory = record(tmp_path / "s", end=None)
    with (directory / "session.xdf").open("ab") as file:
        file.write(b"\x00half a chunk")
    did = recovery.recover(directory, at=clock())
    assert "13 bytes of an unfinished chunk were moved to session.xdf.rest" in did
    assert (directory / "session.xdf.rest").read_bytes() == b"\x00half a chunk"
    assert set(read_recording(directory).meta["end"]["checksums"]) == {
        "session.xdf",
        "session.xdf.rest",
        "score.mid",
    }
    assert recovery.recover(directory, at=clock()) is None


def test_a_last_write_that_lacks_nothing_but_its_first_byte_is_completed(record, tmp_path, clock):
    directory = record(tmp_path / "s", end=None)
    path = directory / "session.xdf"
    calls = []

    def killed_before_the_last_byte(descriptor, view):
        calls.append(len(view))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return os.write(descriptor, view)

    before = path.read_bytes()
    file = AppendFile(path, write=killed_before_the_last_byte)
    last = (
        xdf.samples_chunk(1, 1, xdf.numeric_samples(np.array([130.0]), np.array([[300.0]]))) + xdf.boundary()
    )
    with pytest.raises(KeyboardInterrupt):
        file.append(last)
    file.close()
    assert path.read_bytes() == before + b"\0" + last[1:]
    assert f"the last write of {len(last)} bytes was completed" in recovery.recover(directory, at=clock())
    assert path.read_bytes() == before + last
    assert read_recording(directory).streams["eda"].samples[-1].tolist() == [300.0]


def test_a_directory_in_which_nothing_was_written_yet_is_no_finding_and_goes_after_a_day(
    store, folder, clock
):
    empty = folder / "sessions" / "killed-at-once"
    empty.mkdir()
    (empty / "session.json.part").write_text("{")
    os.utime(empty, (0, clock.at.timestamp()))
    assert store.recover() == ()
    assert empty.exists()
    assert store.audit.verify() == []
    clock.at += timedelta(days=2)
    store.recover()
    assert not empty.exists()


def test_damage_with_more_behind_it_is_left_where_it_is(record, tmp_path, clock):
    directory = record(tmp_path / "s", end=None)
    path = directory / "session.xdf"
    data = bytearray(path.read_bytes())
    places = [stop for _, _, stop in xdf.chunk_places(memoryview(bytes(data)))]
    middle = places[len(places) // 2]
    data[middle : middle + 4] = bytes(4)
    path.write_bytes(data)
    recovery.recover(directory, at=clock())
    assert path.read_bytes() == bytes(data)


def test_a_recovery_that_is_cut_off_is_done_again(record, tmp_path, clock, monkeypatch):
    directory = record(tmp_path / "s", end=None)
    with (directory / "session.xdf").open("ab") as file:
        file.write(b"\x00half a chunk")

    def fail(*_):
        raise RecordingError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr(recovery, "write_meta", fail)
        with pytest.raises(RecordingError, match="power cut"):
            recovery.recover(directory, at=clock())
    assert recovery.recover(directory, at=clock())[0] == "29.9 s of recording are there"
    assert (directory / "session.xdf.rest").read_bytes() == b"\x00half a chunk"


def test_a_session_killed_before_its_recording_began_opens_too(record, tmp_path, clock, store, folder):
    directory = record(folder / "sessions" / "early", end=None)
    (directory / "session.xdf").unlink()
    (recovered,) = store.recover()
    assert recovered.did[0] == "0.0 s of recording are there"
    assert store.sessions.list()[0].duration_s == 0.0
    assert store.audit.verify() == []


def test_sound_that_was_cut_off_opens_again(record, tmp_path, clock):
    directory = record(tmp_path / "s", end=None)
    sound = np.random.default_rng(1).uniform(-0.5, 0.5, (48_000, 2)).astype(np.float32)
    with SoundFile(tmp_path / "whole.flac", latency_frames=0) as file:
        file.write(sound)
        shutil.copy(tmp_path / "whole.flac", directory / "audio.flac")
    did = recovery.recover(directory, at=clock())
    read, rate = soundfile.read(directory / "audio.flac", dtype="float32")
    assert rate == 48_000
    assert len(read) >= 48_000 - 2 * 4096
    np.testing.assert_allclose(read, sound[: len(read)], atol=2**-22)
    assert f"{len(read) / 48_000:.1f} s of sound were saved" in did
    meta = json.loads((directory / "session.json").read_text())
    assert "audio.flac" in meta["end"]["checksums"]


def test_what_cannot_be_recovered_is_told_and_stays(store, record, folder):
    directory = record(folder / "sessions" / "broken", end=None)
    (directory / "session.xdf").write_bytes(b"no recording")
    (recovered,) = store.recover()
    assert recovered.did[0].startswith("cannot be recovered: ")
    assert (directory / "session.xdf").read_bytes() == b"no recording"
    assert store.sessions.list() == ()


def test_a_session_that_never_began_is_forgotten_after_a_day(store, client, clock):
    begun = store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=load("u-arc"))
    assert store.recover() == ()
    clock.at += timedelta(days=2)
    assert [str(entry) for entry in store.recover()] == [
        f"{begun.id}: nothing of it was recorded; it was forgotten"
    ]
    assert store.sessions.list() == ()


def test_a_recording_is_held_until_it_is_closed(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"")
    file = AppendFile(path)
    with recovery.held_by_us(path) as free:
        assert not free
    file.close()
    with recovery.held_by_us(path) as free:
        assert free
