"""Whether a sensor delivers: rate, range, what is missing and how good it is, as a line for people."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acquisition.streams import Chunk, Source
from biofeedback.signals import build_physiology, physiological_streams
from physiology.state import PhysiologyState

WINDOW_S = 5.0
"""How much of the signal a line is about."""


class SensorCheck:
    """Looks at the signals of a source as they come.

    Parameters
    ----------
    source : Source
        What delivers them.
    t0 : float
        Engine time from which on it is looked at.
    """

    def __init__(self, source: Source, t0: float) -> None:
        self._t0 = t0
        self._streams = physiological_streams([source])
        self._physiology = build_physiology(self._streams)
        self._times = {stream.stream_id: np.empty(0) for stream in self._streams}
        self._values = {stream.stream_id: np.empty(0) for stream in self._streams}
        self._state: PhysiologyState | None = None

    def take(self, chunks: Sequence[Chunk], t: float) -> None:
        """Take in what had come at engine time `t`."""
        for chunk in chunks:
            name = chunk.stream.stream_id
            if name not in self._times:
                continue
            values = chunk.samples[:, 0]
            self._physiology.push(chunk.stream.kind.value, chunk.times - self._t0, values)
            times = np.concatenate((self._times[name], chunk.times))
            recent = times > t - WINDOW_S
            self._times[name] = times[recent]
            self._values[name] = np.concatenate((self._values[name], values))[recent]
        for state in self._physiology.step(t - self._t0).states:
            self._state = state

    def line(self) -> str:
        """Return all signals in one line."""
        return "  |  ".join(
            f"{stream.name} {self._numbers(stream.stream_id, stream.unit)}, "
            f"{self._quality(stream.kind.value)}"
            for stream in self._streams
        )

    def _numbers(self, name: str, unit: str) -> str:
        times, values = self._times[name], self._values[name]
        there = values[np.isfinite(values)]
        if times.size < 2:
            return "no samples"
        rate_hz = (times.size - 1) / (times[-1] - times[0])
        range_ = f"{there.min():.3g} to {there.max():.3g} {unit}" if there.size else "no values"
        return f"{rate_hz:.4g} Hz, {range_}, {100 * (1 - there.size / times.size):.0f} % missing"

    def _quality(self, kind: str) -> str:
        signal = self._state.signals.get(kind) if self._state else None
        if signal is None:
            return "quality not known yet"
        return f"quality {signal.quality:.2f}" + (f" ({signal.reason})" if signal.reason else "")
