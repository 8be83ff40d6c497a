"""Sustained tones of several players as a loop: every movement in it has a whole number of periods.

What repeats is therefore exactly periodic, in value, slope and spectrum, and needs no crossfade. Before the
loop stands the onset: the same tone, which the players enter one after another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import log, pi

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from generator.score import SAMPLE_RATE
from generator.synthesis.instruments.sample import FloatArray, Loop, Sample, SampledNote
from generator.synthesis.instruments.shaping import touch_level

Response = Callable[[SampledNote, FloatArray], FloatArray]
"""Amplitude at each frequency for a note."""

LOOP_RANGE = 1.2
"""Longest loop that is tried against the shortest."""

IN_TUNE = 2e-4
"""A third of a cent."""

TABLE = 16_384
TOP_HZ = 18_000.0
CURVE_HZ = 1000.0
"""Rate at which slow movements are made before they are interpolated."""

JITTER_HZ = (8.0, 45.0)
"""Rates of the irregularity of bow or breath."""

DRIFT_HZ = (0.24, 1.6)
"""Rates at which a player's loudness and depth of vibrato move."""

OPENING_HZ = (0.24, 3.0)
"""Rates at which the body moves between dark and bright."""

NOISE_HZ = (0.8, 12.0)
"""Rates at which the noise of bow or breath moves."""

VIBRATO_DRIFT = 0.35
VIBRATO_GROWTH_S = 0.5
NEPER_PER_CENT = log(2.0) / 1200
SUBSONIC_HZ = 18.0
STEADY_HZ = 3.5
"""Changes of a loop's level slower than about this are taken back."""

LEAST_POWER = 0.01
TAIL_FRAMES = 4096
"""Longer than a formant's ringing, on either side."""

NOISE_SWELL = 0.7
"""Relative depth at which it moves."""

NOISE_SIDE = 0.4
"""Difference of the sides' noise against their sum: a correlation of .72."""

JOIN_FRAMES = 1024
FIRST_FRAMES = 480
NOISE_LEADS = 1.5
"""By how much faster bow or breath rise than the tone."""

