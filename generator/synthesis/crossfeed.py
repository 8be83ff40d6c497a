"""Crossfeed for headphones: each ear hears some of the other side, later and duller, as from loudspeakers.

After Bauer (1961), "Stereophonic Earphones and Binaural Loudspeakers", J. Audio Eng. Soc. 9(2): the head
delays what comes from the other side by about 0.3 ms and shades it above some 700 Hz. Deviation: what is
given to the other side is taken from the own, as late, so the sum of both sides stays exactly the same.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, lfilter

from generator.score import SAMPLE_RATE, FloatArray

CUTOFF_HZ = 700.0
DELAY_FRAMES = round(0.0003 * SAMPLE_RATE)
SHARE = 0.33
"""Amplitude of the other side at low frequencies; the own side keeps the rest: 6 dB between them."""


class Crossfeed:
    """Applies crossfeed to a stereo stream, block by block."""

    def __init__(self) -> None:
        self._filter = butter(1, CUTOFF_HZ, fs=SAMPLE_RATE)
        self._state = np.zeros((2, 1))
        self._late = np.zeros((2, DELAY_FRAMES))

    def process(self, block: FloatArray) -> FloatArray:
        """Return a block with crossfeed, shape (2, n), n at least `DELAY_FRAMES`."""
        low, self._state = lfilter(*self._filter, block, axis=1, zi=self._state)
        heard = np.concatenate((self._late, low), axis=1)
        self._late = heard[:, -DELAY_FRAMES:]
        late = heard[:, :-DELAY_FRAMES]
        return np.asarray(block + SHARE * (late[::-1] - late))

    def reset(self) -> None:
        """Forget what has been heard."""
        self._state[:] = 0.0
        self._late[:] = 0.0
