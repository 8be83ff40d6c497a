"""Beats of ECG beside those of timeflux_dsp, driven without its broker; run by ``physiology.py``.

Both are scored as first reported, over so much of the records as the other's cost allows.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.signal import butter, sosfilt
from timeflux_dsp.nodes.peaks import RollingDetect

from benchmarks.beat_figures import (
    EXCLUDED_S,
    LATEST_S,
    MIT_BIH,
    NOISE_STRESS,
    agreement,
    first_reported,
    mit_bih_record,
    noise_stress_record,
    times_of,
)
from benchmarks.feeding import stream

FloatArray = npt.NDArray[np.float64]
BAND_HZ = (5.0, 25.0)
WINDOW_S, APART_S = 0.5, 0.3
CHUNK_S = 0.5
COMPARED_S = 120.0
RATE_HZ = 360.0


def rolling_peaks(values: FloatArray, rate_hz: float) -> tuple[FloatArray, FloatArray]:
    """Return the times of peaks of an ECG, and when each was known, in seconds.

    The node finds extrema of whatever it is given; a causal band-pass around the QRS is put before it, as
    its filter node would be (timeflux's own does not load beside NumPy 2).
    """
    band = sosfilt(butter(2, BAND_HZ, btype="bandpass", fs=rate_hz, output="sos"), values)
    index = pd.to_datetime(np.arange(values.size) / rate_hz, unit="s")
    node = RollingDetect(length=WINDOW_S, tol=APART_S, rate=rate_hz)
    size = round(CHUNK_S * rate_hz)
    found: list[tuple[float, float]] = []
    for first in range(0, values.size, size):
        chunk = slice(first, first + size)
        node.i.data = pd.DataFrame(band[chunk], index=index[chunk], columns=["ecg"])
        node.update()
        events: Any = node.o.data
        for row in [] if events is None or events.empty else events[events["label"] == "peak"].itertuples():
            at = row.Index.timestamp()
            found.append((at, at + float(row.data["lag"])))
        node.o.clear()
    table = np.array(sorted(found)).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def side_by_side(ecg: FloatArray, truth: FloatArray) -> dict[str, Any]:
    """Return how well both find the beats of the first two minutes, and what the other costs."""
    ecg = ecg[: int(COMPARED_S * RATE_HZ)]
    end_s = ecg.size / RATE_HZ - LATEST_S
    truth = truth[(truth > EXCLUDED_S) & (truth < end_s)]
    update, _ = stream({"ecg": (RATE_HZ, "mV", ecg)})
    ours = times_of(first_reported(update))
    began = time.process_time()
    peaks, known = rolling_peaks(ecg, RATE_HZ)
    cost_ms = 1000 * (time.process_time() - began) / ecg.size * RATE_HZ
    kept = (peaks > EXCLUDED_S) & (peaks < end_s)
    return {
        "ours": agreement(truth, ours[ours < end_s], (0.05,)),
        "timeflux_dsp": agreement(truth, peaks[kept], (0.05,)),
        "timeflux_dsp_lag_median_s": round(float(np.median((known - peaks)[kept])), 3),
        "timeflux_dsp_cpu_ms_per_s": round(cost_ms, 1),
    }


def figures(data: Path) -> dict[str, Any]:
    """Compare on clean records and on one with noise added."""
    records = {name: mit_bih_record(data / "mitbih", name) for name in MIT_BIH}
    records |= {name: noise_stress_record(data / "nstdb", name) for name in NOISE_STRESS}
    return {name: side_by_side(*record) for name, record in records.items()}


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the records on which the other finds beats better, in words."""
    return [
        f"{name}: timeflux_dsp reaches {key} {theirs}, we {record['ours'][key]}"
        for name, record in figures.items()
        for key, theirs in record["timeflux_dsp"].items()
        if record["ours"][key] < theirs
    ]
