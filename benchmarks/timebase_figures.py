"""How far the times of serial samples lie from when they were taken: a device with a clock of its own.

python -m benchmarks.timebase_figures LINK EPOCH    be the device: 250 Hz, 100 ppm fast, bursts of 50 ms
"""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tempfile
import time
import tty
from pathlib import Path
from typing import Any

import numpy as np
from pylsl import local_clock

from acquisition.sources import open_sources

HERE = Path(__file__).resolve().parent.parent
RATE_HZ, DRIFT, BURST_S = 250.0, 100e-6, 0.05
TAKEN_EVERY_S = 1.0 / (RATE_HZ * (1.0 + DRIFT))
FLOOR_P95_MS = 5.0


def be_the_device(link: Path, epoch_s: float) -> None:
    """Write lines of sample numbers for ever, each burst when its last sample was taken."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    link.symlink_to(os.ttyname(slave))
    number, burst_ends_s = 0, epoch_s
    while True:
        burst_ends_s += BURST_S
        time.sleep(max(0.0, burst_ends_s - local_clock()))
        upto = int((burst_ends_s - epoch_s) / TAKEN_EVERY_S) + 1
        os.write(master, "".join(f"{each}\r\n" for each in range(number, upto)).encode())
        number = upto


def timebase_figures(seconds: float = 40.0) -> dict[str, Any]:
    """Return the error of the times of all samples from the session's start on, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        link, epoch_s = Path(folder, "device"), local_clock() + 1.0
        command = [sys.executable, "-m", "benchmarks.timebase_figures", str(link), str(epoch_s)]
        device = subprocess.Popen(command, cwd=HERE)
        try:
            while not link.exists():
                time.sleep(0.01)
            (source,) = open_sources([f"ecg=serial:{link}?profile=lines&rate=250"], seed=0, live=True)
            chunks, t0 = [], local_clock()
            source.begin(t0)
            while local_clock() < t0 + seconds:
                time.sleep(0.05)
                chunks += source.read(local_clock())
            source.close()
        finally:
            device.kill()
            device.wait()
    times = np.concatenate([chunk.times for chunk in chunks])
    numbers = np.concatenate([chunk.samples[:, 0] for chunk in chunks])
    errors_ms = 1000 * (times - (epoch_s + numbers * TAKEN_EVERY_S))
    return {
        "samples": int(times.size),
        "lost": int(numbers[-1] - numbers[0] + 1 - numbers.size),
        "error_median_ms": round(float(np.median(errors_ms)), 2),
        "error_p95_ms": round(float(np.percentile(np.abs(errors_ms), 95)), 2),
        "error_worst_ms": round(float(np.abs(errors_ms).max()), 2),
        "floor_p95_ms": FLOOR_P95_MS,
    }


if __name__ == "__main__":
    be_the_device(Path(sys.argv[1]), float(sys.argv[2]))
