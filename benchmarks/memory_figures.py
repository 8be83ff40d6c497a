"""Whether hours of input leave the pipeline's memory as it was; run by ``physiology.py --only memory``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.resident_memory import resident_mb
from physiology.pipeline import Physiology, SignalConfig

HOURS = 8.0
CHUNK_S = 10.0
GROWTH_MB = 8.0
"""More, from the first hour to the last, is taken for a leak."""


def growth(data: Path, hours: float, settled_hours: float) -> dict[str, Any]:
    """Feed the 8 minutes' rest (ECG and EDA at 100 Hz) over and over; compare memory at two times."""
    table = pd.read_csv(data / "neurokit" / "bio_resting_8min_100hz.csv")
    ecg, eda = (table[name].to_numpy(np.float64) for name in ("ECG", "EDA"))
    pipeline = Physiology([SignalConfig("ecg", 100.0, "mV"), SignalConfig("eda", 100.0, "uS")])
    size = int(CHUNK_S * 100)
    settled_mb, started = 0.0, time.process_time()
    for number in range(int(hours * 3600 / CHUNK_S)):
        samples = np.arange(number * size, (number + 1) * size)
        places = samples % ecg.size
        pipeline.push("ecg", samples / 100.0, ecg[places])
        pipeline.push("eda", samples / 100.0, eda[places])
        pipeline.step((number + 1) * CHUNK_S - 0.01)
        if number == int(settled_hours * 3600 / CHUNK_S):
            settled_mb = resident_mb()
    return {
        "hours": hours,
        "settled_after_hours": settled_hours,
        "settled_mb": round(settled_mb, 1),
        "growth_mb": round(resident_mb() - settled_mb, 2),
        "cpu_s": round(time.process_time() - started, 1),
    }


def figures(data: Path) -> dict[str, Any]:
    """Measure 8 hours, from the first on."""
    return growth(data, HOURS, 1.0)


def goals_not_reached(figures: dict[str, Any]) -> list[str]:
    """Return whether memory grew."""
    if figures["growth_mb"] > GROWTH_MB:
        return [f"memory grew by {figures['growth_mb']} MB in {figures['hours']:g} hours"]
    return []


missed = goals_not_reached
