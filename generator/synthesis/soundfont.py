"""Notes of a SoundFont's preset, rendered offline into the samples of an instrument.

Zones, tuning, loops, filter, pan, attenuation and volume envelope follow the SoundFont 2.04 specification.
Left out are what moves within a note (the modulation envelope and the two oscillators), modulators of the
file's own, and what the sampler does live: the release, and the sends to room and chorus.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from math import ceil, cos, log2, pi, sin
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import sosfilt

from generator.errors import SoundFontError, SoundFontFault
from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.sample import (
    FULL_VELOCITY,
    FloatArray,
    Instrument,
    InstrumentKind,
    Loop,
    Sample,
    SampledNote,
)
from generator.synthesis.soundfont_file import Generator, SoundFontFile, Zone

Mono = npt.NDArray[np.float32]

VELOCITIES = (36, 84)
STEP = 3
"""Semitones from one rendered pitch to the next: each also plays the one below and the one above."""

OCTAVE = 12

LONGEST = 8 * SAMPLE_RATE
"""Frames of a note at most."""

LEAST_LOOP, MOST_LOOP = SAMPLE_RATE, 4 * SAMPLE_RATE
"""Frames of a loop. At 1 s, the nearest whole number of frames changes the pitch by 0.02 cent at most."""

MOST_DETUNE = 2.3e-4
"""Change of pitch for the sake of a whole loop: 0.4 cent. Beyond it, a loop's ends are crossfaded."""

GOOD_DETUNE = 2e-5
CROSSFADED_LOOP, CROSSFADE = 2 * SAMPLE_RATE, SAMPLE_RATE // 2

CUT_FADE = 2 * SAMPLE_RATE
"""Frames over which a note fades that would last longer than `LONGEST`."""

END_FADE = SAMPLE_RATE // 200
"""Frames over which a sample's end is faded in any case."""

SILENT_CB = 600
"""Centibels of attenuation in the sustain phase from which a note counts as one that dies away."""

ENVELOPE_CB = 1000
"""Fall of the decay phase in its whole time (specification, 8.1.2, generator 36)."""

LONGEST_DELAY_S = 1.0
MOST_AT_ONCE = 8
"""Zones that sound together in a note; usual are one and two, and layered presets have up to four."""

MOST_STEP = 8.0
"""Frames read for a frame written: three octaves up from 48 kHz."""

HALF_TAPS = 16
KAISER_BETA = 9.0
PHASES = 512
"""Places between two frames for which weights are computed; between them they are linear, which leaves errors
of −106 dB."""

CHUNK = 4096
FRACTIONS = 2**32
FILTER_SETTLING = SAMPLE_RATE // 10
OPEN_FILTER = 13_500
HIGHEST_CUTOFF_HZ = 20_000.0
LOWEST_KEY_HZ = 8.175_798_915_643_707
"""Frequency of MIDI note 0, from which cents of a cutoff count."""


@dataclass(frozen=True, slots=True)
class _Envelope:
    """The volume envelope of a zone, in frames; the attenuation of its sustain phase in centibels."""

    delay: float
    attack: float
    hold: float
    decay: float
    sustain_cb: float

    @classmethod
    def of(cls, zone: Zone, key: int) -> _Envelope:
        def frames(generator: Generator, per_key: Generator | None = None) -> float:
            timecents = zone.value(generator)
            if per_key is not None:
                timecents += (60 - key) * zone.value(per_key)
            return float(min(2.0 ** (timecents / 1200), 120.0) * SAMPLE_RATE)

        return cls(
            delay=min(frames(Generator.VOLUME_DELAY), LONGEST_DELAY_S * SAMPLE_RATE),
            attack=frames(Generator.VOLUME_ATTACK),
            hold=frames(Generator.VOLUME_HOLD, Generator.KEY_TO_HOLD),
            decay=frames(Generator.VOLUME_DECAY, Generator.KEY_TO_DECAY),
            sustain_cb=min(zone.value(Generator.VOLUME_SUSTAIN), ENVELOPE_CB),
        )

    @property
    def dies(self) -> bool:
        """Whether a held note falls silent."""
        return self.sustain_cb >= SILENT_CB

    @property
    def settled(self) -> float:
        """The frame from which it stays as it is."""
        return self.delay + self.attack + self.hold + self.decay * self.sustain_cb / ENVELOPE_CB

    def gains(self, frames: FloatArray) -> FloatArray:
        """Return the amplitude at some frames: linear in the attack, linear in decibels in the decay."""
        rise = np.clip((frames - self.delay) / self.attack, 0.0, 1.0)
        since = frames - self.delay - self.attack - self.hold
        fall_cb = np.clip(since / self.decay * ENVELOPE_CB, 0.0, self.sustain_cb)
        return np.asarray(rise * 10.0 ** (-fall_cb / 200))


