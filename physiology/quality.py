"""What is wrong with a signal, in a few words, from the samples alone."""

from __future__ import annotations

import numpy as np

from physiology.state import FloatArray

MISSING, MISSING_S = "missing samples", 1.0
SATURATED_SHARE = 0.2
FLAT_SHARE = 0.1


def complaint(
    times: FloatArray, values: FloatArray, now: float, *, usual_amplitude: float | None = None
) -> str | None:
    """Look at the last seconds of a signal.

    Parameters
    ----------
    times, values : ndarray, shape (n,)
        The samples of the last few seconds that were not missing.
    now : float
        Engine seconds.
    usual_amplitude : float, optional
        Peak to peak of a usual beat; less than a tenth of it is flat.

    Returns
    -------
    str or None
        ``missing samples``, ``flat line``, ``saturated`` or nothing.
    """
    if times.size == 0 or now - times[-1] > MISSING_S or (np.diff(times) > MISSING_S).any():
        return MISSING
    lowest, highest = values.min(), values.max()
    if highest - lowest <= FLAT_SHARE * (usual_amplitude or 0.0):
        return "flat line"
    if max(np.mean(values == lowest), np.mean(values == highest)) >= SATURATED_SHARE:
        return "saturated"
    return None