ONSET_NOISE = 1.6
"""Bow or breath at the onset against the held tone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ensemble:
    """Players in unison, what they play on, and how they begin.

    Attributes
    ----------
    players : int
        How many.
    detune_cents : float
        Standard deviation of the players' tunings.
    vibrato_cents, vibrato_hz : float
        Depth and mean rate of their vibrato.
    vibrato_full_s : float
        When it has grown to that depth, after it began `VIBRATO_GROWTH_S` earlier; 0: it is there at once.
    jitter_cents : float
        Irregularity of bow or breath: it makes narrow bands of noise of the upper partials.
    swell : float
        Relative depth of a player's slow changes of loudness.
    width : float
        Largest pan in radians from the middle.
    slope : float
        Partial n of the source has the amplitude ``n ** -slope``.
    dark, bright : Response
        Two bodies between which the tone moves slowly.
    noise : Response
        Spectrum of bow or breath.
    noise_db : float
        Its power against the tone at velocity 90; it grows half as much with velocity as the tone.
    attack_s : float
        Rise of one player.
    entries_s : float
        Time within which all players have begun.
    loop_s : float
        Shortest loop.
    octave_below : float
        Amplitude of the same tone an octave lower, as of basses below cellos.
    """

    players: int
    detune_cents: float
    vibrato_cents: float
    vibrato_hz: float
    jitter_cents: float
    swell: float
    width: float
    slope: float
    dark: Response
    bright: Response
    noise: Response
    noise_db: float
    attack_s: float
    entries_s: float
    loop_s: float
    vibrato_full_s: float = 0.0
    octave_below: float = 0.0

    def play(self, note: SampledNote) -> Sample:
        """Render a note."""
        grid = LoopGrid.of(self._lowest_hertz(note), self.loop_s)
        onset_s = max(self.attack_s + self.entries_s, self.vibrato_full_s)
        onset = int(onset_s * SAMPLE_RATE) + JOIN_FRAMES
        source, head = self._source(note, grid, onset)
        bodies = self._bodies(note)
        opening = (0.5 + 0.35 * slow_curve(note.string_rng(), grid.seconds, OPENING_HZ)).clip(0.0, 1.2)
        blend = grid.spread_out(opening)[:, None]
        held = _filtered(source, bodies, blend)
        steady = _steadying_gain(held, grid)[:, None]
        held *= steady
        level = np.sqrt(np.mean(held**2))
        risen = (self.attack_s + self.entries_s) * SAMPLE_RATE
        rise = np.interp(np.arange(len(head)), (0, risen), (0.4, 1.0))[:, None]
        begun = _filtered(head, bodies, rise * _tail(blend, len(head), onset))[:onset]
        begun *= _tail(steady, onset, onset)
        begun[:FIRST_FRAMES] *= np.linspace(0.0, 1.0, FIRST_FRAMES)[:, None]
        join = np.linspace(0.0, 1.0, JOIN_FRAMES)[:, None]
        begun[-JOIN_FRAMES:] += join * (held[-JOIN_FRAMES:] - begun[-JOIN_FRAMES:])

        noise = self._noise(note, grid)
        held = held / level + noise
        begun = begun / level + self._onset_noise(onset)[:, None] * _tail(noise, onset, onset)
        steady = _steadying_gain(held, grid)[:, None]
        whole = np.concatenate((begun * _tail(steady, onset, onset), held * steady))
        sound = touch_level(note) * whole
        return Sample(note.pitch, note.velocity, sound.astype(np.float32), Loop(onset, len(sound)))

    def _lowest_hertz(self, note: SampledNote) -> float:
        return note.hertz / 2 if self.octave_below else note.hertz

    def _bodies(self, note: SampledNote) -> Callable[[FloatArray], tuple[FloatArray, FloatArray]]:
        """Return the two responses as functions of frequency, without what nobody hears."""

        def bodies(hertz: FloatArray) -> tuple[FloatArray, FloatArray]:
            audible = hertz**2 / (hertz**2 + SUBSONIC_HZ**2)
            return audible * self.dark(note, hertz), audible * self.bright(note, hertz)

        return bodies

    def _source(self, note: SampledNote, grid: LoopGrid, onset: int) -> tuple[FloatArray, FloatArray]:
        """Return the players' loop and their onset (with what the body's memory needs), before the body."""
        rng = note.string_rng()
        table = _wave(self._lowest_hertz(note), self.slope, self.octave_below)
        held = np.zeros((grid.frames, 2))
        head = np.zeros((next_fast_len(onset + 2 * TAIL_FRAMES, real=True), 2))
        leaving = _leaving(len(head), onset)
        pans = pi / 4 + self.width * _evenly(self.players, rng)
        entries = self.entries_s * np.abs(_evenly(self.players, rng))
        for shift, pan, entry in zip(self._detunings(grid, rng), pans, entries, strict=True):
            tone, begun = self._player(grid, table, int(shift), rng, (len(head), onset))
            sides = np.array((np.cos(pan), np.sin(pan)))
            held += tone[:, None] * sides
            time = np.arange(len(head)) / SAMPLE_RATE
            rise = 0.5 - 0.5 * np.cos(pi * np.clip((time - entry) / self.attack_s, 0.0, 1.0))
            head += (rise * leaving * begun)[:, None] * sides
        return held, head

    def _detunings(self, grid: LoopGrid, rng: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return by how many periods of the loop each player is out of tune; all together are in tune.

        The outermost are so by one period at least: else their phases would stand still for the whole note,
        and two could cancel one another in mono.
        """
        cents = self.detune_cents * rng.permutation(np.linspace(-1.6, 1.6, self.players))
        apart = grid.cycles * cents * NEPER_PER_CENT
        widest = np.abs(apart).max()
        if 0.0 < widest < 1.0:
            apart /= widest
        shifts = np.rint(apart).astype(np.int64)
        shifts[np.argmin(np.abs(cents))] -= shifts.sum()
        return shifts

    def _player(
        self,
        grid: LoopGrid,
        table: FloatArray,
        shift: int,
        rng: np.random.Generator,
        head: tuple[int, int],
    ) -> tuple[FloatArray, FloatArray]:
        """Return the loop of one player, and what leads to it: so many frames, the loop begins at the second.

        Before the loop the vibrato grows; the phase is reckoned backward from where the loop begins.
        """
        length, onset = head
        cycles = grid.cycles + shift
        rate = self.vibrato_hz * rng.uniform(0.92, 1.08)
        vibrato = slow_curve(rng, grid.seconds, (rate * 0.96, rate * 1.04))
        depth = np.maximum(0.2, 1 + VIBRATO_DRIFT * slow_curve(rng, grid.seconds, DRIFT_HZ))
        bend = self.vibrato_cents * depth * vibrato
        bend -= bend.mean()
        jitter = self.jitter_cents * slow_curve(rng, grid.seconds, JITTER_HZ)
        first = rng.random()
        loudness = grid.spread_out(np.maximum(0.1, 1 + self.swell * slow_curve(rng, grid.seconds, DRIFT_HZ)))
        turns_per_point = cycles / bend.size
        moved = np.cumsum(bend + jitter) * NEPER_PER_CENT * turns_per_point
        turns = first + np.arange(grid.frames) * (cycles / grid.frames) + grid.spread_out(moved)
        loop = _read(table, turns) * loudness

        growing = self._bend_before(bend, jitter, grid.frames / bend.size, head)
        moved_before = np.cumsum(growing) * NEPER_PER_CENT * turns_per_point
        points = np.arange(growing.size) * (grid.frames / bend.size)
        moved_before += moved[0] - np.interp(onset, points, moved_before)
        place = np.arange(length)
        straight = first + (place - onset) * (cycles / grid.frames)
        begun = _read(table, straight + np.interp(place, points, moved_before))
        return loop, begun * _tail(loudness, length, onset)

    def _bend_before(
        self, bend: FloatArray, jitter: FloatArray, frames_per_point: float, head: tuple[int, int]
    ) -> FloatArray:
        """Return the bends in cents that lead to those of a loop while the vibrato grows, point by point."""
        length, onset = head
        points = np.arange(int(length / frames_per_point) + 2)
        since = points - onset / frames_per_point
        before_full_s = self.vibrato_full_s - points * (frames_per_point / SAMPLE_RATE)
        grown = np.clip(1 - before_full_s / VIBRATO_GROWTH_S, 0.0, 1.0)
        around = np.arange(bend.size)
        return np.asarray(
            grown * np.interp(since, around, bend, period=bend.size)
            + np.interp(since, around, jitter, period=bend.size)
        )

    def _noise(self, note: SampledNote, grid: LoopGrid) -> FloatArray:
        """Return the loop of bow or breath, against a tone of power 1; the sides share most of it."""
        rng = note.touch_rng()
        hertz = rfftfreq(grid.frames, 1 / SAMPLE_RATE)
        shape = self.noise(note, hertz) * (hertz > SUBSONIC_HZ)
        middle, side = (
            irfft(shape * np.exp(2j * pi * rng.random(hertz.size)), grid.frames) for _ in range(2)
        )
        sides = np.stack((middle + NOISE_SIDE * side, middle - NOISE_SIDE * side), axis=1)
        sides *= 10 ** (self.noise_db / 20) / np.sqrt(np.mean(sides**2))
        moving = np.maximum(0.15, 1 + NOISE_SWELL * slow_curve(rng, grid.seconds, NOISE_HZ))
        return np.asarray(sides * grid.spread_out(moving)[:, None])

    def _onset_noise(self, onset: int) -> FloatArray:
        rising = np.arange(onset) / (SAMPLE_RATE * (self.attack_s + self.entries_s))
        rise = 0.5 - 0.5 * np.cos(pi * np.minimum(1.0, NOISE_LEADS * rising))
        return np.asarray(rise * (1 + (ONSET_NOISE - 1) * (1 - np.minimum(1.0, rising)) ** 2))


