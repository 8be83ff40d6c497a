"""Figures of LSL: how old samples are when they are first read and what reading costs, beside mne-lsl.

Each reader is a process of its own that polls once a millisecond, as `python -m benchmarks.lsl_figures
READER NAME SECONDS`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

HERE = Path(__file__).resolve().parent.parent
POLL_S = 0.001
Pull = Callable[[], np.ndarray]


def ours(name: str) -> tuple[Pull, Callable[[], float]]:
    """Return what pulls the stamps of new samples with our source, and the clock."""
    from acquisition.sources import open_sources  # noqa: PLC0415 - each reader loads only its own library

    (source,) = open_sources([f"ecg=lsl:name={name}&channel=index"], seed=0, live=True)
    source.begin(pylsl.local_clock())

    def pull() -> np.ndarray:
        return np.concatenate([np.empty(0), *(chunk.times for chunk in source.read(pylsl.local_clock()))])

    return pull, pylsl.local_clock


def mne(name: str) -> tuple[Pull, Callable[[], float]]:
    """Return the same with mne-lsl's inlet."""
    from mne_lsl.lsl import StreamInlet, local_clock, resolve_streams  # noqa: PLC0415 - as above

    inlet = StreamInlet(resolve_streams(5.0, name=name)[0])
    inlet.open_stream()
    return lambda: inlet.pull_chunk(0.0)[1], local_clock


def read(reader: str, name: str, seconds: float) -> dict[str, float]:
    """Poll for some seconds and return ages in ms and CPU in ms for 1000 samples."""
    pull, clock = {"ours": ours, "mne": mne}[reader](name)
    ages: list[float] = []
    until = clock() + 1.0
    while clock() < until:
        pull()  # what was waiting is no measure
        time.sleep(POLL_S)
    used, until = time.process_time(), clock() + seconds
    while (now := clock()) < until:
        stamps = pull()
        ages += (now - stamps).tolist()
        time.sleep(POLL_S)
    polls_s = time.process_time() - used
    median, late = np.percentile(ages, (50, 95))
    return {
        "samples": len(ages),
        "age_median_ms": round(1000 * float(median), 2),
        "age_p95_ms": round(1000 * float(late), 2),
        "cpu_ms_per_1000_samples": round(1e6 * polls_s / len(ages), 1),
    }


@contextmanager
def device(name: str) -> Iterator[None]:
    """Run outlets in another process."""
    command = [sys.executable, "-m", "benchmarks.devices", "lsl", name, str(pylsl.local_clock())]
    process = subprocess.Popen(command, cwd=HERE)
    try:
        yield
    finally:
        process.kill()
        process.wait()


def lsl_figures(seconds: float = 20.0) -> dict[str, Any]:
    """Return the figures of a 250-Hz stream."""
    readers = ["ours"] + (["mne"] if importlib.util.find_spec("mne_lsl") else [])
    name = f"age{os.getpid()}"
    figures: dict[str, Any] = {}
    with device(name):
        for reader in readers:
            command = [sys.executable, "-m", "benchmarks.lsl_figures", reader, f"{name}-ecg", str(seconds)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=HERE)
            figures[reader] = json.loads(done.stdout.splitlines()[-1])
    if "mne" not in figures:
        figures["mne"] = "not installed: pip install mne-lsl"
    return figures


if __name__ == "__main__":
    print(json.dumps(read(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
