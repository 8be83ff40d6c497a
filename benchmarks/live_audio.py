"""The live player under load.

    python benchmarks/live_audio.py [--seconds 600] [--back-end paced --back-end jack]

Plays on each back end for a while with this process busy (a spinning thread, and garbage to collect). Prints
the figures as JSON and exits 1 if one of them misses its floor. JACK is its own ``jackd -d dummy``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pylsl

from benchmarks.rendering import rendering_percent
from generator.errors import SoundError
from generator.live.devices import PACED, BackEnd, choose_back_end, probe_outputs
from generator.live.player import LivePlayer
from generator.player import PlaybackStep, incident_text
from generator.score import BLOCK_FRAMES
from generator.state import MusicState, Piece

STEP_S = 0.05
STATE = MusicState(tempo_bpm=72.0, layers=4, density=0.5, breath_rate=6.0, breath_depth=0.5)
FLOORS = {
    "late_blocks_percent": 0.1,
    "tempo_error_percent": 0.1,
    "child_cpu_to_rendering": 4.0,
}
"""The last is the sound process's processor time against `rendering_percent` in the same run; 2.2 to 2.9 was
measured."""


def stepped(live: LivePlayer, state: Callable[[float], MusicState], seconds: float) -> Iterator[PlaybackStep]:
    """Step a player in real time."""
    start = pylsl.local_clock()
    for step in range(round(seconds / STEP_S)):
        time.sleep(max(0.0, start + step * STEP_S - pylsl.local_clock()))
        yield live.step(state(step * STEP_S))


@contextmanager
def busy() -> Iterator[None]:
    """Keep this process busy: one thread spins, one makes garbage and collects it."""
    over = threading.Event()

    def spin() -> None:
        while not over.is_set():
            sum(range(1000))

    def litter() -> None:
        while not over.wait(1.0):
            rubbish = [[n] for n in range(200_000)]
            rubbish[0].append(rubbish)  # type: ignore[arg-type]
            del rubbish
            gc.collect()

    threads = [threading.Thread(target=work) for work in (spin, litter)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def playing(back_end: BackEnd, seconds: float, baseline_percent: float) -> dict[str, Any]:
    """Play with this process busy; return how well it went."""
    beats: list[tuple[int, float]] = []
    asked: dict[MusicState, float] = {}
    delays: list[float] = []

    def state(t: float) -> MusicState:
        # Every ten seconds something changes, so that the way from asking to sounding can be timed.
        brightness = 0.3 + 0.4 * (int(t / 10.0) % 997) / 997
        current = MusicState(**{**_fields(STATE), "brightness": brightness})
        asked.setdefault(current, pylsl.local_clock())
        return current

    loads = []
    with LivePlayer(Piece(), back_end=back_end, clock=pylsl.local_clock) as live, busy():
        warm_cpu, warm_s = 0.0, 0.0
        for n, sounded in enumerate(stepped(live, state, seconds)):
            beats += [(beat.beat, sounded.time_of(beat.frame)) for beat in sounded.beats]
            delays += [
                sounded.time_of(event.frame) - asked[event.action]
                for event in sounded.events
                if isinstance(event.action, MusicState) and event.action in asked
            ]
            if n % 200 == 0 and hasattr(os, "getloadavg"):
                loads.append(os.getloadavg()[0])
            if n == round(5.0 / STEP_S):  # after the spare has made itself ready
                warm_cpu, warm_s = live.statistics().cpu_s, time.monotonic()
        figures = live.statistics()
        cpu = (figures.cpu_s - warm_cpu) / (time.monotonic() - warm_s)
        incidents = [incident_text(incident) for incident in live.incidents()]
    numbers, times = np.array(beats).T
    beat_s = np.polyfit(numbers, times, 1)[0]
    expected = 60.0 / STATE.tempo_bpm
    return {
        "back_end": back_end.name,
        "seconds": seconds,
        "late_blocks": figures.late_blocks,
        "skipped_s": figures.skipped_s,
        "late_blocks_percent": 100.0 * figures.late_blocks / (figures.frames_rendered / BLOCK_FRAMES),
        "tempo_error_percent": 100.0 * abs(beat_s / expected - 1.0),
        "worst_beat_error_ms": 1000.0 * float(np.abs(np.diff(times) - expected).max()),
        "frames_per_second": figures.frames_per_second,
        "child_cpu_percent": 100.0 * cpu,
        "child_cpu_to_rendering": 100.0 * cpu / baseline_percent,
        "asked_to_sounding_ms": least_median_most([1000.0 * delay for delay in delays]),
        "load_average": least_median_most(loads or [0.0]),
        "incidents": incidents,
    }


def _fields(state: MusicState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in MusicState.__dataclass_fields__}


def audio_of(sounded: PlaybackStep) -> np.ndarray:
    """Return the sound of a step; no samples where nothing was played."""
    return np.zeros((0, 2), dtype=np.float32) if sounded.audio is None else sounded.audio


def least_median_most(values: list[float]) -> dict[str, float]:
    """Return the least, the middle and the largest value."""
    low, middle, high = np.percentile(values, [0, 50, 100])
    return {"least": float(low), "median": float(middle), "most": float(high)}


@contextmanager
def jack() -> Iterator[BackEnd]:
    """Run a JACK server without hardware. Raises SoundError with the reason if it cannot."""
    if shutil.which("jackd") is None:
        raise SoundError("jackd is not installed")
    name = os.environ["JACK_DEFAULT_SERVER"] = f"live-audio-{os.getpid()}"
    command = ["jackd", "--no-mlock", "-n", name, "-r", "-d", "dummy", "-r", "48000", "-p", "512"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            time.sleep(2.0)
            yield choose_back_end("device:JACK", probe_outputs())
        finally:
            server.terminate()


def measure(back_ends: list[str], seconds: float, baseline_percent: float) -> dict[str, Any]:
    """Return all figures."""
    figures: dict[str, Any] = {}
    if "paced" in back_ends:
        figures["paced"] = playing(PACED, seconds, baseline_percent)
    if "jack" in back_ends:
        try:
            with jack() as back_end:
                figures["jack"] = playing(back_end, seconds, baseline_percent)
        except SoundError as reason:
            figures["jack"] = {"skipped": str(reason)}
    return figures


def misses(figures: dict[str, Any]) -> list[str]:
    """Return the figures that miss their floor."""
    return [
        f"{part}: {name} is {values[name]:.3g}, at most {most:g} is wanted"
        for part, values in figures.items()
        for name, most in FLOORS.items()
        if values.get(name, 0.0) > most
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--back-end", action="append", choices=["paced", "jack"])
    chosen = parser.parse_args()
    results = measure(chosen.back_end or ["paced", "jack"], chosen.seconds, rendering_percent(STATE))
    missed = misses(results)
    print(json.dumps({**results, "missed": missed}, indent=2))
    sys.exit(bool(missed))