@dataclass(frozen=True, slots=True)
class LoopGrid:
    """A length of loop that holds a whole number of periods of a tone.

    Attributes
    ----------
    frames : int
        Length, a product of small primes.
    cycles : int
        Periods of the tone.
    """

    frames: int
    cycles: int

    @classmethod
    def of(cls, hertz: float, shortest_s: float) -> LoopGrid:
        """Return the shortest length from the one asked on which a frequency is in tune, or nearly so."""

        def error(frames: int) -> float:
            periods = frames * hertz / SAMPLE_RATE
            return abs(round(periods) / periods - 1)

        lengths = _fast_lengths(shortest_s)
        frames = next((each for each in lengths if error(each) < IN_TUNE), min(lengths, key=error))
        return cls(frames, round(frames * hertz / SAMPLE_RATE))

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / SAMPLE_RATE

    def spread_out(self, curve: FloatArray) -> FloatArray:
        """Return a periodic curve at every frame."""
        around = np.append(curve, curve[0])
        place = np.arange(self.frames) * (curve.size / self.frames)
        return np.asarray(np.interp(place, np.arange(around.size), around))


@cache
def _fast_lengths(shortest_s: float) -> tuple[int, ...]:
    lengths = [next_fast_len(int(shortest_s * SAMPLE_RATE))]
    while lengths[-1] < LOOP_RANGE * shortest_s * SAMPLE_RATE:
        lengths.append(next_fast_len(lengths[-1] + 1))
    return tuple(length for length in lengths if length % 2 == 0)


