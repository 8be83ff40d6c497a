"""Live sessions: devices in other processes, sound in its own, and everything killed in turn.

    python benchmarks/live.py [--seconds 60] [--kills 20] [--audio-seconds 600]

Prints as JSON: samples lost or reordered, their age when first read, how punctual steps are, how long
decisions take to sound, processor time; how virtual and real time agree; what is left after kills; how
well the sound keeps time under load. Exits 1 if a figure misses its floor. Needs a POSIX system.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import soundfile as sf

# A script's folder is searched first, and there a benchmark has the name of the package `physiology`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

import biofeedback.session as sessions
from acquisition.streams import Chunk, Source
from benchmarks import live_audio
from benchmarks.devices import ECG_HZ, signals
from biofeedback.models import Snapshot
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.report.page import render
from biofeedback.session import Plan, run_session
from generator.live.backend import PACED
from protocols.loading import parse

ROOT = Path(__file__).resolve().parents[1]
END_FADE_S = 15
PROTOCOL = """\
id: live
version: 1
title: Live benchmark
rationale: every kind of moment within a minute
sources: [none]
arm: closed-loop
cautions: [none]
phases:
  - {{kind: baseline, name: baseline, duration_s: 5}}
  - {{kind: match, name: match, duration_s: {match}, mode: dorian, layers: 4, density: 0.6}}
end_fade_s: 15
"""


class Device:
    """A device process that can be killed and started again where it would have been."""

    def __init__(self, kind: str, place: str) -> None:
        self._arguments = [kind, place, repr(pylsl.local_clock())]
        self.start()

    def start(self) -> None:
        """Switch it on."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.devices", *self._arguments], cwd=ROOT
        )

    def kill(self) -> None:
        """Pull the plug."""
        self._process.kill()
        self._process.wait()


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


def lsl_inputs(name: str) -> tuple[str, ...]:
    """Return the specifications of both outlets and their index channels."""
    return tuple(
        f"{kind}=lsl:name={name}-{stream}&channel={channel}"
        for stream in ("ecg", "eda")
        for kind, channel in ((stream, stream), ("acc", "index"))
    )


def serial_inputs(link: Path) -> tuple[str, ...]:
    """Return the specifications of the serial device's two columns."""
    port = f"serial:{link}?profile=lines&rate=250"
    return (f"ecg={port}&column=0&unit=mV", f"acc={port}&column=1")


def plan(inputs: Sequence[str], directory: Path, seconds: float, *, real: bool = True) -> Plan:
    """Return a session of so many seconds with its fade."""
    return Plan(
        protocol=parse(PROTOCOL.format(match=round(seconds - 5 - END_FADE_S)).encode(), "live.yaml"),
        inputs=tuple(inputs),
        directory=directory,
        seed=1,
        keep_sound=real,
        back_end=PACED if real else None,
    )


def session(
    inputs: Sequence[str], directory: Path, seconds: float, watch: Callable[[Snapshot], None]
) -> dict[str, Any]:
    """Carry out a session in this process; return its figures."""
    Aged.ages_s = []
    opened = sessions.open_sources
    sessions.open_sources = lambda *args, **options: [Aged(each) for each in opened(*args, **options)]
    cpu, wall = time.process_time(), time.monotonic()
    try:
        reason = run_session(plan(inputs, directory, seconds), watch=watch)
    finally:
        sessions.open_sources = opened
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


