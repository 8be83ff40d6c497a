"""Instruments of a few short notes, in place of the catalog; and a script that builds their samples."""

import os
import time

import numpy as np

from generator.synthesis.instruments.sample import Instrument, InstrumentKind, Loop, Sample, SampledNote

PAUSE_VARIABLE = "TINY_INSTRUMENTS_PAUSE_S"
"""Environment variable: how long a note takes to be rendered."""

BUILD = """
import sys
from generator.synthesis.sample_cache import load
from tests.generator.synthesis.tiny_instruments import TINY

def show(share, name):
    print(f"{share:.4f} {name}", flush=True)

library = load(sys.argv[1:] or list(TINY), progress=show, instruments=TINY, again=False)
print("not kept:", library.not_kept)
"""


def model(note: SampledNote) -> Sample:
    time.sleep(float(os.environ.get(PAUSE_VARIABLE, "0")))
    t = np.arange(2400) / 48_000
    wave = note.strength * np.sin(2 * np.pi * note.hertz * t) + 0.1 * note.touch_rng().standard_normal(2400)
    audio = np.stack([wave, 0.5 * wave], axis=1).astype(np.float32)
    return Sample(note.pitch, note.velocity, audio, Loop(1200, 2400) if note.instrument == "drone" else None)


def tiny(name: str, kind: InstrumentKind) -> Instrument:
    return Instrument(name=name, kind=kind, lowest=60, highest=66, model=model)


TINY = {
    "pluck": tiny("pluck", InstrumentKind.PLUCKED),
    "drone": tiny("drone", InstrumentKind.PAD),
    "bell": tiny("bell", InstrumentKind.STRUCK),
}