@dataclass(frozen=True, slots=True, eq=False)
class _Tone:
    """What a zone contributes to a note.

    Attributes
    ----------
    source : ndarray of float32, shape (n,)
        Frames of the sample.
    loop : Loop or None
        Within `source`; None: it is played once.
    step : float
        Frames of `source` for each frame of the note.
    gains : tuple of (float, float)
        Left and right.
    cutoff_hz, resonance_db : float
        Of its low-pass filter; an infinite cutoff is none.
    """

    source: Mono
    loop: Loop | None
    step: float
    envelope: _Envelope
    gains: tuple[float, float]
    cutoff_hz: float
    resonance_db: float

    @property
    def sustained(self) -> bool:
        """Whether it sounds as long as the note is held."""
        return self.loop is not None and not self.envelope.dies

    @property
    def period(self) -> float:
        """Frames of the note that its loop lasts."""
        assert self.loop is not None  # noqa: S101 - asked of sustained tones only
        return (self.loop.end - self.loop.start) / self.step

    @property
    def length(self) -> float:
        """Frames until it has died away."""
        played = len(self.source) / self.step if self.loop is None else float(LONGEST)
        return min(played, self.envelope.settled) if self.envelope.dies else played

    @property
    def steady(self) -> float:
        """The frame from which it repeats."""
        assert self.loop is not None  # noqa: S101 - asked of sustained tones only
        entered = (self.loop.start + HALF_TAPS * max(1.0, self.step)) / self.step
        return max(entered, self.envelope.settled) + FILTER_SETTLING * (self.cutoff_hz < HIGHEST_CUTOFF_HZ)

    def rendered(self, frames: int, ratio: tuple[int, int], held_from: int) -> FloatArray:
        """Return its first frames, shape (frames, 2).

        Parameters
        ----------
        frames : int
            How many.
        ratio : (int, int)
            Frames read for frames written.
        held_from : int
            The frame from which the envelope stays as it is.
        """
        sound = _interpolated(self.source, self.loop, ratio, frames)
        if self.cutoff_hz < HIGHEST_CUTOFF_HZ:
            sound = sosfilt(_low_pass(self.cutoff_hz, self.resonance_db), sound)
        sound *= self.envelope.gains(np.minimum(np.arange(frames), held_from).astype(float))
        return np.asarray(sound[:, None] * np.array(self.gains))


