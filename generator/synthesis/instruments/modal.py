"""Modal synthesis: a struck or plucked body as a sum of decaying partials, rendered by matrix products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log, pi

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.sample import FloatArray, Sample, SampledNote

ComplexArray = npt.NDArray[np.complex128]

HIGHEST_HZ = 19_000.0
BLOCK = 512
INAUDIBLE_DB = -90.0
"""A partial ends where it is so far below the power of all partials."""

SILENT_DB = -70.0
"""A note ends where it is so far below its loudest moment."""

DAMPED_DB = -70.0
"""Damping at the latest end of a note, beyond the decay of its partials."""

FADE_S = 0.06
LEVEL_WINDOW = 480
LOWEST_WIDE_HZ = 220.0
"""Below, the phases of left and right draw together, so that the bass is as mono as it is in a room."""

SINE_HZ = 450.0
"""A partial from here on starts as a sine; a lower one would take milliseconds to rise."""

T60_NEPERS = log(1000.0)

_SUBSONIC = butter(2, 15.0, "highpass", fs=SAMPLE_RATE, output="sos")


@dataclass(frozen=True, slots=True, eq=False)
class Modes:
    """Decaying partials, one array entry each.

    Attributes
    ----------
    hertz : ndarray
        Frequencies.
    decay : ndarray
        Decay rates in nepers per second.
    left, right : ndarray of complex
        Amplitude and phase on each side: the partial is the real part of ``left·exp((2πi·f − decay)·t)``.
    """

    hertz: FloatArray
    decay: FloatArray
    left: ComplexArray
    right: ComplexArray

    def __add__(self, other: Modes) -> Modes:
        return Modes(
            np.concatenate((self.hertz, other.hertz)),
            np.concatenate((self.decay, other.decay)),
            np.concatenate((self.left, other.left)),
            np.concatenate((self.right, other.right)),
        )

    @property
    def size(self) -> FloatArray:
        """Amplitude of each partial, the root mean square of left and right."""
        return np.asarray(np.sqrt((np.abs(self.left) ** 2 + np.abs(self.right) ** 2) / 2))

    @property
    def power(self) -> float:
        """Sum of the squared amplitudes."""
        return float((self.size**2).sum())

    def where(self, chosen: npt.NDArray[np.bool_]) -> Modes:
        """Return the chosen partials."""
        return Modes(self.hertz[chosen], self.decay[chosen], self.left[chosen], self.right[chosen])

    def scaled(self, factor: float) -> Modes:
        """Return the partials louder by a factor."""
        return Modes(self.hertz, self.decay, self.left * factor, self.right * factor)


def spread(
    hertz: FloatArray,
    t60_s: FloatArray,
    amplitude: FloatArray,
    rng: np.random.Generator,
    *,
    pan: float = 0.25,
    phase: float = 0.44,
    pulse_s: float | None = None,
) -> Modes:
    """Place partials between left and right.

    Each gets a small pan and a phase difference of its own: wide, but safe in mono.

    Parameters
    ----------
    hertz, t60_s, amplitude : ndarray
        Frequency, time of decay by 60 dB and amplitude of each partial.
    rng : numpy.random.Generator
        Draws pans and phases.
    pan : float
        Largest pan, in radians from the middle.
    phase : float
        Largest phase of a side in radians.
    pulse_s : float, optional
        When all partials pass 0 upward together, as the kink of a string passes its bridge. Without, each
        starts by itself: as a sine, the low ones nearer to a cosine so that they speak at once.
    """
    count = hertz.size
    angle = pi / 4 + pan * rng.uniform(-1, 1, count)
    shift = phase * rng.choice((-1.0, 1.0), count) * rng.uniform(0.6, 1.0, count)
    shift *= np.minimum(1.0, hertz / LOWEST_WIDE_HZ)
    if pulse_s is None:
        start = -0.5 * pi * np.minimum(1.0, hertz / SINE_HZ)
    else:
        start = -0.5 * pi - 2 * pi * hertz * pulse_s
    wave = np.exp(1j * start) * amplitude * np.sqrt(2)
    return Modes(
        hertz,
        T60_NEPERS / t60_s,
        wave * np.cos(angle) * np.exp(-1j * shift),
        wave * np.sin(angle) * np.exp(1j * shift),
    )


def stiff_string(
    hertz: float, inharmonicity: float, top_hz: float = HIGHEST_HZ
) -> tuple[FloatArray, FloatArray]:
    """Return numbers and frequencies of the partials of a stiff string whose first is exactly at `hertz`.

    Partial n lies at ``n·f·sqrt((1 + B·n²)/(1 + B))`` (Fletcher 1964, JASA 36, 203).
    """
    number = np.arange(1.0, top_hz / hertz + 1)
    partials = number * hertz * np.sqrt((1 + inharmonicity * number**2) / (1 + inharmonicity))
    audible = partials < top_hz
    return number[audible], partials[audible]


def diffuse_body(
    rng: np.random.Generator,
    count: int,
    band_hz: tuple[float, float],
    t60_s: tuple[float, float],
    colour: Callable[[FloatArray], FloatArray],
) -> Modes:
    """Return the many weak resonances of a soundboard, case or room, of power 1.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws their places.
    count : int
        How many.
    band_hz : (float, float)
        Lowest and highest; the higher, the more in each octave.
    t60_s : (float, float)
        Decay at the lowest and the highest, geometrically between.
    colour : callable
        Amplitude at a frequency, before each resonance's own deviation.
    """
    place = np.sort(rng.random(count))
    hertz = band_hz[0] * (band_hz[1] / band_hz[0]) ** place**0.65
    decay_s = t60_s[0] * (t60_s[1] / t60_s[0]) ** place**0.65
    amplitude = colour(hertz) * rng.rayleigh(size=count)
    modes = spread(hertz, decay_s, amplitude * rng.choice((-1.0, 1.0), count), rng, pan=0.35)
    return modes.scaled(modes.power**-0.5)


def ring(modes: Modes, longest_s: float) -> FloatArray:
    """Return the sum of the partials, shape (n, 2).

    A power of a complex number is the product of two smaller powers: so a partial is the outer product of a
    column (one entry each block) and a row (one entry each frame in a block), and the sum of all partials is
    one matrix product. Partials that end early are summed over a short stretch only.

    The product is `numpy.einsum`, not BLAS, whose last bits depend on the number of its threads.
    """
    modes = modes.where((modes.hertz < HIGHEST_HZ) & (modes.size > 0.0))
    above = np.log(modes.size / modes.power**0.5) - INAUDIBLE_DB / 20 * log(10.0)
    lasts = np.minimum(longest_s, above / modes.decay)
    frames = _whole_blocks(float(lasts.max()))
    sound = np.zeros((frames, 2))
    begin = float(lasts.max())
    while (lasts > 0.0).any():
        chosen = lasts > begin / 2
        if chosen.any():
            part = _product(modes.where(chosen), _whole_blocks(begin))
            sound[: len(part)] += part
        lasts = np.where(chosen, 0.0, lasts)
        begin /= 2
    return sound


def _whole_blocks(seconds: float) -> int:
    return (int(seconds * SAMPLE_RATE) // BLOCK + 1) * BLOCK


def _product(modes: Modes, frames: int) -> FloatArray:
    rate = (2j * pi * modes.hertz - modes.decay) / SAMPLE_RATE
    within = np.exp(np.outer(rate, np.arange(BLOCK)))
    blocks = np.exp(np.outer(np.arange(0, frames, BLOCK), rate))
    rows = np.vstack((within.real, -within.imag))
    sides = []
    for amplitude in (modes.left, modes.right):
        columns = blocks * amplitude
        sides.append(np.einsum("bk,kf->bf", np.hstack((columns.real, columns.imag)), rows).ravel())
    return np.stack(sides, axis=1)


def noise_burst(
    rng: np.random.Generator,
    t60_s: float,
    colour: Callable[[FloatArray], FloatArray],
    *,
    width: float = 0.5,
) -> FloatArray:
    """Return coloured noise of power 1 at its start that decays, shape (n, 2).

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the noise.
    t60_s : float
        Time of decay by 60 dB.
    colour : callable
        Amplitude at a frequency.
    width : float
        Share of the power that differs between left and right.
    """
    frames = _whole_blocks(1.4 * t60_s)
    white = rng.standard_normal((3, frames))
    spectrum = np.fft.rfft(white) * colour(
        np.asarray(np.fft.rfftfreq(frames, 1 / SAMPLE_RATE), dtype=np.float64)
    )
    middle, left, right = np.fft.irfft(spectrum, frames) * frames**0.5
    sides = np.sqrt(1 - width) * middle[:, None] + np.sqrt(width) * np.stack((left, right), axis=1)
    sides /= np.sqrt(np.mean(sides**2))
    return np.asarray(sides * np.exp(-T60_NEPERS / t60_s * np.arange(frames) / SAMPLE_RATE)[:, None])


def mixed(*sounds: FloatArray) -> FloatArray:
    """Add sounds of different lengths."""
    total = np.zeros((max(len(sound) for sound in sounds), 2))
    for sound in sounds:
        total[: len(sound)] += sound
    return total


def finished(note: SampledNote, sound: FloatArray, attack_s: float, longest_s: float) -> Sample:
    """Give a decaying note its onset and its end: it starts from 0, has no DC and ends in exact silence.

    Damping that grows with the fourth power of time, as if a hand came nearer, ends the longest notes: at
    half of `longest_s` it is 4 dB.
    """
    time = np.arange(len(sound)) / (longest_s * SAMPLE_RATE)
    sound = sound * (10 ** (DAMPED_DB / 20 * time**4))[:, None]
    rise, fade = int(attack_s * SAMPLE_RATE), int(FADE_S * SAMPLE_RATE)
    onset = np.ones((len(sound), 1))
    onset[:rise, 0] = 0.5 - 0.5 * np.cos(pi * np.arange(rise) / rise)
    sound = sosfilt(_SUBSONIC, sound * onset, axis=0)
    power = np.add.reduceat((sound**2).mean(axis=1), np.arange(0, len(sound), LEVEL_WINDOW))
    audible = np.flatnonzero(power > power.max() * 10 ** (SILENT_DB / 10))
    sound = sound[: (int(audible[-1]) + 1) * LEVEL_WINDOW + fade]
    sound[-fade:] *= (0.5 + 0.5 * np.cos(pi * np.arange(1, fade + 1) / fade))[:, None]
    return Sample(note.pitch, note.velocity, sound.astype(np.float32))
