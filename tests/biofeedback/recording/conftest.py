"""A recorder to write with and a small session to write."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest

from acquisition.streams import Chunk, ClockPair, Kind, StreamInfo
from biofeedback.models import Decision
from biofeedback.recording.recorder import Recorder
from generator.composition.notation import FormArc, SectionKind
from generator.score import BeatEvent, NoteEvent, SectionEvent
from generator.state import MusicState, Piece
from physiology.state import Beat, PhysiologyState, Reading, Scr

ECG = StreamInfo(stream_id="chest", name="Brustgurt", kind=Kind.ECG, unit="mV", rate_hz=100.0, labels=("II",))
EDA = StreamInfo(
    stream_id="palm", name="Handfläche", kind=Kind.EDA, unit="uS", rate_hz=0.0, labels=("a", "b")
)
SLOW = MusicState(tempo_bpm=60.0)
FAST = MusicState(tempo_bpm=90.0, mode=0.8, layers=4)


@pytest.fixture
def things():
    """One of each thing that is recorded."""
    good, missing = Reading(1.5, 0.9, 0.2), Reading(None, 0.0, None)
    return SimpleNamespace(
        time_of=lambda frame: frame / 48_000,
        ecg=ECG,
        eda=EDA,
        slow=SLOW,
        fast=FAST,
        state=PhysiologyState(
            t=1.0,
            hr_bpm=Reading(61.0, 0.8, 0.1),
            rmssd_ms=missing,
            scl_us=Reading(4.5, 0.7, 0.1),
            scr_rate_per_min=good,
            phasic_auc=good,
            breathing_rate=missing,
            activation=None,
            activation_0_100=None,
            confidence=0.4,
            contributions={},
        ),
        beat=Beat(beat_id=3, r_time_s=0.7, rr_ms=float("nan"), quality=0.9, corrected=True, known_at_s=1.1),
        scr=Scr(onset_s=0.2, peak_s=0.9, amplitude_us=0.05, known_at_s=1.4),
        note=NoteEvent(
            frame=24_000, number=0, duration_s=0.4, beat=1.5, bar=0, pitch=62, velocity=70, layer="bass"
        ),
        music_beat=BeatEvent(frame=48_000, beat=2, bar=0, tempo_bpm=66.0),
        section=SectionEvent(
            frame=72_000,
            bar=2,
            number=1,
            kind=SectionKind.CONTRAST,
            arc=FormArc(density=-0.25, brightness=0.5, layers=-1, level_db=-2.0),
        ),
        decision=Decision(
            t=1.0,
            phase="Ruhe",
            progress=0.5,
            music=SLOW,
            terms={"z": float("nan"), "held": True},
            why="Weil.",
        ),
        pair=ClockPair(stream_id="palm", source_time_s=1e9, engine_time_s=0.25),
    )


class RecorderInContext(Recorder):
    """A recorder that a `with` statement opens and closes, with the name of the error as the reason."""

    def __enter__(self):
        self.open()
        return self

    def __exit__(self, kind, *_):
        self.close("closed" if kind is None else kind.__name__)


@pytest.fixture
def make_recorder():
    """Return a function that makes a recorder for a directory."""

    def make(directory, **changes):
        settings = {
            "protocol": {"id": "ruhe", "name": "Zur Ruhe"},
            "protocol_sha256": "5e55",
            "piece": Piece(tonic=2, seed=7),
            "inputs": [ECG, EDA],
            "t0_s": 0.0,
            "t0_wall": datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        }
        return RecorderInContext(directory, **{**settings, **changes})

    return make


@pytest.fixture
def play():
    """Return a function that records steps `start` to `stop` of a session whose ECG counts its samples."""

    def play(recorder, stop, start=1):
        for step in range(start, stop + 1):
            t = step / 20
            count = np.arange(5 * (step - 1), 5 * step, dtype=float)
            recorder.raw(Chunk(ECG, count / 100, count[:, np.newaxis]))
            recorder.marker(t, {"step": step})
            recorder.flush(t)

    return play
