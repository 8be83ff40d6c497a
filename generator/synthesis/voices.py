"""Frequency and amplitude of every oscillator at every sample: the control side of the sound. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from generator.score import BLOCK_FRAMES, SAMPLE_RATE, Block, ControlFrame, FloatArray, NoteEnd, NoteEvent
from generator.state import LAYERS
from generator.synthesis.palettes import Drone, OscillatorSpec, Palette

IntArray = npt.NDArray[np.int64]

SWAY_PERIODS_S = (23.5, 25.9, 29.9)
"""Incommensurable, so that the slow movements of the voices do not repeat together."""

REFERENCE_VELOCITY = 64
VIBRATO_HZ = 5.1
VIBRATO_DELAY_S = 0.45
VIBRATO_GROWTH_S = 1.1
"""A note begins without vibrato; then the vibrato grows."""

DRONE_ATTACK_S = 4.0
DRONE_RELEASE_S = 3.0
DRONE_DUCKING = 0.85
"""Share by which the drone's lowest tone is reduced while the bass plays."""

LEAST_ATTACK = 0.6
"""Share of its attack that a note sounds at least."""

INAUDIBLE = 4e-5
SUDDEN_FRAMES = SAMPLE_RATE // 2
"""Attacks up to here are computed sample by sample; slower ones as a line through each block."""


def hertz(pitch: float) -> float:
    """Frequency of a MIDI note number in equal temperament, A4 = 440 Hz."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def smooth(x: npt.ArrayLike) -> FloatArray:
    """Rise from 0 to 1 over 0 ≤ x ≤ 1 without a corner at either end."""
    x = np.minimum(np.maximum(x, 0.0), 1.0)  # np.clip takes five times as long on short arrays
    return np.asarray(x * x * (3.0 - 2.0 * x))


_PAD, _BASS = LAYERS.index("pad"), LAYERS.index("bass")
_RISE = np.arange(1, BLOCK_FRAMES + 1) / BLOCK_FRAMES
_LINE = np.stack((np.ones(BLOCK_FRAMES), _RISE))
_FALL = 1.0 - smooth(_RISE)


@dataclass(frozen=True, slots=True)
class Oscillator:
    """An oscillator of a voice.

    Attributes
    ----------
    voice : int
        Number of its voice in the layer.
    spec : OscillatorSpec
        Its specification.
    gain : int
        Which of the gains of layers and drone is its own.
    sway : float
        Depth of its slow movement.
    pan : float or None
        None: it is stereo in itself.
    """

    voice: int
    spec: OscillatorSpec
    gain: int
    sway: float
    pan: float | None = None


@dataclass(frozen=True, slots=True)
class OscillatorFrame:
    """What the oscillators play in one block.

    Attributes
    ----------
    tunings : list of (int, float)
        Oscillators (rows) that begin a note, silent up to then, with their frequency in Hz.
    rows : ndarray of int, shape (n,)
        The oscillators that sound.
    amplitudes : ndarray, shape (n, 800)
        Their amplitudes, sample by sample. All other rows are silent.
    bent : list of int
        Those among them that have a vibrato.
    bends : ndarray, shape (m, 800)
        Their frequencies in Hz, sample by sample.
    """

    tunings: list[tuple[int, float]]
    rows: IntArray
    amplitudes: FloatArray
    bent: list[int]
    bends: FloatArray


class _Notes(NamedTuple):
    """Constants of the oscillators that sound, one entry for each; times in frames."""

    rows: IntArray
    layer: IntArray
    onset: FloatArray
    attack: FloatArray
    release: FloatArray
    release_length: FloatArray
    decay_rate: FloatArray
    amplitude: FloatArray
    sway: FloatArray
    sway_rate: FloatArray
    sway_phase: FloatArray
    hertz: FloatArray
    vibrato: FloatArray

    def envelope(self, frame: int) -> FloatArray:
        """Return the amplitudes at a frame: velocity, decay and release, but not the attack."""
        age = np.maximum(frame - self.onset, 0.0)
        released = smooth((frame - self.release) / self.release_length)
        return np.asarray(self.amplitude * np.exp(-age * self.decay_rate) * (1.0 - released))

    def gain(self, frame: int, shape: ControlFrame) -> FloatArray:
        """Return the gains of their layers at a frame, with the slow movement."""
        swing = np.sin(self.sway_rate * frame + self.sway_phase)
        return np.asarray(_gains(shape)[self.layer] * (1.0 + self.sway * swing))

    def bends(self, start: int) -> FloatArray:
        """Return the frequencies of the rows that have a vibrato, as lines through a block."""
        shaken = self.vibrato > 0.0
        before, after = (self._bent(frame, shaken) for frame in (start, start + BLOCK_FRAMES))
        return np.array((before, after - before)).T @ _LINE

    def _bent(self, frame: int, shaken: npt.NDArray[np.bool_]) -> FloatArray:
        age_s = (frame - self.onset[shaken]) / SAMPLE_RATE
        depth = self.vibrato[shaken] * smooth((age_s - VIBRATO_DELAY_S) / VIBRATO_GROWTH_S)
        swing = np.sin(2 * np.pi * VIBRATO_HZ * age_s + self.sway_phase[shaken])
        return np.asarray(self.hertz[shaken] * np.exp2(depth * swing / 1200.0))


def _gains(shape: ControlFrame) -> FloatArray:
    """Gains of the layers, then of the drone's upper tones and of its lowest."""
    drone = shape.layer_gains[_PAD]
    ground = drone * (1.0 - DRONE_DUCKING * shape.layer_gains[_BASS])
    return np.array((*shape.layer_gains, drone, ground))