def slow_curve(rng: np.random.Generator, seconds: float, band_hz: tuple[float, float]) -> FloatArray:
    """Return a random curve of one period, mean 0 and power 1, that moves at the rates of a band."""
    points = int(seconds * CURVE_HZ)
    lowest = max(1, round(band_hz[0] * seconds))
    highest = max(lowest, round(band_hz[1] * seconds))
    spectrum = np.zeros(points // 2 + 1, dtype=np.complex128)
    bins = np.arange(lowest, highest + 1)
    spectrum[bins] = np.exp(2j * pi * rng.random(bins.size)) / np.sqrt(bins)
    curve = np.fft.irfft(spectrum, points)
    return np.asarray(curve / np.sqrt(np.mean(curve**2)))


def _steadying_gain(loop: FloatArray, grid: LoopGrid) -> FloatArray:
    """Return a slow periodic gain that takes back a loop's slow changes of level.

    Players in unison cancel one another now and then. Once that is chance; every few seconds it is a pulse.
    """
    mono = loop.mean(axis=1)
    points = int(grid.seconds * CURVE_HZ)
    edges = np.arange(points) * grid.frames // points
    power = np.add.reduceat(2 * (loop**2).mean(axis=1) + mono**2, edges) / np.diff(edges, append=grid.frames)
    hertz = np.fft.rfftfreq(points, grid.seconds / points)
    slow = np.fft.irfft(np.fft.rfft(power) * np.exp(-0.5 * (hertz / STEADY_HZ) ** 2), points)
    slow = np.maximum(slow / slow.mean(), LEAST_POWER)
    return grid.spread_out(slow**-0.5)


def _evenly(count: int, rng: np.random.Generator) -> FloatArray:
    """Return places between −1 and 1 in random order; 0 for a single one."""
    return rng.permutation(np.linspace(-1.0, 1.0, count)) if count > 1 else np.zeros(1)


def _wave(hertz: float, slope: float, octave_below: float) -> FloatArray:
    """Return one period with all partials in phase, as a bow or a larynx makes it.

    With an octave below, the period is that of the lower tone, and the tone itself its even partials.
    """
    number = np.arange(1.0, max(1, int(TOP_HZ / hertz)) + 1)
    partials = number**-slope
    if octave_below:
        partials = octave_below * partials + np.where(number % 2 == 0, (number / 2) ** -slope, 0.0)
    spectrum = np.zeros(TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : number.size + 1] = -0.5j * partials * TABLE
    period = np.fft.irfft(spectrum)
    return np.append(period, period[0])


def _read(table: FloatArray, turns: FloatArray) -> FloatArray:
    place = (turns - np.floor(turns)) * TABLE
    index = place.astype(np.int64)
    below = table[index]
    return np.asarray(below + (place - index) * (table[index + 1] - below))


def _tail(loop: FloatArray, length: int, onset: int) -> FloatArray:
    """Return a stretch of a loop, repeated as needed, in which the loop begins anew at `onset`."""
    return loop[(np.arange(length) - onset) % len(loop)]


def _leaving(length: int, onset: int) -> FloatArray:
    """Return 1 up to and beyond the onset, and a fall to 0 where its memory of the loop ends."""
    after = (np.arange(length) - onset) / TAIL_FRAMES
    return np.asarray(0.5 + 0.5 * np.cos(pi * np.clip(2 * after - 1, 0.0, 1.0)))


def _filtered(
    sound: FloatArray,
    bodies: Callable[[FloatArray], tuple[FloatArray, FloatArray]],
    blend: FloatArray,
) -> FloatArray:
    """Send a sound through two bodies at once and move between them: 0 is dark, 1 is bright."""
    dark, bright = (each[:, None] for each in bodies(rfftfreq(len(sound), 1 / SAMPLE_RATE)))
    spectrum = rfft(sound, axis=0)
    below = irfft(spectrum * dark, len(sound), axis=0)
    return np.asarray(below + blend * irfft(spectrum * (bright - dark), len(sound), axis=0))
