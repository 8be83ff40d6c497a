"""Real processes that record and are killed, or run out of room."""

import random
import subprocess
import sys

import numpy as np
import pytest
import pyxdf

from biofeedback.recording.reader import read_recording

pytestmark = pytest.mark.realtime

SESSION = """
import sys
from datetime import datetime, timezone
from itertools import count
from pathlib import Path

import numpy as np

from acquisition.streams import Chunk, Kind, StreamInfo
from biofeedback.errors import RecordingError
from biofeedback.recording.recorder import Recorder
from generator.score import NoteEvent
from generator.state import Piece

ecg = StreamInfo(stream_id="e", name="e", kind=Kind.ECG, unit="mV", rate_hz=200.0, labels=("counter",))
recorder = Recorder(
    Path(sys.argv[1]),
    protocol={},
    protocol_sha256="",
    piece=Piece(seed=3),
    inputs=[ecg],
    t0_s=0.0,
    t0_wall=datetime(2026, 1, 1, tzinfo=timezone.utc),
)


def record(step):
    counted = np.arange(10.0 * (step - 1), 10.0 * step)
    recorder.raw(Chunk(ecg, counted / 200, counted[:, np.newaxis]))
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
    recorder.sounded([], [note], None, lambda frame: frame / 48_000)
    recorder.marker(step / 20, {"step": step})
    recorder.flush(step / 20)
"""

ENDLESS = (
    SESSION
    + """
recorder.open()
for step in count(1):
    record(step)
    print(step, flush=True)
"""
)

LIMITED = (
    SESSION
    + """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
recorder.open()
try:
    for step in count(1):
        record(step)
except RecordingError as error:
    print(error)
recorder.close("no room")
"""
)


def kill_after(directory, lines):
    """Let a session run until it has reported `lines` steps, and kill it wherever it then is."""
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(directory)], stdout=subprocess.PIPE, text=True
    ) as process:
        for _ in range(lines):
            reported = int(process.stdout.readline())
        process.kill()
    return reported


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_a_random_moment_it_opens_and_lacks_half_a_second_at_most(tmp_path, seed):
    directory = tmp_path / "Großmutter"
    reported = kill_after(directory, random.Random(seed).randint(1, 1500))
    recording = read_recording(directory)
    counter = recording.streams["ecg"].column("counter")
    assert not recording.complete
    assert counter.tolist() == list(range(counter.size))
    assert counter.size >= 10 * (reported - 9)
    notes = recording.streams["notes"]
    assert notes.column("frame").tolist() == [2400.0 * (n + 1) for n in range(counter.size // 10)]
    assert [marker["step"] for marker in recording.streams["markers"].json()] == list(
        range(1, counter.size // 10 + 1)
    )
    assert recording.streams["music"].desc["seed"] == "3"
    theirs, _ = pyxdf.load_xdf(directory / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False)
    np.testing.assert_array_equal(theirs[0]["time_series"][:, 0], counter)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_without_room_it_says_so_in_one_line_and_keeps_what_it_has(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path / "s")], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.startswith(f"{tmp_path / 's' / 'session.xdf'} cannot be written: ")
    assert done.stdout.count("\n") == 1
    recording = read_recording(tmp_path / "s")
    counter = recording.streams["ecg"].column("counter")
    assert (recording.complete, recording.meta["end"]["reason"]) == (False, "no room")
    assert counter.tolist() == list(range(counter.size))
    assert counter.size >= 500