class VoiceBank:
    """The voices of all layers and their envelopes.

    A note given with one block begins in the next, at the same place, and ends there when its end is given.
    Meanwhile a voice is made free for it, if necessary by fading out the quietest. So every onset and every
    release is exact, `latency_frames` late, and stealing a voice does not click. The end of a note whose
    voice has been stolen has no effect. The polyphony of a layer is also the most notes that can begin in one
    block; more are left out.

    Parameters
    ----------
    palette : Palette
        The sound of each layer, and a drone or none.
    """

    latency_frames = BLOCK_FRAMES

    def __init__(self, palette: Palette) -> None:
        self._timbres = timbres = palette.timbres
        self._rows_of: dict[str, list[slice]] = {layer: [] for layer in LAYERS}
        rows: list[Oscillator] = []
        for layer, timbre in timbres.items():
            gain = LAYERS.index(layer)
            for voice in range(timbre.voices):
                self._rows_of[layer].append(slice(len(rows), len(rows) + len(timbre.oscillators)))
                pan = timbre.pans[voice % len(timbre.pans)] if timbre.pans else None
                rows += [Oscillator(voice, spec, gain, timbre.sway, pan) for spec in timbre.oscillators]
        self._drone = drone = palette.drone
        first = len(rows)
        if drone is not None:
            rows += [
                Oscillator(voice, spec, len(LAYERS) + (spec.ratio <= 1.0), drone.sway)
                for voice, spec in enumerate(drone.oscillators)
            ]
        self._drone_rows = slice(first, len(rows))
        self.rows = tuple(rows)
        count = len(rows)
        self._notes = _Notes(
            rows=np.arange(count),
            layer=np.array([row.gain for row in rows]),
            onset=np.zeros(count),
            attack=np.ones(count),
            release=np.zeros(count),
            release_length=np.ones(count),
            decay_rate=np.zeros(count),
            amplitude=np.zeros(count),
            sway=np.array([row.sway for row in rows]),
            sway_rate=2 * np.pi / SAMPLE_RATE / np.array([SWAY_PERIODS_S[i % 3] for i in range(count)]),
            # The golden ratio spreads the phases evenly, however many voices there are.
            sway_phase=2 * np.pi * 0.618 * np.arange(count, dtype=np.float64),
            hertz=np.zeros(count),
            vibrato=np.array([row.spec.vibrato_cents for row in rows]),
        )
        if drone is not None:
            self._shape_drone(drone)
        self._body = np.zeros(count)  # amplitude at the end of the last block, the attack apart
        self._level = np.zeros(count)  # and with it
        self._active = np.zeros(count, dtype=bool)
        self._reserved = np.zeros(count, dtype=bool)
        self._number = np.full(count, -1)  # of the note that each oscillator plays or played last
        self._next_voice = dict.fromkeys(LAYERS, 0)
        self._pending: list[tuple[NoteEvent, slice]] = []
        self._pending_ends: tuple[NoteEnd, ...] = ()
        self._live = self._sounding()

    def step(self, block: Block) -> OscillatorFrame:
        """Return what sounds in this block, and reserve voices for the notes that begin in the next."""
        start, end = block.start_frame, block.start_frame + BLOCK_FRAMES
        begun = [self._begin(note, rows, block.shape) for note, rows in self._pending]
        for each in self._pending_ends:
            self._end(each)
        ending = bool(self._pending_ends)
        if self._drone is not None and block.shape.fade > 0.0:
            tones, left = self._follow_tonic(self._drone, block)
            begun, ending = begun + tones, ending or left
        if begun or ending:
            self._live = self._sounding()
        self._pending, self._pending_ends = [], block.note_ends
        for note in block.notes:
            if (voice := self._free_voice(note.layer)) is not None:
                self._reserved[voice] = True
                self._pending.append((note, voice))

        live, rows = self._live, self._live.rows
        envelope = live.envelope(end)
        body = envelope * live.gain(end, block.shape)
        level = body * smooth((end - live.onset) / live.attack)
        before = self._level[rows]
        amplitudes = np.array((before, level - before)).T @ _LINE
        exact = (end <= live.onset + live.attack + BLOCK_FRAMES) & (
            (start <= live.onset) | (live.attack <= SUDDEN_FRAMES)
        )
        if exact.any():
            amplitudes[exact] = self._attack(start, exact, body)
        stolen = self._reserved[rows]
        self._reserved[:] = False
        over = stolen | (envelope < INAUDIBLE)
        self._body[rows], self._level[rows] = body, level
        if over.any():
            amplitudes[over] *= _FALL
            self._active[rows[over]] = False
            self._live = self._sounding()
        tunings = [tuning for tunings in begun for tuning in tunings]
        return OscillatorFrame(
            tunings, rows, amplitudes, rows[live.vibrato > 0.0].tolist(), live.bends(start)
        )

    def release_all(self) -> None:
        """Silence every voice at once; what follows the bank must be silent by then."""
        self._active[:] = False
        self._live = self._sounding()
        self._pending, self._pending_ends = [], ()

    def _sounding(self) -> _Notes:
        rows = np.flatnonzero(self._active)
        return _Notes._make(column[rows] for column in self._notes)

    def _attack(self, start: int, chosen: npt.NDArray[np.bool_], body: FloatArray) -> FloatArray:
        """Amplitudes of the chosen rows, exact at every sample of their attack."""
        frames = start + 1 + np.arange(BLOCK_FRAMES)
        rise = smooth((frames - self._live.onset[chosen, None]) / self._live.attack[chosen, None])
        before = self._body[self._live.rows[chosen]]
        return np.asarray(rise * (np.array((before, body[chosen] - before)).T @ _LINE))

    def _free_voice(self, layer: str) -> slice | None:
        """Rows of a voice that can begin a note in the next block: an idle one, else the quietest."""
        voices = self._rows_of[layer]
        first = self._next_voice[layer]
        in_turn = voices[first:] + voices[:first]
        open_ = [rows for rows in in_turn if not self._reserved[rows.start]]
        if not open_:
            return None
        idle = [rows for rows in open_ if not self._active[rows].any()]
        chosen = idle[0] if idle else min(open_, key=lambda rows: float(self._body[rows].sum()))
        self._next_voice[layer] = (voices.index(chosen) + 1) % len(voices)
        return chosen

    def _begin(self, note: NoteEvent, voice: slice, shape: ControlFrame) -> list[tuple[int, float]]:
        """Set the voice's envelope; return the frequencies of its rows."""
        timbre = self._timbres[note.layer]
        specs = timbre.oscillators
        octaves = (note.pitch - 60) / 12
        loudness = note.velocity / REFERENCE_VELOCITY
        level = loudness * 10 ** ((timbre.level_db + timbre.tilt_db * octaves) / 20)
        onset = note.frame + self.latency_frames
        attack_s, release_s = (
            legato * (detached / legato) ** shape.articulation
            for legato, detached in (timbre.attack_s, timbre.release_s)
        )
        notes = self._notes
        notes.attack[voice] = attack_s * SAMPLE_RATE
        notes.release[voice] = np.inf
        notes.release_length[voice] = release_s * SAMPLE_RATE
        # High strings ring shorter than low ones, by about a third per octave.
        decays_s = np.array([spec.decay_s for spec in specs]) * 2.0 ** (-0.6 * octaves)
        notes.decay_rate[voice] = 1.0 / (decays_s * SAMPLE_RATE)
        notes.amplitude[voice] = [level * spec.level * loudness**spec.hardness for spec in specs]
        notes.hertz[voice] = [hertz(note.pitch) * spec.ratio for spec in specs]
        self._number[voice] = note.number
        return self._enter(voice, onset, shape)

    def _end(self, end: NoteEnd) -> None:
        """Let the voice of a note, if it still has one, begin its release where the note ends."""
        notes, rows = self._notes, self._number == end.note
        # A short note of a slow sound still rises: its release waits for most of the attack.
        risen = notes.onset[rows] + LEAST_ATTACK * notes.attack[rows]
        notes.release[rows] = np.maximum(end.frame + self.latency_frames, risen)

    def _enter(self, voice: slice, onset: int, shape: ControlFrame) -> list[tuple[int, float]]:
        """Begin oscillators whose envelopes are set at a frame; return their frequencies."""
        self._notes.onset[voice] = onset
        self._active[voice] = True
        self._level[voice] = 0.0
        begun = _Notes._make(column[voice] for column in self._notes)
        self._body[voice] = begun.envelope(onset) * begun.gain(onset, shape)
        return list(zip(begun.rows.tolist(), begun.hertz.tolist(), strict=True))

    def _shape_drone(self, drone: Drone) -> None:
        notes, rows = self._notes, self._drone_rows
        notes.attack[rows] = DRONE_ATTACK_S * SAMPLE_RATE
        notes.release_length[rows] = DRONE_RELEASE_S * SAMPLE_RATE
        level = 10 ** (drone.level_db / 20)
        notes.amplitude[rows] = [level * spec.level for spec in drone.oscillators]

    def _follow_tonic(self, drone: Drone, block: Block) -> tuple[list[list[tuple[int, float]]], bool]:
        """Let tones of the drone begin that the tonic and the mode ask for, and others end.

        Return the frequencies of those that begin, and whether one begins to end. A tone moves to another
        tonic by ending and beginning anew.
        """
        notes, begun, ending = self._notes, [], False
        rows = range(self._drone_rows.start, self._drone_rows.stop)
        for row, pitch in zip(rows, drone.pitches(block.tonic, block.mode), strict=True):
            wanted = None if pitch is None else hertz(pitch)
            if not self._active[row] and wanted is not None:
                notes.release[row], notes.hertz[row] = np.inf, wanted
                begun.append(self._enter(slice(row, row + 1), block.start_frame, block.shape))
            elif self._active[row] and notes.hertz[row] != wanted and notes.release[row] == np.inf:
                notes.release[row] = block.start_frame
                ending = True
        return begun, ending
