"""Live sessions: devices in other processes, and sound in its own.

    python benchmarks/live.py [--seconds 60] [--audio-seconds 600] [--back-ends paced jack]

Prints as JSON: samples lost or reordered, their age when first read, how punctual steps are, how long
decisions take to sound, processor time; how virtual and real time agree; how well the sound keeps time
under load. Exits 1 if a figure misses its floor. Needs a POSIX system.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

# A script's folder is searched first, and there a benchmark has the name of the package `physiology`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from acquisition.sources import open_sources
from acquisition.streams import Chunk, Source
from benchmarks import live_audio
from benchmarks.devices import ECG_HZ, Device, lsl_inputs, serial_inputs, signals
from benchmarks.kills import END_FADE_S, order, plan, spread, wait_for
from benchmarks.rendering import rendering_percent
from biofeedback.intake import OpenSources
from biofeedback.models import Snapshot
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.session import run_session

SESSION_TO_RENDERING = 8.0
"""Most processor time of a session of 25 s, its start included, against `rendering_percent` in the same run.
Measured within the same hour: 4.2 to 6.1 (22 to 28 % of a core), and about 5.5 at 6af26d0."""


class Aged:
    """A source that notes how old samples are when they are first read."""

    ages_s: list[float] = []  # noqa: RUF012 - shared by all sources of a session on purpose

    def __init__(self, source: Source) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def read(self, t: float) -> list[Chunk]:
        """Read on, and note the ages."""
        chunks = self._source.read(t)
        now = pylsl.local_clock()
        self.ages_s.extend(age for chunk in chunks for age in now - chunk.times)
        return chunks


def session(
    inputs: Sequence[str], directory: Path, seconds: float, watch: Callable[[Snapshot], None]
) -> dict[str, Any]:
    """Carry out a session in this process; return its figures."""
    Aged.ages_s = []
    cpu, wall = time.process_time(), time.monotonic()
    config = plan(inputs, directory, seconds)
    opened = OpenSources([Aged(source) for source in open_sources(inputs, seed=config.seed, live=True)])
    reason = run_session(config, watch=watch, opened=opened)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    recording = read_recording(directory)
    end = recording.meta["end"]
    ages = 1000 * np.array(Aged.ages_s)
    return {
        "ended": reason,
        "streams": {name: order(recording, name) for name in recording.streams if name.startswith("acc")},
        "sample_age_ms": spread(ages),
        "step_lateness_ms": {key: value for key, value in end["punctuality"].items() if "ms" in key},
        "late_steps": end["punctuality"]["late_steps"],
        "decision_to_sound_ms": spread(1000 * np.array(decision_delays(recording))),
        "cpu_percent": 100 * (cpu + end["sound"]["cpu_s"]) / wall,
        "sound": {key: end["sound"][key] for key in ("late_blocks", "restarts")},
        "beats": len(recording.streams["beats"].times),
    }


def decision_delays(recording: Recording) -> list[float]:
    """Return for each state asked for how long it took until its first sample could be heard."""
    notes, music = recording.streams["notes"], recording.streams["music"]
    first = float(notes.times[0]) - notes.column("frame")[0] / 48_000
    fields = [label for label in music.labels if label != "state"]
    asked: dict[tuple[float, ...], float] = {}
    for t, row in zip(music.times, music.samples, strict=True):
        asked.setdefault(tuple(row[: len(fields)]), float(t))
    cues = [m for m in recording.streams["markers"].json() if m["type"] == "cue" and m["told"] == "state"]
    told = [(tuple(float(cue[field]) for field in fields), cue["frame"]) for cue in cues]
    return [first + frame / 48_000 - asked[state] for state, frame in told if state in asked]


def agreement(folder: Path, seconds: float) -> dict[str, Any]:
    """Compare the same recording in virtual and in real time."""
    rest = folder / "rest.csv"
    ecg, _ = signals()
    np.savetxt(rest, np.tile(ecg, 3), header="ecg_mV", comments="", fmt="%.5f")
    found = {}
    for name in ("virtual", "real"):
        directory = folder / name
        spec = f"ecg={rest}:ecg_mV@{ECG_HZ}"
        run_session(plan([spec], directory, seconds, real=name == "real"), watch=lambda _: None)
        recording = read_recording(directory)
        beats = recording.streams["beats"]
        keep = beats.column("r_time_s") - recording.t0_s < seconds - END_FADE_S - 5
        decisions = recording.streams["decisions"]
        found[name] = (
            (beats.column("r_time_s") - recording.t0_s)[keep],
            [
                (t - recording.t0_s, d["music"]["tempo_bpm"])
                for t, d in zip(decisions.times, decisions.json(), strict=True)
            ],
        )
    (beats_v, decisions_v), (beats_r, decisions_r) = found["virtual"], found["real"]
    same = len(beats_v) == len(beats_r)
    tempi = [abs(a[1] - b[1]) for a, b in zip(decisions_v, decisions_r, strict=False)]
    return {
        "beats": [len(beats_v), len(beats_r)],
        "largest_beat_difference_ms": float(1000 * np.abs(beats_v - beats_r).max()) if same else None,
        "decisions": [len(decisions_v), len(decisions_r)],
        "largest_tempo_difference_bpm": max(tempi),
    }


def misses(figures: dict[str, Any]) -> list[str]:
    """Return what misses its floor."""
    floors: dict[str, bool] = {}
    for name in ("lsl", "serial"):
        found = figures[name]
        exact = all(stream["lost"] == stream["reordered"] == 0 for stream in found["streams"].values())
        floors[f"{name}: nothing lost or reordered"] = exact and bool(found["streams"])
        floors[f"{name}: at most {SESSION_TO_RENDERING:g} times what rendering takes"] = (
            found["cpu_percent"] <= SESSION_TO_RENDERING * figures["rendering_percent"]
        )
    agreed = figures["agreement"]
    floors["virtual and real: same beats"] = (agreed["largest_beat_difference_ms"] or 1e9) <= 1.0
    floors["virtual and real: same tempi"] = agreed["largest_tempo_difference_bpm"] <= 0.25
    return [name for name, reached in floors.items() if not reached] + live_audio.misses(figures["audio"])


def main() -> int:
    """Measure everything, print it, return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the undisturbed sessions")
    parser.add_argument("--audio-seconds", type=float, default=600.0, help="length of the sound under load")
    parser.add_argument("--back-ends", nargs="+", choices=["paced", "jack"], default=["paced", "jack"])
    options = parser.parse_args()
    figures: dict[str, Any] = {"rendering_percent": rendering_percent(live_audio.STATE)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        outlets = Device("lsl", "bench")
        figures["lsl"] = session(lsl_inputs("bench"), folder / "lsl", options.seconds, lambda _: None)
        outlets.kill()
        serial = Device("serial", str(folder / "port"))
        wait_for((folder / "port").exists)
        figures["serial"] = session(
            serial_inputs(folder / "port"), folder / "serial", options.seconds, lambda _: None
        )
        serial.kill()
        figures["agreement"] = agreement(folder, options.seconds)
    figures["audio"] = live_audio.measure(
        options.back_ends, options.audio_seconds, figures["rendering_percent"]
    )
    figures["missed"] = misses(figures)
    print(json.dumps(figures, indent=2))
    return 1 if figures["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
