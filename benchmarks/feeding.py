"""Recordings through the pipeline, as the benchmarks of physiology pass them."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from physiology.pipeline import Physiology, PhysiologyUpdate, SignalConfig
from physiology.state import Beat, PhysiologyState, Scr

FloatArray = npt.NDArray[np.float64]


def stream(
    signals: dict[str, tuple[float, str, FloatArray]], chunk_s: float = 0.05
) -> tuple[PhysiologyUpdate, float]:
    """Pass signals ``{kind: (rate, unit, values)}`` through; return what was said and the CPU seconds."""
    started = time.process_time()
    pipeline = Physiology([SignalConfig(kind, rate, unit) for kind, (rate, unit, _) in signals.items()])
    beats: list[Beat] = []
    scrs: list[Scr] = []
    states: list[PhysiologyState] = []
    end_s = max(values.size / rate for rate, _, values in signals.values())
    for step in range(1, int(end_s / chunk_s) + 1):
        for kind, (rate, _, values) in signals.items():
            first, last = (min(values.size, round(k * chunk_s * rate) + 1) for k in (step - 1, step))
            first = 0 if step == 1 else first
            pipeline.push(kind, np.arange(first, last) / rate, values[first:last])
        update = pipeline.step(step * chunk_s)
        beats += update.beats
        scrs += update.scrs
        states += update.states
    return PhysiologyUpdate(tuple(beats), tuple(scrs), tuple(states)), time.process_time() - started
