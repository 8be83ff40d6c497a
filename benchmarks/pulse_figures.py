"""Heart rates from cameras and wrists, next to a chest strap's and the device's own intervals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.feeding import stream
from physiology.pipeline import Physiology, SignalConfig
from physiology.state import PhysiologyState

FloatArray = npt.NDArray[np.float64]
CAMERA_RIGHT_BPM, CAMERA_WRONG_BPM, CAMERA_RIGHT = 2.0, 5.0, 4
WRIST_COVERAGE = (0.60, 0.35, 0.15)
WINDOW_S, LEAST_INTERVALS = 30.0, 5


def camera(data: Path) -> dict[str, Any]:
    """Compare the median rate of a camera's best channel with 60 000 over the strap's median interval."""
    records = {}
    for folder in sorted(data.glob("subject_*")):
        table = pd.read_csv(folder / "PPG.csv").drop_duplicates("time")
        times = table["time"].to_numpy(np.float64) / 1000
        samples = table[["R", "G", "B"]].to_numpy(np.float64)
        pipeline = Physiology([SignalConfig("ppg", 0.0, "a.u.", ("R", "G", "B"))])
        states: list[PhysiologyState] = []
        fed = 0
        for now in range(1, int(times[-1]) + 1):
            due = int(np.searchsorted(times, now, side="right"))
            pipeline.push("ppg", times[fed:due], samples[fed:due])
            fed = due
            states += pipeline.step(now).states
        rates = [state.hr_bpm.value for state in states if state.hr_bpm.value is not None]
        records[folder.name] = {
            "hr_bpm": round(float(np.median(rates)), 1) if rates else None,
            "strap_bpm": round(60_000 / float(np.median(np.loadtxt(folder / "RR.txt"))), 1),
            "given": round(len(rates) / len(states), 3),
            "choice": choice.text if (choice := pipeline.choices().get("ppg")) else None,
        }
    return records


def wrist(data: Path) -> dict[str, Any]:
    """Compare each second's heart rate with the device's median interval of the last 30 s."""
    records = {}
    for name in ("S05", "S14", "S23"):
        raw = np.loadtxt(data / name / "BVP.csv")
        start_s, rate_hz, values = raw[0], float(raw[1]), raw[2:]
        intervals = pd.read_csv(data / name / "IBI.csv")
        ends_s = intervals.iloc[:, 0].to_numpy(np.float64) + float(intervals.columns[0]) - start_s
        update, cpu_s = stream({"ppg": (rate_hz, "a.u.", values)}, chunk_s=1.0)
        given = [(s.t, s.hr_bpm.value) for s in update.states if s.hr_bpm.value is not None]
        errors = []
        for t, hr in given:
            near = intervals.iloc[:, 1].to_numpy(np.float64)[(ends_s > t - WINDOW_S) & (ends_s <= t)]
            if near.size >= LEAST_INTERVALS:
                errors.append(abs(hr - 60 / float(np.median(near))))
        records[name] = {
            "coverage": round(len(given) / len(update.states), 3),
            "error_median_bpm": round(float(np.median(errors)), 2) if errors else None,
            "compared_s": len(errors),
            "cpu_s_per_hour": round(cpu_s / values.size * rate_hz * 3600, 1),
        }
    return records


def missed_pulses(cameras: dict[str, Any], wrists: dict[str, Any], error_bpm: float) -> list[str]:
    """Return the floors that were missed, in words."""
    errors = {n: abs(r["hr_bpm"] - r["strap_bpm"]) for n, r in cameras.items() if r["hr_bpm"] is not None}
    missed = [f"{n} camera {e:.1f} bpm off" for n, e in errors.items() if e > CAMERA_WRONG_BPM]
    right = sum(error <= CAMERA_RIGHT_BPM for error in errors.values())
    if right < CAMERA_RIGHT:
        missed.append(f"camera within {CAMERA_RIGHT_BPM:g} bpm: {right} < {CAMERA_RIGHT}")
    best_first = sorted(wrists.items(), key=lambda item: -item[1]["coverage"])
    for (name, record), share in zip(best_first, WRIST_COVERAGE, strict=True):
        if record["coverage"] < share:
            missed.append(f"wrist {name} heart rate given {record['coverage']} < {share}")
        if (record["error_median_bpm"] or 0.0) > error_bpm:
            missed.append(f"wrist {name} error {record['error_median_bpm']} bpm > {error_bpm}")
    return missed
