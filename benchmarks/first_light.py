"""A real person at rest through the whole loop, twice.

    python benchmarks/first_light.py DATA

Runs ``isoprinciple-relaxation`` over the eight-minute resting record in DATA with the installed command
line, measures what came of it with tools that share no code with the engine (pyxdf, mido, soundfile,
pyloudnorm, NeuroKit2 offline), prints the figures as JSON and exits 1 if one of them misses its floor.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import mido
import neurokit2 as nk
import numpy as np
import pandas as pd
import pyloudnorm
import pyxdf
import soundfile as sf

RECORD = "neurokit/bio_resting_8min_100hz.csv"
STREAMS = (
    "ecg", "eda", "features", "beats", "scrs", "music", "score", "notes", "note_ends",
    "decisions", "markers", "ratings", "commands", "clock",
)  # fmt: skip
STEPS = {
    0.0: (0, 1, 3, 5, 7, 8, 10),
    0.2: (0, 2, 3, 5, 7, 8, 10),
    0.4: (0, 2, 3, 5, 7, 9, 10),
    0.6: (0, 2, 4, 5, 7, 9, 10),
    0.8: (0, 2, 4, 5, 7, 9, 11),
    1.0: (0, 2, 4, 6, 7, 9, 11),
}


def command(data: Path, out: Path, audio: str) -> list[str]:
    """Return the command line of the session."""
    record = data / RECORD
    return [
        str(Path(sys.executable).with_name("biofeedback")), "run",
        "--protocol", "isoprinciple-relaxation@1",
        "--input", f"ecg={record}:ECG@100",
        "--input", f"eda={record}:EDA@100",
        "--audio", audio, "--time", "virtual", "--seed", "1", "--out", str(out),
    ]  # fmt: skip


def load(path: Path) -> dict[str, Any]:
    """Return the streams of an XDF file by name, as pyxdf reads them."""
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False, synchronize_clocks=False, verbose=False)
    return {stream["info"]["name"][0]: stream for stream in streams}


def column(stream: dict[str, Any], label: str) -> np.ndarray:
    """Return one channel of a stream by its label."""
    channels = stream["info"]["desc"][0]["channels"][0]["channel"]
    labels = [channel["label"][0] for channel in channels]
    return np.asarray(stream["time_series"])[:, labels.index(label)]


def texts(stream: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the JSON samples of a stream."""
    return [json.loads(sample[0]) for sample in stream["time_series"]]


def physiology(streams: dict[str, Any], data: Path) -> dict[str, float]:
    """Compare the session's heart rate with offline NeuroKit2's."""
    ecg = pd.read_csv(data / RECORD)["ECG"].to_numpy()
    _, info = nk.ecg_peaks(nk.ecg_clean(ecg, sampling_rate=100), sampling_rate=100)
    offline = float(np.median(60.0 / (np.diff(info["ECG_R_Peaks"]) / 100.0)))
    live = float(np.nanmedian(column(streams["features"], "hr_bpm")))
    return {"hr_live_bpm": live, "hr_offline_bpm": offline, "hr_difference_bpm": abs(live - offline)}


def limits(streams: dict[str, Any]) -> dict[str, float]:
    """Return the steepest moves that were asked of the music while it sounded."""
    music = streams["music"]
    t = np.asarray(music["time_stamps"])
    tempo, mode = column(music, "tempo_bpm"), column(music, "mode")
    sounding = column(music, "sounding") > 0
    both = sounding[1:] & sounding[:-1]
    # Two rows at one moment are one step; the rate is over the decision interval of five seconds.
    rise = np.abs(np.diff(tempo))[both] / np.maximum(np.diff(t), 1e-9)[both] * 60.0
    moves = t[1:][(np.diff(mode) != 0) & both]
    rungs = np.abs(np.diff(mode))[both]
    bars = 4 * 60.0 / tempo[:-1][both]
    per_bar = np.abs(np.diff(tempo))[both] / tempo[:-1][both] * np.minimum(bars / np.diff(t)[both], 1.0) * 100
    return {
        "tempo_bpm_per_min": float(rise.max(initial=0.0)),
        "tempo_percent_per_bar": float(per_bar.max(initial=0.0)),
        "mode_rung": float(rungs.max(initial=0.0)),
        "mode_seconds_apart": float(np.diff(moves).min(initial=999.0)),
        "level_db_highest": float(column(music, "level_db").max()),
    }


