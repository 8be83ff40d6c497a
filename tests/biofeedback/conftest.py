"""A plausible ten-minute session, made by hand, which tests take from or change; and the command line."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from biofeedback.cli import exit_status
from biofeedback.recording.reader import RecordedStream, Recording

T0 = 100.0
END = 630.0
PHASES = (
    ("baseline", "baseline", 0.0, 120.0),
    ("match", "match", 120.0, 210.0),
    ("lead to rest", "lead", 210.0, 540.0),
    ("sustain", "sustain", 540.0, 600.0),
    ("fade", "end", 600.0, 625.0),
)
LOST_HEART = (300.0, 318.0)
LOST_SKIN = (410.0, 470.0)
HELD = (330.0, 375.0)


def numeric_stream(name, kind, labels, times, columns, *, units=None, rate_hz=0.0):
    samples = np.column_stack([np.broadcast_to(c, np.shape(times)) for c in columns]).astype(float)
    return RecordedStream(
        name=name,
        kind=kind,
        rate_hz=rate_hz,
        labels=tuple(labels),
        units=tuple(units or [""] * len(labels)),
        times=np.asarray(times, dtype=float) + T0,
        samples=samples.reshape(len(times), len(labels)),
        texts=(),
        desc={},
    )


def json_stream(name: str, entries: list[tuple[float, dict[str, Any]]]) -> RecordedStream:
    return RecordedStream(
        name=name,
        kind="Markers",
        rate_hz=0.0,
        labels=("json",),
        units=("",),
        times=np.array([t for t, _ in entries], dtype=float) + T0,
        samples=np.empty((len(entries), 0)),
        texts=tuple(json.dumps(entry) for _, entry in entries),
        desc={},
    )


def between(times, span):
    return (times >= span[0]) & (times < span[1])


def heart_rate(t):
    return 76.0 - 9.0 / (1 + np.exp(-(t - 330) / 60)) + 1.5 * np.sin(t / 37)


def beat_times(rng):
    t, found = 0.4, []
    while t < END:
        found.append(t)
        rsa = 1 + 0.04 * np.sin(2 * np.pi * 0.22 * t) + rng.normal(0, 0.012)
        t += 60.0 / heart_rate(t) * rsa
    return np.array(found)


def ecg(times, beats):
    nearest = beats[np.clip(np.searchsorted(beats, times - 0.4), 0, beats.size - 1)]
    d = times - nearest
    return (
        1.1 * np.exp(-((d / 0.011) ** 2))
        - 0.18 * np.exp(-(((d - 0.03) / 0.012) ** 2))
        + 0.22 * np.exp(-(((d - 0.24) / 0.05) ** 2))
        + 0.1 * np.exp(-(((d + 0.16) / 0.03) ** 2))
    )


def skin(times, onsets):
    level = 5.2 - 1.4 * times / END + 0.15 * np.sin(times / 50)
    phasic = np.zeros_like(times)
    for onset in onsets:
        d = np.clip(times - onset, 0, None)
        phasic += 0.3 * (np.exp(-d / 2) - np.exp(-d / 0.7)) / 0.369
    return level, phasic


def activation_at(t):
    return 0.55 * np.exp(-(((t - 340) / 60) ** 2)) + 0.35 - 0.9 / (1 + np.exp(-(t - 420) / 50))


def decisions():
    found = []
    for t in np.arange(0.0, 600.0, 5.0).tolist():
        phase = next(name for name, _, begin, end in PHASES if begin <= t < end)
        progress = float(np.clip((t - 210) / 330, 0, 1))
        tempo = round(76 - 16 * progress**2, 2)
        held = HELD[0] <= t < HELD[1]
        terms = {"activation": None, "a_ref": None, "sigma": None, "confidence": 0.8, "held": held}
        if t < 120:
            why = f"Baseline: learning the resting state for {120 - t:.0f} s more, in silence."
        elif t < 210:
            why = f"Matching: the tempo follows the heart rate, {tempo:.0f} bpm."
        else:
            terms |= {"activation": round(float(activation_at(t)), 3), "a_ref": 0.36, "sigma": 0.3}
            why = f"Leading: the tempo goes on down to {tempo:.1f} bpm."
            if held:
                why = f"Holding: activation {activation_at(t):.2f} lies above the threshold 0.66."
        music = {"tempo_bpm": tempo, "mode": 0.6, "sounding": t >= 120}
        found.append(
            (t, {"t": t, "phase": phase, "progress": progress, "music": music, "terms": terms, "why": why})
        )
    return found


def markers():
    found = [(0.0, {"type": "session", "event": "begin"})]
    for name, kind, begin, end in PHASES:
        found.append((begin, {"type": "phase", "name": name, "kind": kind, "event": "begin"}))
        found.append((end, {"type": "phase", "name": name, "kind": kind, "event": "end"}))
    found.append((300.5, {"type": "fault", "what": "ECG lost", "for_s": 17.5}))
    found.append((625.0, {"type": "session", "event": "end", "reason": "completed"}))
    return sorted(found, key=lambda pair: pair[0])


def features(beats, onsets):
    t = np.arange(1.0, END)
    hr = np.where((t < 5) | between(t, LOST_HEART), np.nan, heart_rate(t))
    rmssd = np.where(np.isnan(hr) | (t < 60), np.nan, 34 + 14 * t / END + 3 * np.sin(t / 23))
    level, _ = skin(t, onsets)
    scl = np.where((t < 10) | between(t, LOST_SKIN), np.nan, level)
    rate = np.where(np.isnan(scl), np.nan, [60 / 60 * between(onsets, (s - 60, s)).sum() for s in t])
    activation = np.where((t < 120) | np.isnan(hr), np.nan, activation_at(t))
    quality = np.where(np.isnan(hr), 0.1, np.where(between(t, (318, 330)), 0.4, 0.95))
    breathing = np.where(t < 40, np.nan, 14 - 3 * t / END)
    columns = {
        "hr_bpm": hr,
        "hr_quality": quality,
        "rmssd_ms": rmssd,
        "scl_uS": scl,
        "scr_rate_per_min": rate,
        "phasic_auc": rate * 0.4,
        "eda_quality": np.where(np.isnan(scl), 0.0, 0.9),
        "breathing_rate": breathing,
        "activation": activation,
        "activation_0_100": 100 / (1 + np.exp(-activation)),
        "confidence": np.where(np.isnan(activation), 0.0, 0.8),
    }
    return numeric_stream("features", "Physiology", columns, t, columns.values(), rate_hz=1.0)


def music():
    t = np.arange(0.0, 625.0, 5.0)
    progress = np.clip((t - 210) / 330, 0, 1)
    columns = {
        "tempo_bpm": 76 - 16 * progress**2,
        "mode": np.select([t < 260, t < 340, t < 460], [0.8, 0.6, 0.4], 0.2),
        "density": 0.6 - 0.4 * progress,
        "register": 0.5 - 0.2 * progress,
        "brightness": 0.55 - 0.35 * progress,
        "articulation": 0.2,
        "layers": np.select([t < 250, t < 330, t < 450], [5, 4, 3], 2),
        "level_db": -6 * progress,
        "breath_rate": 6.0,
        "breath_depth": 0.5,
        "sounding": (t >= 120) & (t < 600),
        "state": np.arange(t.size),
    }
    return numeric_stream("music", "Music", columns, t, columns.values())


def score():
    t = np.arange(121, 600, 0.9)
    tempo = 76 - 16 * np.clip((t - 214) / 330, 0, 1) ** 2
    return numeric_stream("score", "Music", ["beat", "tempo_bpm"], t, [np.arange(t.size), tempo])


def make_session() -> Recording:
    rng = np.random.default_rng(7)
    beats = beat_times(rng)
    onsets = np.sort(rng.uniform(5, 620, 45))
    t = np.arange(0, END, 1 / 125)
    wave = ecg(t, beats) + rng.normal(0, 0.02, t.size)
    heart_there = ~between(t, LOST_HEART)
    level, phasic = skin(t[::5], onsets)
    conductance = np.where(
        between(t[::5], LOST_SKIN), np.nan, level + phasic + rng.normal(0, 0.004, level.size)
    )
    seen = beats[~between(beats, LOST_HEART)]
    rr = np.diff(seen, prepend=np.nan) * 1000
    rr[rr > 2000] = np.nan
    corrected = np.zeros(seen.size)
    corrected[[80, 300, 301, 555]] = 1
    rr[[80, 300, 555]] *= 0.6
    streams = [
        numeric_stream("ecg", "ECG", ["ECG"], t[heart_there], [wave[heart_there]], units=["mV"]),
        numeric_stream("eda", "EDA", ["EDA"], t[::5], [conductance], units=["uS"]),
        numeric_stream("rsp", "RSP", ["RSP"], t[::5], [np.sin(2 * np.pi * 0.22 * t[::5])], units=["a.u."]),
        features(seen, onsets),
        numeric_stream(
            "beats", "Physiology", ["id", "r_time_s", "rr_ms", "quality", "corrected", "action"], seen + 0.4,
            [np.arange(seen.size), seen + T0, rr, 0.9, corrected, 0],
        ),
        numeric_stream("scrs", "Physiology", ["onset_s", "peak_s", "amplitude_uS"], onsets + 2,
                       [onsets + T0, onsets + T0 + 1.2, 0.3]),
        music(),
        score(),
        json_stream("decisions", decisions()),
        json_stream("markers", markers()),
        json_stream("commands", [(250.2, {"command": "note", "text": "client opens her eyes"})]),
    ]  # fmt: skip
    meta = {
        "protocol": {"id": "isoprinciple-relaxation", "version": 1, "title": "Match, then lead"},
        "protocol_sha256": "ab" * 32,
        "seed": 1,
        "versions": {"python": "3.11.9", "neurokit2": "0.2.13"},
        "t0_s": T0,
        "t0_wall": "2026-03-04T14:05:00+01:00",
        "inputs": [
            {"stream": "ecg", "kind": "ecg", "name": "PolarECG"},
            {"stream": "eda", "kind": "eda", "name": "bitalino"},
        ],
        "end": {
            "reason": "completed",
            "duration_s": 625.0,
            "faults": [],
            "checksums": {"session.xdf": "cd" * 32},
        },
    }
    return Recording(directory=Path("S1"), meta=meta, streams={s.name: s for s in streams}, complete=True)


@pytest.fixture(scope="session")
def session() -> Recording:
    return make_session()


@pytest.fixture
def make() -> "type[Make]":
    return Make


class Make:
    """Builds streams and recordings for one test."""

    t0 = T0
    numeric = staticmethod(numeric_stream)
    json = staticmethod(json_stream)

    @staticmethod
    def recording(
        *streams: RecordedStream, meta: dict[str, Any] | None = None, complete: bool = True
    ) -> Recording:
        found = {"t0_s": T0, **(meta or {})}
        return Recording(
            directory=Path("S"), meta=found, streams={s.name: s for s in streams}, complete=complete
        )

    @staticmethod
    def cut(recording: Recording, at_s: float) -> Recording:
        """Return what is left when the file ends at `at_s`: no footer, no end, streams without their tail."""

        def shortened(stream: RecordedStream) -> RecordedStream:
            n = int(np.searchsorted(stream.times, at_s + T0))
            return replace(stream, times=stream.times[:n], samples=stream.samples[:n], texts=stream.texts[:n])

        meta = {key: value for key, value in recording.meta.items() if key != "end"}
        streams = {name: shortened(stream) for name, stream in recording.streams.items()}
        return replace(recording, meta=meta, streams=streams, complete=False)


@pytest.fixture
def run(data, capsys):
    """Return a function that runs a command on the data folder; it returns exit status, output and errors."""

    def run(*arguments):
        status = exit_status([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run
