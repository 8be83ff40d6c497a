"""A session of a minute in which everything happens, recorded by the recorder itself."""

import json
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from acquisition.streams import Chunk, ClockPair, Kind, Mark, StreamInfo
from biofeedback.exports.consent import StoreEntry
from biofeedback.exports.export import ExportRequest
from biofeedback.models import Decision
from biofeedback.recording.recorder import Recorder
from biofeedback.store.records import Consent
from generator.composition.notation import FormArc, SectionKind
from generator.score import BeatEvent, NoteEvent, SectionEvent
from generator.state import MusicState, Piece
from physiology.state import Beat, PhysiologyState, Reading, Scr

T0 = 5065.25
WALL = "2026-03-01T09:30:12.345678+01:00"
SECRETS = {
    "device": "Polar H10 7F3A2B19",
    "address": "A0:9E:1A:7F:3A:2B",
    "file": "Müller_Eva_1971.csv",
    "client": "K-17",
    "note": "Frau Müller sagt, der Schmerz lässt nach",
    "mark": "stimulus für Annegret begann",
    "label": "Eva",
}
INPUTS = (
    StreamInfo(
        stream_id=f"ble:{SECRETS['device']}:ecg",
        name=SECRETS["device"],
        kind=Kind.ECG,
        unit="mV",
        rate_hz=250.0,
        labels=("II",),
    ),
    StreamInfo(
        stream_id=f"eda={SECRETS['file']}:µS",
        name="eda",
        kind=Kind.EDA,
        unit="uS",
        rate_hz=4.0,
        labels=(SECRETS["label"],),
    ),
    StreamInfo(
        stream_id=f"ble:{SECRETS['address']}:rr",
        name="rr",
        kind=Kind.RR,
        unit="ms",
        rate_hz=0.0,
        labels=("rr",),
    ),
    StreamInfo(
        stream_id="lsl:PsychoPy", name="psychopy", kind=Kind.MARKERS, unit="", rate_hz=0.0, labels=("text",)
    ),
)
PROTOCOL = {
    "id": "kurze-ruhe",
    "version": 3,
    "title": "Kurze Ruhe",
    "arm": "closed-loop",
    "phases": [
        {"kind": "baseline", "name": "Ruhe", "duration_s": 30.0},
        {"kind": "match", "name": "match", "duration_s": 25.0, "markers": {"begin": "Reiz an"}},
    ],
}
PIECE = Piece(seed=7)
GAP = (20.0, 23.0)
MISSING = slice(1000, 1010)
SECTIONS = (
    SectionEvent(frame=0, bar=0, number=0, kind=SectionKind.STATEMENT, arc=FormArc()),
    SectionEvent(
        frame=4 * 48_000,
        bar=1,
        number=1,
        kind=SectionKind.CONTRAST,
        arc=FormArc(density=0.1, register=0.2, brightness=-0.1, layers=1, level_db=-2.0),
    ),
)
SLOW, FAST = MusicState(tempo_bpm=60.0), MusicState(tempo_bpm=72.5, mode=0.8, layers=4)


def ecg():
    times = np.arange(60 * 250) / 250 + 0.004 / 3
    values = np.sin(2 * np.pi * 1.1 * times) ** 15 + 0.1 * np.cos(times)
    values[MISSING] = np.nan
    kept = (times < GAP[0]) | (times >= GAP[1])
    return times[kept], values[kept]


def feed(recorder: Recorder, *, until_s: float = 60.0) -> None:
    """Record a minute: signals by the second, events as they come."""
    signals = {
        0: ecg(),
        1: (np.arange(240) / 4, 5.0 + 0.3 * np.sin(np.arange(240) / 30)),
        2: (np.arange(1, 66) * 0.9, np.full(65, 900.0) + np.arange(65) % 7),
    }
    nan = Reading(None, 0.0, None)
    for second in np.arange(0.0, until_s):
        t = T0 + second
        for index, (times, values) in signals.items():
            now = (times >= second) & (times < second + 1)
            if now.any():
                recorder.raw(Chunk(INPUTS[index], T0 + times[now], values[now, None]))
        recorder.features(
            PhysiologyState(
                t=t,
                hr_bpm=Reading(66.0 + second / 7, 0.9, 0.2) if second > 4 else nan,
                rmssd_ms=nan,
                scl_us=Reading(5.0 + second / 100, 0.8, 0.1),
                scr_rate_per_min=nan,
                phasic_auc=nan,
                breathing_rate=nan,
                activation=None,
                activation_0_100=None,
                confidence=0.0,
                contributions={},
            )
        )
        if second < 55:
            decide(recorder, second)
        events(recorder, second)
        recorder.flush(t + 1.0)


def decide(recorder: Recorder, second: float) -> None:
    t = T0 + second
    music = SLOW if second < 30 else FAST
    recorder.decision(
        Decision(
            t=t,
            phase="Ruhe" if second < 30 else "match",
            progress=(second % 30) / 30,
            music=music,
            terms={"held": second > 40, "a_ref": None if second < 30 else 0.25},
            why=f'Weil; {second:g}, "so".',
        )
    )
    recorder.music(t, music)