def matching(streams: dict[str, Any]) -> dict[str, float | bool]:
    """Return where the music began and where it was to go."""
    decisions = texts(streams["decisions"])
    first = next(d for d in decisions if d["music"]["sounding"])
    lead = [d for d in decisions if d["phase"] == "lead"]
    goal = lead[-1]["terms"]["goal"]
    before = [
        value
        for t, value in zip(
            streams["features"]["time_stamps"], column(streams["features"], "hr_bpm"), strict=True
        )
        if t <= first["t"] and np.isfinite(value)
    ]
    return {
        "first_tempo_bpm": first["music"]["tempo_bpm"],
        "hr_at_first_sound_bpm": float(before[-1]),
        "goal_bpm": goal,
        "last_tempo_bpm": decisions[-1]["music"]["tempo_bpm"],
    }


def midi_against_recording(streams: dict[str, Any], path: Path) -> dict[str, float]:
    """Compare the MIDI file's notes and tempo with the recording's, and pitches with the mode in force."""
    elapsed, notes, tempi = 0.0, [], []
    for message in mido.MidiFile(path):
        elapsed += message.time
        if message.type == "note_on" and message.velocity:
            notes.append((elapsed, message.note))
        if message.type == "set_tempo":
            tempi.append((elapsed, 60e6 / message.tempo))
    recorded = sorted(
        zip(streams["notes"]["time_stamps"], column(streams["notes"], "pitch").astype(int), strict=True)
    )
    offset = recorded[0][0] - min(notes)[0]
    apart = [abs(a[0] - b[0] - offset) for a, b in zip(recorded, sorted(notes), strict=True)]
    same = sorted(pitch for _, pitch in notes) == sorted(pitch for _, pitch in recorded)
    beats = np.asarray(streams["score"]["time_stamps"])
    asked = column(streams["score"], "tempo_bpm")
    stretch = (beats > beats[0] + 20) & (beats < beats[-1] - 20)
    played = 60.0 / np.diff(beats)
    begins = np.array([time + offset for time, _ in tempi])
    at = np.array([bpm for _, bpm in tempi])[np.searchsorted(begins, beats[:-1] + 1e-3) - 1]
    return {
        "notes": len(recorded),
        "midi_pitches_differ": float(not same),
        "midi_offset_s": offset,
        "midi_worst_ms": 1000 * max(apart),
        "midi_tempo_worst_bpm": float(np.abs(at - played)[stretch[:-1]].max()),
        "score_tempo_worst_percent": float((100 * np.abs(asked[:-1] / played - 1))[stretch[:-1]].max()),
        "pitches_outside_mode_percent": outside_mode(streams),
    }


def outside_mode(streams: dict[str, Any]) -> float:
    """Return the share of notes, in percent, outside the modes asked for within the last two phrases."""
    tonic = int(streams["music"]["info"]["desc"][0]["tonic"][0])
    asked_t, asked = np.asarray(streams["music"]["time_stamps"]), column(streams["music"], "mode")
    bars = column(streams["notes"], "bar")
    times, pitches = np.asarray(streams["notes"]["time_stamps"]), column(streams["notes"], "pitch")
    outside = 0
    for t, _, pitch in zip(times, bars, pitches, strict=True):
        recent = asked[(asked_t <= t) & (asked_t >= t - 60)]
        last = asked[asked_t <= t][-1:]
        allowed = {step for mode in (*recent, *last) for step in STEPS[round(float(mode), 1)]}
        outside += (int(pitch) - tonic) % 12 not in allowed
    return 100.0 * outside / len(pitches)