def order(recording: Recording, name: str) -> dict[str, int]:
    """Return what the index channel tells: samples, those lost between, those reordered or repeated."""
    steps = np.diff(recording.streams[name].samples[:, 0].round().astype(int))
    return {
        "samples": len(steps) + 1,
        "lost": int((steps[steps > 1] - 1).sum()),
        "reordered": int((steps < 1).sum()),
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


def spread(values: np.ndarray) -> dict[str, float]:
    """Return median, 95th percentile and largest."""
    if not values.size:
        return {}
    return dict(zip(("median", "p95", "worst"), np.percentile(values, (50, 95, 100)).tolist(), strict=True))


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


class Storm:
    """Kills the sound's process, the outlets and the serial device at random moments of a session."""

    def __init__(self, chance: random.Random, outlets: Device, serial: Device, seconds: float) -> None:
        late = seconds - END_FADE_S - 6
        self._due = sorted(
            (chance.uniform(8 + part * (late - 8) / 3, 4 + (part + 1) * (late - 8) / 3), what)
            for what in ("sound", "outlets", "serial")
            for part in range(3)
        )
        self._devices = {"outlets": outlets, "serial": serial}
        self._down: list[tuple[float, Device]] = []
        self.kills = {"sound": 0, "outlets": 0, "serial": 0}

    def __call__(self, snapshot: Snapshot) -> None:
        """Do what is due."""
        while self._down and snapshot.elapsed_s >= self._down[0][0]:
            self._down.pop(0)[1].start()
        if not self._due or snapshot.elapsed_s < self._due[0][0]:
            return
        _, what = self._due.pop(0)
        if what == "sound":
            if (pid := sounding_child()) is None:
                return
            os.kill(pid, signal.SIGKILL)
        elif any(device is self._devices[what] for _, device in self._down):
            return
        else:
            self._devices[what].kill()
            self._down.append((snapshot.elapsed_s + 1.5, self._devices[what]))
        self.kills[what] += 1


def children(pid: int) -> list[int]:
    """Return the sound processes that a process has started."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            parent = int(re.sub(r".*\) . ", "", (entry / "stat").read_text()).split()[0])
            command = (entry / "cmdline").read_bytes()
        except (OSError, ValueError, NotADirectoryError):
            continue
        if parent == pid and b"generator.live.child" in command:
            found.append(int(entry.name))
    return found


def cpu_ticks(pid: int) -> int:
    """Return the processor time a process has used."""
    fields = re.sub(r".*\) ", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return int(fields[11]) + int(fields[12])


def sounding_child() -> int | None:
    """Return the sound process that works, not the one that waits."""
    return max(children(os.getpid()), key=cpu_ticks, default=None)


def storms(folder: Path, kills: int, seconds: float = 60.0) -> dict[str, Any]:
    """Weather sessions until each thing has been killed so many times; return what became of them."""
    chance = random.Random(2)
    total = {"sound": 0, "outlets": 0, "serial": 0}
    reordered, silences, untold, incomplete = 0, [], 0, 0
    number = 0
    while min(total.values()) < kills:
        number += 1
        link, directory = folder / f"port{number}", folder / f"storm{number}"
        outlets, serial = Device("lsl", f"storm{number}"), Device("serial", str(link))
        wait_for(link.exists)
        storm = Storm(chance, outlets, serial, seconds)
        try:
            run_session(
                plan([*lsl_inputs(f"storm{number}"), *serial_inputs(link)], directory, seconds), watch=storm
            )
        finally:
            outlets.kill()
            serial.kill()
        recording = read_recording(directory)
        incomplete += not recording.complete
        reordered += sum(order(recording, n)["reordered"] for n in recording.streams if n.startswith("acc"))
        silences += sound_gaps(directory / "audio.flac")
        told = [m["text"] for m in recording.streams["markers"].json() if m["type"] in {"audio", "source"}]
        page = render(recording)
        untold += not told or not all(escaped(text) in page for text in told)
        total = {what: total[what] + storm.kills[what] for what in total}
    return {
        "sessions": number,
        "kills": total,
        "recordings_incomplete": incomplete,
        "samples_reordered": reordered,
        "longest_silence_s": max(silences, default=0.0),
        "reports_that_do_not_tell": untold,
    }


def escaped(text: str) -> str:
    """Return a text as it stands in a page."""
    for plain, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&#39;")):
        text = text.replace(plain, entity)
    return text


def sound_gaps(path: Path) -> list[float]:
    """Return the lengths of digital silence within the music, in seconds."""
    samples, rate = sf.read(path)
    sounds = np.flatnonzero(np.abs(samples).max(axis=1) > 0)
    gaps = np.diff(sounds) / rate
    return [float(gap) for gap in gaps if gap > 0.05]


def engine_kills(folder: Path, kills: int) -> dict[str, Any]:
    """Kill the engine at random moments; return what was lost and whether the sound ended by itself."""
    chance = random.Random(3)
    device = Device("lsl", "victim")
    lost, orphans, unreadable = [], [], 0
    protocol = folder / "live.yaml"
    protocol.write_text(PROTOCOL.format(match=600), encoding="utf-8")
    for number in range(kills):
        out = folder / f"killed{number}"
        process = subprocess.Popen(
            [sys.executable, "-m", "biofeedback", "run", "--protocol", str(protocol), "--audio", "none",
             "--out", str(out)] + [part for text in lsl_inputs("victim") for part in ("--input", text)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        wait_for((out / "session.xdf").exists)
        time.sleep(chance.uniform(2.0, 9.0))
        orphans += children(process.pid)
        killed_s = pylsl.local_clock()
        process.kill()
        process.wait()
        try:
            recording = read_recording(out)
            lost.append(killed_s - float(recording.streams["ecg"].times[-1]))
        except Exception:  # noqa: BLE001 - whatever it is, the recording did not open
            unreadable += 1
    device.kill()
    deadline = time.monotonic() + 45
    while any(alive(pid) for pid in orphans) and time.monotonic() < deadline:
        time.sleep(0.5)
    return {
        "kills": kills,
        "unreadable": unreadable,
        "seconds_lost": spread(np.array(lost)),
        "sound_processes_left_after_45_s": sum(alive(pid) for pid in orphans),
    }


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def wait_for(condition: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("a process was not ready in time")
        time.sleep(0.02)


def misses(figures: dict[str, Any]) -> list[str]:
    """Return what misses its floor."""
    floors: dict[str, bool] = {}
    for name in ("lsl", "serial"):
        found = figures[name]
        exact = all(stream["lost"] == stream["reordered"] == 0 for stream in found["streams"].values())
        floors[f"{name}: nothing lost or reordered"] = exact and bool(found["streams"])
        floors[f"{name}: at most 25 % of a core"] = found["cpu_percent"] <= 25
    agreed, storm, killed = figures["agreement"], figures["storms"], figures["engine_kills"]
    floors["virtual and real: same beats"] = (agreed["largest_beat_difference_ms"] or 1e9) <= 1.0
    floors["virtual and real: same tempi"] = agreed["largest_tempo_difference_bpm"] <= 0.25
    floors["storms: every recording complete and in order"] = (
        storm["recordings_incomplete"] == storm["samples_reordered"] == 0
    )
    floors["storms: sound back within 2 s"] = storm["longest_silence_s"] <= 2.0
    floors["storms: the report tells of it"] = storm["reports_that_do_not_tell"] == 0
    floors["engine killed: at most the last second lost"] = (
        killed["unreadable"] == 0 and killed["seconds_lost"]["worst"] <= 1.0
    )
    floors["engine killed: the sound ends by itself"] = killed["sound_processes_left_after_45_s"] == 0
    return [name for name, reached in floors.items() if not reached] + live_audio.misses(figures["audio"])


def main() -> int:
    """Measure everything, print it, return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="length of the undisturbed sessions")
    parser.add_argument("--kills", type=int, default=20, help="how often each thing is killed")
    parser.add_argument("--audio-seconds", type=float, default=600.0, help="length of the sound under load")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
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
        figures["storms"] = storms(folder, options.kills)
        figures["engine_kills"] = engine_kills(folder, options.kills)
    figures["audio"] = live_audio.measure(["paced", "jack"], options.audio_seconds, options.kills)
    figures["missed"] = misses(figures)
    print(json.dumps(figures, indent=2))
    return 1 if figures["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