class SoundFontPreset:
    """A preset of a SoundFont, as an instrument that renders notes.

    Parameters
    ----------
    file : SoundFontFile
        The file.
    bank : int
        Bank of the preset.
    preset : int or str
        Its number or name.

    Raises
    ------
    SoundFontError
        If there is no such preset, or it is damaged.
    """

    def __init__(self, file: SoundFontFile, bank: int, preset: int | str) -> None:
        self._file = file
        self._bank = bank
        self._preset = preset
        self._zones = file.zones(bank, preset)
        self._named = f"preset {preset!r} of {file.path.name}"

    def covered(self, key: int) -> bool:
        """Return whether it has a sample for a key."""
        return any(zone.keys[0] <= key <= zone.keys[1] for zone in self._zones)

    def span(self, needed: tuple[int, int], given: tuple[int, int] | None = None) -> tuple[int, int]:
        """Return the lowest and highest note to be played: an octave at least.

        Parameters
        ----------
        needed : (int, int)
            Notes that the music asks for.
        given : (int, int), optional
            Notes that the preset is to play; what lies outside is played in another octave. Where left out,
            they are the covered ones next to the middle of what is needed.

        Raises
        ------
        SoundFontError
            If the preset has no samples for an octave of them.
        """
        low, high = given if given is not None else self._run(sum(needed) // 2)
        gap = next((key for key in range(low, high + 1) if not self.covered(key)), None)
        if gap is not None or high - low < OCTAVE - 1:
            keys = [key for key in range(128) if self.covered(key)]
            wanted = f"from {low} to {high}" if given is not None else f"around {sum(needed) // 2}"
            raise SoundFontError(
                SoundFontFault.NOT_COVERED,
                f"{self._named} does not have all notes {wanted}; it has "
                f"{_runs(keys)}, and range must name twelve or more of them in a row",
            )
        # As much of what is needed as there is, and at least an octave, in which everything has a place.
        first = min(max(low, needed[0]), high - OCTAVE + 1)
        return first, max(min(high, needed[1]), first + OCTAVE - 1)

    def _run(self, middle: int) -> tuple[int, int]:
        covered = [key for key in range(128) if self.covered(key)]
        if not covered:
            return middle, middle
        low = high = min(covered, key=lambda key: abs(key - middle))
        while self.covered(low - 1):
            low -= 1
        while self.covered(high + 1):
            high += 1
        return max(low, 0), min(high, 127)

    def instrument(self, lowest: int, highest: int) -> Instrument:
        """Return the instrument that plays some notes.

        Its name holds a checksum of everything that determines its samples: the file, the preset, the notes
        and the version of what renders them.

        Raises
        ------
        SoundFontError
            If the file cannot be read, or nothing of it sounds.
        """
        pitches = range(lowest + 1, highest + STEP - 1, STEP)
        notes = [(pitch, velocity) for pitch in pitches for velocity in VELOCITIES]
        samples = {zone.sample: None for note in notes for zone in self._chosen(*note)}
        if not any(self._file.frames(sample).any() for sample in samples):
            raise SoundFontError(
                SoundFontFault.NOT_COVERED, f"{self._named} is silent; another preset is needed"
            )
        for pitch, velocity in notes:
            for zone in self._chosen(pitch, velocity):
                self._step(zone, pitch)
        told = (self._file.checksum(), self._bank, self._preset, lowest, highest, rendering_version())
        stem = re.sub(r"[^a-z0-9]+", "-", self._file.path.stem.lower()).strip("-")[:30] or "soundfont"
        return Instrument(
            name=f"{stem}-{sha256(repr(told).encode()).hexdigest()[:16]}",
            kind=InstrumentKind.PAD,
            lowest=pitches[0],
            highest=pitches[-1],
            model=self.render,
            velocities=VELOCITIES,
            step=STEP,
        )

    def render(self, note: SampledNote) -> Sample:
        """Return a note, as loud as the SoundFont has it."""
        zones = self._chosen(note.pitch, note.velocity)
        tones = [self._tone(zone, note.pitch, note.velocity) for zone in zones]
        audio, loop = _mixed(tones)
        return Sample(note.pitch, note.velocity, audio.astype(np.float32), loop)

    def _chosen(self, key: int, velocity: int) -> list[Zone]:
        """Return the zones that play a note; where there is none, those of the nearest key and velocity."""

        def distance(zone: Zone) -> tuple[int, int]:
            (lowest, highest), (softest, hardest) = zone.keys, zone.velocities
            return max(lowest - key, key - highest, 0), max(softest - velocity, velocity - hardest, 0)

        nearest = min(map(distance, self._zones))
        chosen = [zone for zone in self._zones if distance(zone) == nearest]
        if len(chosen) > MOST_AT_ONCE:
            raise SoundFontError(
                SoundFontFault.DAMAGED,
                f"{self._named} plays {len(chosen)} samples at once for "
                f"note {key}; at most {MOST_AT_ONCE} can be",
            )
        return chosen

    def _step(self, zone: Zone, pitch: int) -> float:
        """Return the frames read for each frame written."""
        key = fixed if (fixed := zone.value(Generator.KEY)) >= 0 else pitch
        root = own if 0 <= (own := zone.value(Generator.ROOT_KEY)) <= FULL_VELOCITY else zone.sample.root_key
        cents = (
            (key - root) * zone.value(Generator.SCALE_TUNING)
            + 100 * zone.value(Generator.COARSE_TUNE)
            + zone.value(Generator.FINE_TUNE)
            + zone.sample.correction_cents
        )
        octaves = cents / 1200 + log2(zone.sample.rate_hz / SAMPLE_RATE)
        if abs(octaves) > log2(MOST_STEP) and (octaves > 0 or octaves < -OCTAVE):
            raise SoundFontError(
                SoundFontFault.DAMAGED,
                f"{self._named} transposes a sample by {cents} cents for "
                f"note {pitch}; three octaves up are possible, and range can keep the notes nearer",
            )
        return float(2.0**octaves)

    def _tone(self, zone: Zone, pitch: int, velocity: int) -> _Tone:
        key = fixed if (fixed := zone.value(Generator.KEY)) >= 0 else pitch
        struck = fixed if (fixed := zone.value(Generator.VELOCITY)) >= 0 else velocity
        sample = zone.sample
        looped = zone.value(Generator.SAMPLE_MODES) & 1 and sample.loop_end > sample.loop_start
        # The default modulator from velocity to attenuation: 400·log10(127/velocity) centibels.
        gain = 10.0 ** (-zone.value(Generator.ATTENUATION) / 200) * (max(1, struck) / FULL_VELOCITY) ** 2
        turn = (zone.value(Generator.PAN) + 500) / 1000 * pi / 2
        cutoff = zone.value(Generator.FILTER_CUTOFF)
        return _Tone(
            source=self._file.frames(sample),
            loop=Loop(sample.loop_start - sample.start, sample.loop_end - sample.start) if looped else None,
            step=self._step(zone, pitch),
            envelope=_Envelope.of(zone, key),
            gains=(gain * cos(turn), gain * sin(turn)),
            cutoff_hz=LOWEST_KEY_HZ * 2.0 ** (cutoff / 1200) if cutoff < OPEN_FILTER else np.inf,
            resonance_db=zone.value(Generator.FILTER_Q) / 10,
        )


@cache
def rendering_version() -> str:
    """Return a digest of the source text that reads and renders SoundFonts."""
    here = Path(__file__)
    texts = [file.read_bytes() for file in (here, here.with_name("soundfont_file.py"))]
    return sha256(b"".join(texts)).hexdigest()[:12]


def _runs(keys: Sequence[int]) -> str:
    """Return keys in words, those in a row together."""
    runs: list[list[int]] = []
    for key in keys:
        if runs and key == runs[-1][1] + 1:
            runs[-1][1] = key
        else:
            runs.append([key, key])
    return ", ".join(f"{low} to {high}" for low, high in runs[:6]) or "none"


def _ratio(step: float) -> tuple[int, int]:
    return max(1, round(step * FRACTIONS)), FRACTIONS


def _mixed(tones: Sequence[_Tone]) -> tuple[FloatArray, Loop | None]:
    """Return a note of some tones, and its loop where one of them lasts."""
    held = [tone for tone in tones if tone.sustained]
    if not held:
        frames = max(2, min(LONGEST, ceil(max(tone.length for tone in tones))))
        audio = sum(_faded(tone, tone.rendered(frames, _ratio(tone.step), LONGEST), frames) for tone in tones)
        return np.asarray(audio), None
    passing = [tone for tone in tones if not tone.sustained]
    steady = ceil(max([tone.steady for tone in held] + [tone.length for tone in passing]))
    turns = _whole_loop([tone.period for tone in held])
    entered = ceil(max((tone.loop.start / tone.step for tone in held if tone.loop), default=0))
    if turns is None or entered + FILTER_SETTLING > LONGEST - turns[0]:
        return _crossfaded(tones, steady)
    length, counts = turns
    start = min(steady, LONGEST - length)
    end = start + length
    audio = np.zeros((end, 2))
    for tone, count in zip(held, counts, strict=True):
        assert tone.loop is not None  # noqa: S101 - it is sustained
        audio += tone.rendered(end, (count * (tone.loop.end - tone.loop.start), length), start)
    for tone in passing:
        audio[:start] += _faded(tone, tone.rendered(start, _ratio(tone.step), LONGEST), start)
    return audio, Loop(start, end)


def _whole_loop(periods: Sequence[float]) -> tuple[int, list[int]] | None:
    """Return a number of frames in which each loop is repeated a whole number of times, and these numbers.

    None where no number keeps all pitches within `MOST_DETUNE`.
    """
    lead = np.array(periods)
    first, last = ceil(LEAST_LOOP / lead[0]), max(1, int(MOST_LOOP / lead[0]))
    lengths = np.rint(np.arange(first, max(first, last) + 1) * lead[0])
    counts = np.maximum(1.0, np.rint(lengths[:, None] / lead))
    detunes = np.abs(lengths[:, None] / (counts * lead) - 1.0).max(axis=1)
    good = np.flatnonzero(detunes <= GOOD_DETUNE)
    best = int(good[0]) if len(good) else int(np.argmin(detunes))
    if detunes[best] > MOST_DETUNE or lengths[best] > LONGEST - LEAST_LOOP // 2:
        return None
    return int(lengths[best]), [int(count) for count in counts[best]]


def _crossfaded(tones: Sequence[_Tone], steady: int) -> tuple[FloatArray, Loop]:
    """Return a note whose loop ends as what comes before it does."""
    start = min(max(steady, CROSSFADE), LONGEST - CROSSFADED_LOOP)
    end = start + CROSSFADED_LOOP
    audio = np.zeros((end, 2))
    for tone in tones:
        sound = tone.rendered(end, _ratio(tone.step), start)
        if not tone.sustained:
            sound[:start] = _faded(tone, sound[:start], start)
            sound[start:] = 0.0
        audio += sound
    turn = np.linspace(0.0, pi / 2, CROSSFADE)[:, None]
    audio[end - CROSSFADE :] *= np.cos(turn)
    audio[end - CROSSFADE :] += np.sin(turn) * audio[start - CROSSFADE : start]
    return audio, Loop(start, end)


def _faded(tone: _Tone, sound: FloatArray, frames: int) -> FloatArray:
    """Fade a tone to silence at its end, slowly where it would go on; return it."""
    end = min(frames, ceil(tone.length))
    fade = min(end, END_FADE if tone.length <= frames else CUT_FADE)
    sound[end - fade : end] *= np.cos(np.linspace(0.0, pi / 2, fade))[:, None] ** 2
    sound[end:] = 0.0
    return sound


def _kernel(stretch: float, taps: npt.NDArray[np.int64]) -> Mono:
    """Return the weights of the frames around a place between two frames, shape (`PHASES` + 1, taps)."""
    distance = (np.arange(PHASES + 1)[:, None] / PHASES - taps) / stretch
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / HALF_TAPS) ** 2)))
    kernel = np.sinc(distance) * window * (np.abs(distance) < HALF_TAPS)
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True), np.float32)