def sound(path: Path) -> dict[str, float]:
    """Measure level, peak, DC and finiteness of the sound."""
    samples, rate = sf.read(path)
    audible = np.flatnonzero(np.abs(samples).max(axis=1) > 0)
    heard = samples[audible[0] : audible[-1] + 1]
    blocks = np.abs(heard[: len(heard) // 480 * 480]).reshape(-1, 480, 2).max(axis=(1, 2))
    return {
        "seconds": len(samples) / rate,
        "silent_before_s": audible[0] / rate,
        "lufs": float(pyloudnorm.Meter(rate).integrated_loudness(heard)),
        "peak_dbfs": float(20 * np.log10(np.abs(samples).max())),
        "dc_db": float(20 * np.log10(max(abs(heard.mean()), 1e-9))),
        "not_finite": int((~np.isfinite(samples)).sum()),
        "quietest_10_ms_db": float(20 * np.log10(max(blocks[100:-100].min(), 1e-9))),
    }


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> int:
    """Run everything, print the figures, return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of recordings")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder, "S1"), Path(folder, "S2")
        began = time.monotonic()
        subprocess.run(command(options.data, first, "file"), check=True, stdout=subprocess.DEVNULL)
        figures["wall_s"] = time.monotonic() - began
        subprocess.run(command(options.data, second, "file"), check=True, capture_output=True)
        names = ("session.xdf", "audio.flac", "score.mid")
        figures["identical"] = all(digest(first / name) == digest(second / name) for name in names)
        streams = load(first / "session.xdf")
        figures["streams_missing"] = sorted(set(STREAMS) - set(streams))
        figures["physiology"] = physiology(streams, options.data)
        figures["matching"] = matching(streams)
        figures["limits"] = limits(streams)
        figures["midi"] = midi_against_recording(streams, first / "score.mid")
        figures["sound"] = sound(first / "audio.flac")
    figures["missed"] = missed(figures)
    print(json.dumps(figures, indent=2))
    return 1 if figures["missed"] else 0


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the floors that were not reached."""
    matched, limit, midi, heard = (figures[key] for key in ("matching", "limits", "midi", "sound"))
    floors = {
        "a second run with the same seed is identical": figures["identical"],
        "every stream is there": not figures["streams_missing"],
        "heart rate within 1 bpm of offline": figures["physiology"]["hr_difference_bpm"] <= 1.0,
        "first tempo is the matched heart rate": abs(
            matched["first_tempo_bpm"] - min(max(matched["hr_at_first_sound_bpm"], 50.0), 100.0)
        )
        <= 1.0,
        "goal below the start": matched["goal_bpm"] < matched["first_tempo_bpm"],
        "tempo limit per minute": limit["tempo_bpm_per_min"] <= 3.0 + 1e-6,
        "tempo limit per bar": limit["tempo_percent_per_bar"] <= 1.0 + 1e-6,
        "one rung of mode at a time": limit["mode_rung"] <= 0.2 + 1e-9,
        "modes 30 s apart": limit["mode_seconds_apart"] >= 30.0 - 1e-6,
        "level never above the reference": limit["level_db_highest"] <= 0.0,
        "MIDI has the recorded notes": not midi["midi_pitches_differ"] and midi["midi_worst_ms"] <= 1.5,
        "MIDI has the recorded tempo": midi["midi_tempo_worst_bpm"] <= 0.05,
        "score tempo is the played tempo": midi["score_tempo_worst_percent"] <= 0.5,
        "pitches lie in the mode": midi["pitches_outside_mode_percent"] == 0.0,
        "true peak": heard["peak_dbfs"] <= -3.0,
        "no NaN": heard["not_finite"] == 0,
        "DC": heard["dc_db"] < -60.0,
        "loudness": -26.0 <= heard["lufs"] <= -20.0,
    }
    return [name for name, reached in floors.items() if not reached]


if __name__ == "__main__":
    sys.exit(main())
