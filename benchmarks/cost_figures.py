"""What the live physiology costs, beside recomputing a window every second; run by ``physiology.py``.

All of it is CPU time of one thread. The naive loop is what NeuroKit2's users do without a streaming
pipeline: each second ``nk.ecg_process`` and ``nk.eda_process`` over the last 30 s.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import neurokit2 as nk
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.feeding import stream
from benchmarks.memory_figures import goals_not_reached as memory_not_flat
from benchmarks.memory_figures import growth

FloatArray = npt.NDArray[np.float64]

RATE_HZ = 100.0
WINDOW_S = 30
NAIVE_STEPS = 40
LEAST_RATIO = 50.0
LEAST_SPEED = 200.0
"""The goal of `stream` on a machine of today. It is not judged: machines differ in speed by the hour."""

REACHED_RATIO = 40.0
REACHED_STREAM_RATIO = 15.0
"""What must not be lost again, as ratios to the naive loop in the same run: 53 to 57 and 30 were measured."""


def naive_s(ecg: FloatArray, eda: FloatArray) -> float:
    """Return the CPU seconds per second of signal of recomputing a window each second."""
    started = time.process_time()
    for step in range(NAIVE_STEPS):
        window = slice(int(step * RATE_HZ), int((step + WINDOW_S) * RATE_HZ))
        nk.ecg_process(ecg[window], sampling_rate=RATE_HZ)
        nk.eda_process(eda[window], sampling_rate=RATE_HZ)
    return (time.process_time() - started) / NAIVE_STEPS


def ours_s(ecg: FloatArray, eda: FloatArray, chunk_s: float) -> float:
    """Return the CPU seconds per second of signal of everything the pipeline does."""
    _, cpu_s = stream({"ecg": (RATE_HZ, "mV", ecg), "eda": (RATE_HZ, "uS", eda)}, chunk_s)
    return cpu_s / ecg.size * RATE_HZ


def command_s(arguments: list[str]) -> float:
    """Return the CPU seconds of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "biofeedback", *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def command(data: Path) -> dict[str, float]:
    """Return how much faster than real time ``biofeedback stream`` is, ECG at 360 Hz, EDA at 4 Hz."""
    seconds = 1805
    with tempfile.TemporaryDirectory() as folder:
        eda = Path(folder, "EDA.csv")
        whole = (data / "stress_predict" / "S05" / "EDA.csv").read_text(encoding="ascii").splitlines()
        eda.write_text("\n".join(whole[: 2 + 4 * seconds]), encoding="ascii")
        inputs = [f"ecg={data}/mitbih/100.hea:MLII", f"eda={eda}"]
        cpu_s = command_s(["stream", "--json", "--input", *inputs])
    start_s = command_s(["stream", "--help"])
    return {
        "cpu_s": round(cpu_s, 1),
        "of_which_start_s": round(start_s, 1),
        "times_real_time": round(seconds / cpu_s, 1),
        "times_real_time_once_started": round(seconds / (cpu_s - start_s), 1),
    }


def figures(data: Path) -> dict[str, Any]:
    """Measure everything."""
    table = pd.read_csv(data / "neurokit" / "bio_resting_8min_100hz.csv")
    ecg, eda = (table[name].to_numpy(np.float64) for name in ("ECG", "EDA"))
    naive = naive_s(ecg, eda)
    costs = {f"{chunk_s * 1000:.0f}ms": ours_s(ecg, eda, chunk_s) for chunk_s in (1.0, 0.05)}
    streamed = command(data)
    return {
        "naive_ms_per_s": round(naive * 1000, 2),
        "ours_ms_per_s": {name: round(cost * 1000, 2) for name, cost in costs.items()},
        "naive_over_ours": {name: round(naive / cost, 1) for name, cost in costs.items()},
        "stream": streamed,
        "naive_over_stream": round(naive * streamed["times_real_time"], 1),
        "memory": growth(data, 1.0, 0.25),
    }


def dearer_than(figures: dict[str, Any], ratio: float) -> list[str]:
    """Return what costs more than it may beside the naive loop, in words."""
    if (reached := figures["naive_over_ours"]["1000ms"]) < ratio:
        return [f"cost at 1-s chunks: {reached} times less than the naive loop < {ratio:g}"]
    return []


def goals_not_reached(figures: dict[str, Any]) -> list[str]:
    """Return the goals that are not reached on this machine, in words."""
    found = dearer_than(figures, LEAST_RATIO)
    if (reached := figures["stream"]["times_real_time"]) < LEAST_SPEED:
        found.append(f"stream: {reached} times real time < {LEAST_SPEED:g}")
    return found + memory_not_flat(figures["memory"])


def missed(figures: dict[str, Any]) -> list[str]:
    """Return what was reached once and is lost, in words."""
    found = dearer_than(figures, REACHED_RATIO)
    if (reached := figures["naive_over_stream"]) < REACHED_STREAM_RATIO:
        found.append(f"stream: {reached} times less than the naive loop < {REACHED_STREAM_RATIO:g}")
    return found + memory_not_flat(figures["memory"])
