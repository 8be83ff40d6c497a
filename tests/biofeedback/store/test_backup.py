"""Back-up and restore."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biofeedback.calibration import keep_calibration, read_calibration
from biofeedback.errors import StoreError, UsageError
from biofeedback.exports.consent import key_of, number_participants
from biofeedback.settings import EXPORT_KEY_NAME
from biofeedback.store.backup import backup_contents, backup_head
from biofeedback.store.store import Store
from generator.synthesis.calibration import Calibration
from protocols.loading import load

EARLIER = Path(__file__).parents[2] / "fixtures" / "version-0.1"
SHORT = (EARLIER / "short.yaml").read_text(encoding="utf-8")
SPEAKERS = Calibration(device="Speakers", dba=62.0, noise_dbfs_a=-25.0)


@pytest.fixture
def file(store, kept, tmp_path):
    """A back-up of a store with a session."""
    store.backup.write(tmp_path / "b.zip")
    return tmp_path / "b.zip"


@pytest.fixture
def both(store, kept, file):
    """A back-up, the session in it, and its facts."""
    return file, kept, store.sessions.facts(kept.id)


def test_what_was_backed_up_comes_back(store, kept, file, tmp_path, clock):
    with Store.restore(file, tmp_path / "new", now=clock) as restored:
        assert restored.clients.list() == store.clients.list()
        assert restored.clients.consent_of("P-017") == store.clients.consent_of("P-017")
        (session,) = restored.sessions.list()
        assert session.id == kept.id
        assert restored.sessions.facts(session.id) == store.sessions.facts(kept.id)
        for path in kept.directory.iterdir():
            assert (session.directory / path.name).read_bytes() == path.read_bytes()
        assert restored.audit.verify({"b.zip": backup_head(file)}) == []
        assert restored.audit.entries()[-1].action == "restored"
    assert not list(tmp_path.glob(".*.restoring"))


def test_it_holds_everything_that_a_restored_clinic_needs(store, kept, tmp_path, clock):
    here, there = tmp_path / "here.json", tmp_path / "there.json"
    key = key_of(store.folder / EXPORT_KEY_NAME)
    keep_calibration(SPEAKERS, here)
    keep_calibration(Calibration(device="Headphones", dba=70.0, noise_dbfs_a=-25.0), here)
    other = Calibration(device="Headphones", dba=50.0, noise_dbfs_a=-25.0)
    keep_calibration(other, there)
    store.setups.save("room-1", "title: Room\ninputs: [ecg=lsl:name=Polar]\nnote: left arm\n")
    store.protocol_versions.save(SHORT)
    contents = store.backup.write(tmp_path / "b.zip", calibration=here)
    assert contents == backup_contents(tmp_path / "b.zip")
    assert str(contents) == (
        "1 session, 1 client, 1 saved protocol, 1 sensor set-up, 2 calibrations, "
        "the key of the participant numbers"
    )
    with Store.restore(tmp_path / "b.zip", tmp_path / "new", now=clock, calibration=there) as restored:
        assert restored.setups.list() == store.setups.list()
        assert restored.protocol_versions.list() == store.protocol_versions.list()
        assert restored.audit.verify() == []
        assert key_of(restored.folder / EXPORT_KEY_NAME) == key
        assert (restored.folder / EXPORT_KEY_NAME).stat().st_mode & 0o077 == 0
    assert read_calibration("Speakers", there) == SPEAKERS
    assert read_calibration("Headphones", there) == other
    assert not (tmp_path / "new" / "calibration.json").exists()


def test_participant_numbers_stay_on_another_machine(store, client, tmp_path, clock):
    for number in range(20):
        store.clients.add(f"Q-{number}")
    key_of(store.folder / EXPORT_KEY_NAME)
    store.backup.write(tmp_path / "b.zip")

    def numbers(of):
        return number_participants(
            [(each.code, "") for each in of.clients.list()], key_of(of.folder / EXPORT_KEY_NAME)
        )

    with Store.restore(tmp_path / "b.zip", tmp_path / "new", now=clock) as restored:
        assert numbers(restored) == numbers(store)


def test_a_back_up_of_an_earlier_version_is_restored(tmp_path, clock):
    with Store.restore(EARLIER / "backup.zip", tmp_path / "new", now=clock) as restored:
        assert backup_contents(EARLIER / "backup.zip") is None
        assert [client.code for client in restored.clients.list()] == ["1", "2"]
        assert [setup.name for setup in restored.setups.list()] == ["raum-1", "raum-2"]
        assert restored.audit.verify() == []


def test_the_present_store_is_the_one_that_was_backed_up(store, file):
    store.clients.add("P-2")
    assert store.audit.verify({"b.zip": backup_head(file)}) == []


@pytest.mark.realtime
def test_a_session_that_is_being_recorded_is_backed_up_as_far_as_it_has_come(
    store, client, folder, tmp_path, clock
):
    begun = store.sessions.begin(store.sessions.new_directory("x"), client=client, protocol=load("u-arc"))
    code = RECORD.format(directory=str(begun.directory))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        while int(process.stdout.readline()) < 60:
            pass
        store.backup.write(tmp_path / "b.zip")
        assert store.recover() == ()
        process.kill()
    with Store.restore(tmp_path / "b.zip", tmp_path / "new", now=clock) as restored:
        (session,) = restored.sessions.list()
        assert (session.id, session.client, session.state) == (begun.id, client, "recovered")
        assert session.duration_s >= 2.0
        assert "s of recording are there" in str(restored.recovered[0])
        assert restored.audit.verify() == []


def test_it_goes_only_where_nothing_is(store, file, folder, clock):
    with pytest.raises(UsageError, match="is not empty; restore into a folder that does not exist yet"):
        Store.restore(file, folder, now=clock)
    assert len(store.sessions.list()) == 1


def test_an_empty_folder_will_do(file, tmp_path, clock):
    (tmp_path / "new").mkdir()
    with Store.restore(file, tmp_path / "new", now=clock) as restored:
        assert len(restored.sessions.list()) == 1


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_half_a_back_up_is_refused_and_leaves_nothing(file, tmp_path, clock, data):
    whole = file.read_bytes()
    half = tmp_path / "half.zip"
    half.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    with pytest.raises(StoreError, match=r"half\.zip is half a back-up, or none: it has no end"):
        Store.restore(half, tmp_path / "new", now=clock)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip", "data", "half.zip"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_byte_flipped_in_a_back_up_never_comes_back(both, tmp_path, clock, data):
    """It is refused, or the byte was none of what is kept (a time stamp of the archive)."""
    file, kept, facts = both
    flipped, new = tmp_path / "flipped.zip", tmp_path / "new"
    damaged = bytearray(file.read_bytes())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    flipped.write_bytes(damaged)
    try:
        with Store.restore(flipped, new, now=clock) as restored:
            assert restored.audit.verify() == []
            assert restored.sessions.facts(kept.id) == facts
    except StoreError:
        assert not new.exists()
    shutil.rmtree(new, ignore_errors=True)


def test_a_file_that_does_not_belong_there_is_refused(file, tmp_path, clock):
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../evil", "x")
    with pytest.raises(StoreError, match="does not hold the files that its manifest"):
        Store.restore(file, tmp_path / "new", now=clock)
    assert not (tmp_path / "evil").exists()


def test_another_archive_or_no_file_is_refused_in_one_line(tmp_path, clock):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(StoreError, match="is not a back-up"):
        Store.restore(tmp_path / "other.zip", tmp_path / "new", now=clock)
    with pytest.raises(StoreError, match="there is no back-up"):
        Store.restore(tmp_path / "none.zip", tmp_path / "new", now=clock)


BACK_UP = """
import sys, threading
from datetime import datetime, timezone
from pathlib import Path
from biofeedback.store.store import Store