def events(recorder: Recorder, second: float) -> None:
    t = T0 + second
    if second == 0:
        recorder.clock(
            t, ClockPair(stream_id=INPUTS[1].stream_id, source_time_s=1772353812.5, engine_time_s=T0)
        )
        recorder.marker(t, {"type": "phase", "name": "Ruhe", "kind": "baseline", "event": "begin"})
    if second == 10:
        recorder.marker(t, {"type": "note", "text": SECRETS["note"]})
        recorder.marker(t, {"type": "signal", "stream": "ecg", "text": "ecg: no contact"})
        args = {"text": SECRETS["note"]}
        recorder.command(
            t, {"name": "note", "args": args, "origin": "therapist", "key": "k", "accepted": True}
        )
    if second == 12:
        recorder.mark(Mark(stream_id=INPUTS[3].stream_id, time_s=t, text=SECRETS["mark"]))
        recorder.beats(
            [Beat(beat_id=1, r_time_s=t - 0.5, rr_ms=900.5, quality=0.9, corrected=False, known_at_s=t)]
        )
        recorder.scrs([Scr(onset_s=t - 3, peak_s=t - 1, amplitude_us=0.07, known_at_s=t)])
    if second == 30:
        recorder.marker(t, {"type": "phase", "name": "Ruhe", "kind": "baseline", "event": "end"})
        recorder.marker(
            t, {"type": "baseline", "start_s": T0, "end_s": t, "verdict": "good", "sentence": "Good."}
        )
        recorder.marker(t, {"type": "phase", "name": "match", "kind": "match", "event": "begin"})
        recorder.marker(t, {"type": "protocol", "text": "Reiz an"})
    if second == 31:
        recorder.sounded(
            [
                BeatEvent(frame=number * 48_000, beat=number, bar=number // 4, tempo_bpm=60.0)
                for number in range(8)
            ],
            [
                NoteEvent(
                    frame=number * 24_000,
                    number=number,
                    duration_s=0.4,
                    beat=number / 2,
                    bar=number // 8,
                    pitch=60 + number,
                    velocity=70,
                    layer="bass" if number % 2 else "pad",
                )
                for number in range(16)
            ],
            FAST,
            lambda frame: T0 + 31 + frame / 48_000,
        )
        recorder.form(SECTIONS, lambda frame: T0 + 31 + frame / 48_000)
    if second == 50:
        recorder.rating(t, {"scale": "pain-nrs", "value": 4, "text": SECRETS["note"]})
    if second == 55:
        recorder.marker(t, {"type": "phase", "name": "match", "kind": "match", "event": "end"})


def record(
    directory: Path,
    *,
    close: bool = True,
    until_s: float = 60.0,
    sound: bool = True,
    consent=None,
    piece: Piece = PIECE,
) -> Path:
    recorder = Recorder(
        directory,
        protocol=PROTOCOL,
        protocol_sha256="ab" * 32,
        piece=piece,
        inputs=INPUTS,
        t0_s=T0,
        t0_wall=datetime.fromisoformat(WALL),
        consent=consent,
        arguments={
            "inputs": [f"ecg=ble:{SECRETS['address']}", f"eda=/home/eva/{SECRETS['file']}:µS@4"],
            "setup": "Praxis Dr. Sommerfeld",
            "output": {"kind": "portaudio", "name": "Scarlett 2i2 4711"},
            "time": "real",
        },
    )
    recorder.open()
    feed(recorder, until_s=until_s)
    if sound:
        noise = np.random.default_rng(1).normal(scale=0.05, size=(48_000, 2))
        soundfile.write(directory / "audio.flac", noise, 48_000, subtype="PCM_24")
    if close:
        recorder.close("completed")
    else:
        recorder._sync.stop()
        recorder._file.close()
    return directory


@pytest.fixture(scope="session")
def session_directory(tmp_path_factory) -> Path:
    """A session whose folder, too, bears a name."""
    return record(tmp_path_factory.mktemp("exports") / "2026-03-01-093012-Müller")


@pytest.fixture
def order(tmp_path):
    """Return a function that makes an order into a new folder."""

    def make(*formats, **changes) -> ExportRequest:
        return ExportRequest(formats=formats, out=tmp_path / "out", key=b"k" * 32, **changes)

    return make


@pytest.fixture(scope="session")
def agreed():
    """Return a function that makes what the store knows of a session whose client agreed to research."""

    def make(client, **changes) -> StoreEntry:
        consent = Consent(id="c0", version="1", given_at="2026-03-01T00:00:00.000+00:00", given=("research",))
        return StoreEntry(client=client, consent=consent, **changes)

    return make


@pytest.fixture(scope="session")
def recorded():
    """What the session is made of, for tests that compare."""
    return SimpleNamespace(
        t0_s=T0,
        ecg=ecg,
        gap=GAP,
        missing=MISSING,
        secrets=SECRETS,
        record=record,
        piece=PIECE,
        protocol=PROTOCOL,
        json=json,
    )
