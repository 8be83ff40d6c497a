"""Kill everything in turn, at random moments, and say what was lost.

    python benchmarks/kills.py [--kills 20] [--only virtual live devices sound]

virtual: a session in virtual time; its recording opens, its music is rebuilt, the store recovers it.
live: the engine of a session in real time; at most the last second is lost, and the sound ends by itself.
devices: the sound's process, LSL outlets and a serial device, each several times within a session.
sound: the live player's process alone; how long it is silent, and how it comes back.

Prints JSON and exits with 1 if a figure misses its floor. Needs a POSIX system with /proc.
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
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import pyxdf
import soundfile as sf

# A script's folder is searched first, and there a benchmark has the name of the package `physiology`.
sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.devices import Device, lsl_inputs, serial_inputs
from benchmarks.live_audio import STATE, STEP_S, audio_of, least_median_most, stepped
from biofeedback.models import Snapshot
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.report.page import render
from biofeedback.session import SessionConfig, run_session
from biofeedback.store.store import Store
from generator.live.devices import PACED
from generator.live.player import LivePlayer
from generator.player import AudioIncidentKind
from generator.score import SAMPLE_RATE
from generator.state import Piece
from protocols.loading import parse

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


def plan(inputs: Sequence[str], directory: Path, seconds: float, *, real: bool = True) -> SessionConfig:
    """Return a session of so many seconds with its fade."""
    return SessionConfig(
        protocol=parse(PROTOCOL.format(match=round(seconds - 5 - END_FADE_S)).encode(), "live.yaml"),
        inputs=tuple(inputs),
        directory=directory,
        seed=1,
        keep_sound=real,
        back_end=PACED if real else None,
    )


def order(recording: Recording, name: str) -> dict[str, int]:
    """Return what the index channel tells: samples, those lost between, those reordered or repeated."""
    steps = np.diff(recording.streams[name].samples[:, 0].round().astype(int))
    return {
        "samples": len(steps) + 1,
        "lost": int((steps[steps > 1] - 1).sum()),
        "reordered": int((steps < 1).sum()),
    }


def spread(values: np.ndarray) -> dict[str, float]:
    """Return median, 95th percentile and largest."""
    if not values.size:
        return {}
    return dict(zip(("median", "p95", "worst"), np.percentile(values, (50, 95, 100)).tolist(), strict=True))


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
        if parent == pid and b"generator.live.audio_process" in command:
            found.append(int(entry.name))
    return found


def started(pid: int) -> tuple[int, int]:
    """Return when a process was started, for putting processes in order."""
    fields = re.sub(r".*\) ", "", Path(f"/proc/{pid}/stat").read_text()).split()
    return int(fields[19]), pid


def sounding_child() -> int | None:
    """Return the sound process that plays: the one that waits was started after it."""
    return min(children(os.getpid()), key=started, default=None)


def device_kills(folder: Path, kills: int, seconds: float = 60.0) -> dict[str, Any]:
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


def live_kills(folder: Path, kills: int) -> dict[str, Any]:
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
             "--cautions-confirmed",
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


def now() -> datetime:
    """Return the wall clock."""
    return datetime.now(UTC)


def sound_kills(kills: int, seed: int = 1) -> dict[str, Any]:
    """Kill the sound's process at random moments; return how long it was silent, and how it came back."""
    rng = random.Random(seed)
    silences: list[float] = []
    rises: list[float] = []
    unsettled = 0
    while len(silences) < kills:
        most = min(3, kills - len(silences))
        with LivePlayer(Piece(), back_end=PACED, clock=pylsl.local_clock, keep_sound=True) as live:
            pieces = [audio_of(sounded) for sounded in stepped(live, lambda _: STATE, 4.0)]
            for _ in range(most):
                pieces += [
                    audio_of(sounded) for sounded in stepped(live, lambda _: STATE, rng.uniform(0.5, 6.0))
                ]
                restarted = live.statistics().restarts
                os.kill(live.statistics().pid, signal.SIGKILL)
                while not any(incident.kind is AudioIncidentKind.RESTARTED for incident in live.incidents()):
                    pieces += [audio_of(sounded) for sounded in stepped(live, lambda _: STATE, STEP_S)]
                unsettled += live.statistics().restarts != restarted + 1
            pieces += [audio_of(sounded) for sounded in stepped(live, lambda _: STATE, 11.0)]
        audio = np.concatenate(pieces)
        sounding = np.flatnonzero(np.abs(audio).max(axis=1))
        gaps = np.flatnonzero(np.diff(sounding) > 0.03 * SAMPLE_RATE)
        silences += [float(sounding[gap + 1] - sounding[gap]) / SAMPLE_RATE for gap in gaps]
        back = int(sounding[gaps[-1] + 1])
        early, late = audio[back : back + 4800], audio[back + 9 * SAMPLE_RATE : back + 11 * SAMPLE_RATE]
        rises.append(float(20 * np.log10(np.sqrt(np.mean(late**2)) / np.sqrt(np.mean(early**2)))))
    return {
        "kills": kills,
        "silence_s": least_median_most(silences),
        "silence_s_max": max(silences),
        "ramps_rise_db": least_median_most(rises),
        "restarts_that_needed_more_than_one_attempt": unsettled,
    }


