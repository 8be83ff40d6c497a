"""Live sessions under fire: the sound's process, the devices and the engine are killed at random moments."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import soundfile as sf

from biofeedback.models import Snapshot
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.report.page import render
from biofeedback.session import SessionConfig, run_session
from generator.live.devices import PACED
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
