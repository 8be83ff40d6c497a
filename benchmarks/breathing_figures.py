"""Breathing rate derived from ECG and PPG against a belt worn by the same person at the same time.

The truth is NeuroKit2's reading of the belt over the whole recording: 60 over the median interval between
breaths of the last 60 s, every second. ``figures(data)`` takes the folder that holds ``neurokit/``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import neurokit2 as nk
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.feeding import stream

FloatArray = npt.NDArray[np.float64]
RATE_HZ = 100
WINDOW_S = 60
LARGEST_ERROR_PER_MIN, LEAST_COVERAGE = 1.0, {"ecg": 0.5, "ppg": 0.3, "belt": 0.9}
RECORDS = {
    "rest_5_min": ("bio_resting_5min_100hz.csv", ("ecg", "ppg", "belt")),
    "rest_8_min": ("bio_resting_8min_100hz.csv", ("ecg", "belt")),
    "event_related": ("bio_eventrelated_100hz.csv", ("ecg", "belt")),
}


def figures(data: Path) -> dict[str, Any]:
    """Return for each record and source the median absolute error in breaths per minute and the coverage."""
    found: dict[str, Any] = {}
    for record, (name, sources) in RECORDS.items():
        table = pd.read_csv(data / "neurokit" / name)
        breaths = _breaths(table["RSP"].to_numpy(np.float64))
        for source in sources:
            column = "RSP" if source == "belt" else source.upper()
            kind = "rsp" if source == "belt" else source
            found[f"{record} {source}"] = _against(breaths, kind, table[column].to_numpy(np.float64))
    return found


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the floors that were missed, in words."""
    lines = []
    for name, found in figures.items():
        error, coverage = found["median_error_per_min"], found["coverage"]
        least = LEAST_COVERAGE[name.split()[-1]]
        if error is None or error > LARGEST_ERROR_PER_MIN:
            lines.append(f"breathing, {name}: median error {error} > {LARGEST_ERROR_PER_MIN} per minute")
        if coverage < least:
            lines.append(f"breathing, {name}: given {coverage} of the time < {least}")
    return lines


def _breaths(belt: FloatArray) -> FloatArray:
    clean = nk.rsp_clean(belt, sampling_rate=RATE_HZ)
    _, found = nk.rsp_peaks(clean, sampling_rate=RATE_HZ)
    return np.asarray(found["RSP_Peaks"]) / RATE_HZ


def _against(breaths: FloatArray, kind: str, values: FloatArray) -> dict[str, Any]:
    """Compare what the live pipeline says, second by second, once its window has filled."""
    update, cpu_s = stream({kind: (RATE_HZ, "a.u.", values)}, chunk_s=1.0)
    given = [state for state in update.states if state.t > WINDOW_S]
    errors = []
    for state in given:
        if state.breathing_rate.value is not None:
            recent = breaths[(breaths > state.t - WINDOW_S) & (breaths <= state.t)]
            errors.append(abs(state.breathing_rate.value - 60 / float(np.median(np.diff(recent)))))
    return {
        "median_error_per_min": round(float(np.median(errors)), 2) if errors else None,
        "p90_error_per_min": round(float(np.percentile(errors, 90)), 2) if errors else None,
        "coverage": round(len(errors) / len(given), 2),
        "cpu_s_per_hour": round(cpu_s / values.size * RATE_HZ * 3600, 1),
    }