with Store.open(Path(sys.argv[1]), now=lambda: datetime.now(timezone.utc)) as store:
    print("begins", flush=True)
    while True:
        store.backup.write(Path(sys.argv[2]))
        print("done", flush=True)
"""

RECORD = """
from datetime import datetime, timezone
from itertools import count
from pathlib import Path
import time
import numpy as np
from acquisition.streams import Chunk, Kind, StreamInfo
from biofeedback.recording.recorder import Recorder
from generator.state import Piece

eda = StreamInfo(stream_id="e", name="e", kind=Kind.EDA, unit="uS", rate_hz=200.0, labels=("counter",))
recorder = Recorder(
    Path({directory!r}), protocol={{}}, protocol_sha256="", piece=Piece(seed=3), inputs=[eda], t0_s=0.0,
    t0_wall=datetime(2026, 1, 1, tzinfo=timezone.utc),
)
recorder.open()
for step in count(1):
    counted = np.arange(10.0 * (step - 1), 10.0 * step)
    recorder.raw(Chunk(eda, counted / 200, counted[:, np.newaxis]))
    recorder.flush(step / 20)
    print(step, flush=True)
    time.sleep(0.002)
"""


@pytest.mark.realtime
def test_killed_in_the_middle_the_earlier_back_up_stays_and_the_half_is_told_as_such(
    store, kept, file, tmp_path, clock
):
    (kept.directory.parent / "big").mkdir()
    (kept.directory.parent / "big" / "noise.bin").write_bytes(bytes(range(256)) * 200_000)
    before = file.read_bytes()
    part = tmp_path / "b.zip.part"
    with subprocess.Popen(
        [sys.executable, "-c", BACK_UP, str(store.folder), str(file)], stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        while not (part.exists() and part.stat().st_size > 30_000):
            assert process.poll() is None
        process.kill()
    assert file.read_bytes() == before
    with pytest.raises(StoreError, match="is half a back-up, or none"):
        Store.restore(part, tmp_path / "new", now=clock)
    with Store.restore(file, tmp_path / "new", now=clock) as restored:
        assert len(restored.sessions.list()) == 1
    store.backup.write(file)
    assert not part.exists()


def test_a_session_that_vanishes_meanwhile_is_said(store, kept, tmp_path, monkeypatch):
    def gone(_directory):
        raise FileNotFoundError(2, "gone", str(kept.directory))

    monkeypatch.setattr("biofeedback.store.backup._in_order", gone)
    with pytest.raises(StoreError, match="one went away while it was backed up; back up again"):
        store.backup.write(tmp_path / "b.zip")
    assert not (tmp_path / "b.zip").exists()


def test_a_place_that_cannot_be_written_is_said_in_one_line(store, tmp_path):
    with pytest.raises(StoreError, match=r"no such folder/b\.zip"):
        store.backup.write(tmp_path / "no such folder" / "b.zip")
    assert isinstance(store, Store)