def _interpolated(source: Mono, loop: Loop | None, ratio: tuple[int, int], frames: int) -> FloatArray:
    """Read a source at another rate, around its loop as often as needed; zeros after its end.

    The low-pass filter that this needs keeps what both rates can hold. Places are exact: a loop that is read
    a whole number of times in a number of frames repeats to the last bit.
    """
    read, written = ratio
    stretch = max(1.0, read / written)
    reach = ceil(HALF_TAPS * stretch)
    taps = np.arange(1 - reach, reach + 1)
    kernel = _kernel(stretch, taps)
    slopes = np.diff(kernel, axis=0, append=kernel[-1:])
    last = frames * read // written + 2
    if loop is not None:
        turns = max(0, last + reach - loop.end) // (loop.end - loop.start) + 1
        source = np.concatenate((source[: loop.end], np.tile(source[loop.start : loop.end], turns)))
    padded = np.pad(source[: last + reach], (reach - 1, max(0, last - len(source)) + 2 * reach))
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    sound = np.zeros(frames)
    chunk = max(256, CHUNK * HALF_TAPS // reach)
    for first in range(0, frames, chunk):
        at = np.arange(first, min(first + chunk, frames), dtype=np.int64) * read
        places = at // written
        phases = (at % written) * (PHASES / written)
        whole = phases.astype(np.int64)
        weights = slopes[whole]
        weights *= (phases - whole).astype(np.float32)[:, None]
        weights += kernel[whole]
        sound[first : first + len(at)] = np.einsum("ft,ft->f", windows[places], weights)
    return sound


def _low_pass(cutoff_hz: float, resonance_db: float) -> FloatArray:
    """Return a resonant low-pass of second order, whose gain falls by half of its resonance."""
    turn = 2 * pi * min(cutoff_hz, HIGHEST_CUTOFF_HZ) / SAMPLE_RATE
    resonance = 10.0 ** ((resonance_db - 3.01) / 20)
    width = sin(turn) / (2 * resonance)
    level = 10.0 ** (-resonance_db / 40) * (1 - cos(turn))
    section = np.array([[level / 2, level, level / 2, 1 + width, -2 * cos(turn), 1 - width]])
    return np.asarray(section / (1 + width))
