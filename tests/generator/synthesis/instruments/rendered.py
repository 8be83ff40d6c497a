"""Notes rendered once for all tests, and what is measured of them."""

from functools import cache

import numpy as np

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.catalog import INSTRUMENTS

HELD = (
    "bowed-ensemble",
    "solo-strings",
    "low-strings",
    "flute",
    "glass",
    "choir",
    "low-choir",
    "warm-pad",
    "sub-bass",
    "breath",
)
DECAYING = tuple(name for name in INSTRUMENTS if name not in HELD)
MIXED = tuple(name for name, instrument in INSTRUMENTS.items() if len(instrument.velocities) > 1)


def middle(name):
    pitches = INSTRUMENTS[name].pitches
    return pitches[len(pitches) // 2]


def places(name):
    """Return the lowest, the middle and the highest rendered pitch."""
    pitches = INSTRUMENTS[name].pitches
    return pitches[0], middle(name), pitches[-1]


def rendered(name, pitch=None, velocity=None):
    """Return a note: without more said the middle one at the hardest touch."""
    hardest = INSTRUMENTS[name].velocities[-1]
    return _rendered(
        name, middle(name) if pitch is None else pitch, hardest if velocity is None else velocity
    )


@cache
def _rendered(name, pitch, velocity):
    return INSTRUMENTS[name].render(pitch, velocity)


def mono(sample):
    return sample.audio.astype(float).mean(axis=1)


def loop_of(sample):
    return sample.audio[sample.loop.start : sample.loop.end].astype(float)


def hertz(pitch):
    return 440.0 * 2 ** ((pitch - 69) / 12)


def strongest_near(sound, near_hz):
    """Return the frequency of the strongest partial within a semitone, by the top of a parabola."""
    size = 2**20
    power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size)) ** 2
    low, high = (int(near_hz * factor * size / SAMPLE_RATE) for factor in (0.95, 1.05))
    top = low + int(np.argmax(power[low:high]))
    before, at, after = np.log(power[top - 1 : top + 2])
    return (top + (before - after) / (2 * (before - 2 * at + after))) * SAMPLE_RATE / size


def share_above(sound, edge_hz):
    power = np.abs(np.fft.rfft(sound)) ** 2
    return power[int(edge_hz * len(sound) / SAMPLE_RATE) :].sum() / power.sum()


def level_db(sound):
    return 10 * np.log10(np.mean(sound**2) + 1e-20)


def rise_ms(sample):
    """Return the time from 10 to 70 % of the first peak, by the RMS of 3 ms."""
    sound = np.concatenate((np.zeros(SAMPLE_RATE // 20), mono(sample)[: SAMPLE_RATE // 2]))
    window = int(0.003 * SAMPLE_RATE)
    envelope = np.sqrt(np.convolve(sound**2, np.full(window, 1 / window), "same"))
    tenth, most = (int(np.argmax(envelope >= share * envelope.max())) for share in (0.1, 0.7))
    return 1000 * (most - tenth) / SAMPLE_RATE