def virtual_kills(folder: Path, kills: int) -> dict[str, Any]:
    """Kill sessions at random moments and return what became of them."""
    protocol = folder / "long.yaml"
    protocol.write_text(PROTOCOL.format(match=600), encoding="utf-8")
    folder = folder / "data"
    with Store.open(folder, now=now) as store:
        store.clients.add("K-1")
        store.clients.give_consent("K-1", version="1")
    command = [
        *(sys.executable, "-m", "biofeedback", "run", "--client", "K-1", "--data", str(folder)),
        *("--protocol", str(protocol), "--input", "listener=virtual:responder", "--time", "virtual"),
    ]
    rng = random.Random(1)
    faults: list[str] = []
    lost_s = [0.0]
    recovered = before_it_began = 0
    for kill in range(kills):
        with subprocess.Popen(
            [*command, "--seed", str(kill), "--audio", "file" if kill % 2 else "none"],
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        ) as process:
            known = set((folder / "sessions").iterdir())
            while not (begun := set((folder / "sessions").iterdir()) - known) and process.poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 5.0))
            written = sum(
                (directory / "session.xdf").stat().st_size
                for directory in begun
                if (directory / "session.xdf").exists()
            )
            process.kill()
        with Store.open(folder, now=now) as store:
            recovered += len(store.recovered)
            for directory in begun:
                if not (directory / "session.xdf").exists():
                    before_it_began += 1
                    continue
                faults += faults_of(directory, written)
                lost_s.append(lost(directory))
    with Store.open(folder, now=now) as store:
        findings = [str(finding) for finding in store.audit.verify()]
    return {
        "kills": kills,
        "recovered": recovered,
        "killed_before_it_began": before_it_began,
        "most_lost_s": round(max(lost_s), 3),
        "faults": faults,
        "findings": findings,
    }


def faults_of(directory: Path, written: int) -> list[str]:
    """Return what is wrong with a recovered session: unreadable, shorter than it was, without an end."""
    faults = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        streams, _ = pyxdf.load_xdf(
            directory / "session.xdf", dejitter_timestamps=False, synchronize_clocks=False
        )
    recording = read_recording(directory)
    if len(streams) != len(recording.streams):
        faults.append(f"{directory.name}: pyxdf reads {len(streams)} streams of {len(recording.streams)}")
    if "end" not in recording.meta:
        faults.append(f"{directory.name}: has no end")
    size = sum(path.stat().st_size for path in directory.glob("session.xdf*"))
    if size < written:
        faults.append(f"{directory.name}: has {size} bytes of {written} that were written")
    rebuilt = subprocess.run(
        [sys.executable, "-m", "biofeedback", "replay", str(directory), "--events", os.devnull],
        capture_output=True,
        check=False,
    )
    if rebuilt.returncode:
        faults.append(f"{directory.name}: its music cannot be rebuilt: {rebuilt.stderr.decode()}")
    return faults


def lost(directory: Path) -> float:
    """Return the seconds by which a signal ends before the newest thing recorded."""
    recording = read_recording(directory)
    ends = [
        stream.times[-1]
        for name, stream in recording.streams.items()
        if name in {"ecg", "eda"} and stream.times.size
    ]
    newest = [stream.times[-1] for stream in recording.streams.values() if stream.times.size]
    return float(max(newest) - min(ends)) if ends else 0.0


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the floors that were not reached."""
    floors: dict[str, bool] = {}
    if virtual := figures.get("virtual"):
        floors["virtual: recordings open, are whole and rebuild"] = not virtual["faults"]
        floors["virtual: the store finds nothing changed"] = not virtual["findings"]
        floors["virtual: at most the last second lost"] = virtual["most_lost_s"] <= 1.0
    if live := figures.get("live"):
        floors["live: at most the last second lost"] = (
            live["unreadable"] == 0 and live["seconds_lost"]["worst"] <= 1.0
        )
        floors["live: the sound ends by itself"] = live["sound_processes_left_after_45_s"] == 0
    if devices := figures.get("devices"):
        floors["devices: every recording complete and in order"] = (
            devices["recordings_incomplete"] == devices["samples_reordered"] == 0
        )
        floors["devices: sound back within 2 s"] = devices["longest_silence_s"] <= 2.0
        floors["devices: the report tells of it"] = devices["reports_that_do_not_tell"] == 0
    if sound := figures.get("sound"):
        floors["sound: silent for at most 2 s"] = sound["silence_s_max"] <= 2.0
    return [name for name, reached in floors.items() if not reached]


def main() -> int:
    """Kill what is asked for, print what was lost, return the exit status."""
    parts = {
        "virtual": virtual_kills,
        "live": live_kills,
        "devices": device_kills,
        "sound": lambda _folder, kills: sound_kills(kills),
    }
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="how often each thing is killed")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), metavar="PART")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for part in options.only:
            folder = Path(name, part)
            folder.mkdir()
            figures[part] = parts[part](folder, options.kills)
    print(json.dumps({**figures, "missed": (names := missed(figures))}, indent=2))
    return int(bool(names))


if __name__ == "__main__":
    sys.exit(main())
