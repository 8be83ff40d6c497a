"""The streaming heart-rate path of timeflux_dsp, rolling extrema, driven without its broker."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.signal import butter, sosfilt
from timeflux_dsp.nodes.peaks import RollingDetect

FloatArray = npt.NDArray[np.float64]
BAND_HZ = (5.0, 25.0)
WINDOW_S, APART_S = 0.5, 0.3
CHUNK_S = 0.5


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


def median_rates(peaks: FloatArray, known: FloatArray, seconds: FloatArray) -> FloatArray:
    """Return at each second the rate of the median interval of the last 30 s, of what was known then."""
    rates = []
    for now in seconds:
        seen = peaks[(known <= now) & (peaks > now - 30)]
        rates.append(60 / float(np.median(np.diff(seen))) if seen.size > 2 else np.nan)
    return np.array(rates)
