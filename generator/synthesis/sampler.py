"""The sampler: reads the samples of the notes that sound and mixes them into one stereo signal for each bus.

A note is played from the nearest rendered pitch. All voices that are to sound a semitone higher than their
sample, and all that are to sound a semitone lower, are mixed first and then transposed together: this costs
the same for one voice as for thirty. Pure, apart from pages of mapped files that are read.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from math import pi
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from generator.score import BLOCK_FRAMES, CHANNELS, FloatArray
from generator.synthesis.palettes import BUSES
from generator.synthesis.sample_set import (
    FULL_SCALE,
    TRANSPOSITIONS,
    Frames,
    SampledInstrument,
    SampleEntry,
)
from generator.synthesis.voices import StartedNote, Voice, VoiceFrame

Samples = npt.NDArray[np.float32]

TAPS = 8
KAISER_BETA = 5.5
"""Of the interpolation: what it adds lies 60 dB or more below a partial up to 13 kHz, 31 dB at 16 kHz."""

_CHANNELS = len(BUSES) * CHANNELS


class Transposer:
    """Transposes a signal by a ratio, exactly in time and without a filter's delay.

    Its filter looks back only. To make up for that, notes begin `skip` frames into their samples.

    Parameters
    ----------
    ratio : (int, int)
        Frames read for frames written.

    Attributes
    ----------
    skip : int
        Frames by which the filter is late.
    """

    def __init__(self, ratio: tuple[int, int]) -> None:
        self._read, self._written = ratio
        self.skip = TAPS // 2 if ratio != (1, 1) else 0
        turns = np.arange(self._written + BLOCK_FRAMES) * self._read
        # In the order in which a block passes them, from any of its beginnings on.
        self._kernel = _interpolation(turns % self._written / self._written)
        self._places = turns // self._written
        self._history = np.zeros((TAPS, _CHANNELS), np.float32)

    def span(self, start_frame: int) -> tuple[int, int]:
        """Return the frames of its input that a block of output needs, without those of earlier blocks."""
        before, last = start_frame - 1, start_frame + BLOCK_FRAMES - 1
        return before * self._read // self._written + 1, last * self._read // self._written + 1

    def place(self, frame: int) -> int:
        """Return the frame of its input nearest to a frame of its output."""
        return round(frame * self._read / self._written)

    def process(self, mixed: Samples, start_frame: int) -> Samples:
        """Return the block, shape (800, channels), of the input that `span` asked for."""
        if not self.skip:
            return mixed
        heard = np.concatenate((self._history, mixed))
        self._history = heard[-TAPS:]
        at = start_frame % self._written
        # The first place may be the last frame of the block before: the history is one frame longer.
        first = start_frame * self._read // self._written - self.span(start_frame)[0] + 1
        places = self._places[at : at + BLOCK_FRAMES] - (self._places[at] - first)
        # A window of some frames of all channels is one stretch of memory.
        rows = np.lib.stride_tricks.as_strided(
            heard, (len(heard) - TAPS + 1, TAPS * _CHANNELS), heard.strides
        )[places]
        windows = rows.reshape(BLOCK_FRAMES, TAPS, _CHANNELS)
        sound: Samples = np.einsum("ftc,ft->fc", windows, self._kernel[at : at + BLOCK_FRAMES])
        return sound


def _interpolation(phases: FloatArray) -> Samples:
    """Return the weights of the frames around a place between two frames, shape (phases, taps)."""
    distance = phases[:, None] + TAPS // 2 - 1 - np.arange(TAPS)
    window = np.i0(KAISER_BETA * np.sqrt(np.maximum(0.0, 1.0 - (distance / (TAPS / 2)) ** 2)))
    kernel = np.sinc(distance) * window
    return np.asarray(kernel / kernel.sum(axis=1, keepdims=True), np.float32)


@dataclass(slots=True)
class _Reader:
    """Where in a sample a voice reads, and how loud that sample is in its note."""

    frames: Frames
    entry: SampleEntry
    gain: float
    at: int

    def read(self, out: Samples) -> None:
        """Write the next frames to an array of shape (n, 2); zeros after the end of the sample."""
        entry, done = self.entry, 0
        while done < len(out):
            if self.at >= entry.end:
                if entry.loop_start is None:
                    out[done:] = 0.0
                    return
                self.at = entry.loop_start
            count = min(len(out) - done, entry.end - self.at)
            out[done : done + count] = self.frames[self.at : self.at + count]
            self.at += count
            done += count


class _Part(NamedTuple):
    """What a voice does in a block: from one amplitude to another, from a frame on."""

    voice: int
    before: float
    after: float
    offset: int


@dataclass(slots=True)
class _Playing:
    """What a voice plays: how its samples are transposed, and what reads them."""

    transposition: int = 0
    readers: tuple[_Reader, ...] = ()


class _Shares(dict[int, Samples]):
    """By a number of frames: the share of a line that each of them has behind it."""

    def __missing__(self, frames: int) -> Samples:
        share = np.arange(1, frames + 1, dtype=np.float32) / np.float32(frames)
        self[frames] = share
        return share


class Sampler:
    """Plays what the voices begin, at their amplitudes.

    Parameters
    ----------
    voices : tuple of Voice
        What the numbers in a `VoiceFrame` mean.
    instruments : mapping of str to SampledInstrument
        All that the voices play.
    """

    def __init__(self, voices: tuple[Voice, ...], instruments: Mapping[str, SampledInstrument]) -> None:
        self._voices = voices
        self._instruments = instruments
        angles = pi / 4 * (1.0 + np.array([voice.pan for voice in voices]))
        self._pans = np.sqrt(2.0) * np.stack((np.cos(angles), np.sin(angles)), axis=1)
        self._bus = [BUSES.index(voice.bus) for voice in voices]
        self._playing = [_Playing() for _ in voices]
        self._share = _Shares()
        self._transposers = {number: Transposer(ratio) for number, ratio in TRANSPOSITIONS.items()}

    def process(self, control: VoiceFrame, start_frame: int) -> Samples:
        """Return the block that begins at a frame, shape (buses, 2, 800)."""
        for note in control.started:
            self._start(note)
        offsets = {note.voice: note.offset for note in control.started}
        groups: dict[int, list[_Part]] = {number: [] for number in self._transposers}
        for voice, before, after in zip(
            control.voices.tolist(), control.before.tolist(), control.after.tolist(), strict=True
        ):
            playing = self._playing[voice]
            part = _Part(voice, before, after, offsets.get(voice, 0))
            groups[playing.transposition].append(part)
        sound = np.zeros((BLOCK_FRAMES, _CHANNELS), np.float32)
        for number, transposer in self._transposers.items():
            mixed = self._mix(groups[number], transposer, start_frame)
            sound += transposer.process(mixed, start_frame)
        return np.ascontiguousarray(sound.T).reshape(len(BUSES), CHANNELS, BLOCK_FRAMES)

    def _start(self, note: StartedNote) -> None:
        instrument = self._instruments[self._voices[note.voice].instrument]
        nearest, transposition = instrument.placed(note.pitch)
        skip = self._transposers[transposition].skip
        readers = tuple(
            _Reader(instrument.frames, entry, gain / FULL_SCALE, entry.start + skip)
            for entry, gain in instrument.samples(nearest, note.velocity)
        )
        self._playing[note.voice] = _Playing(transposition, readers)

    def _mix(self, parts: list[_Part], transposer: Transposer, start_frame: int) -> Samples:
        """Mix voices that are transposed alike, shape (frames, channels)."""
        first, after = transposer.span(start_frame)
        frames = after - first
        mixed = np.zeros((len(BUSES), CHANNELS, frames), np.float32)
        parts.sort(key=lambda part: self._bus[part.voice])
        rows = [(part, reader) for part in parts for reader in self._playing[part.voice].readers]
        if not rows:
            return mixed.reshape(_CHANNELS, frames).T
        sounds = np.empty((len(rows), CHANNELS, frames), np.float32)
        gains = np.array([(part.before * each.gain, part.after * each.gain) for part, each in rows])
        ends = gains.T[:, :, None] * self._pans[[part.voice for part, _ in rows]]
        before, rise = ends[0].astype(np.float32), (ends[1] - ends[0]).astype(np.float32)
        levels = rise[:, :, None] * self._share[frames]
        levels += before[:, :, None]
        for row, (part, reader) in enumerate(rows):
            begin = 0
            if part.offset:
                place = transposer.place(start_frame + part.offset) - first
                begin = min(max(place, 0), frames - 1)
                sounds[row, :, :begin] = 0.0
                levels[row, :, begin:] = (
                    self._share[frames - begin] * rise[row, :, None] + before[row, :, None]
                )
            reader.read(sounds[row, :, begin:].T)
        sounds *= levels
        buses = [self._bus[part.voice] for part, _ in rows]
        for bus in range(len(BUSES)):
            low, high = bisect_left(buses, bus), bisect_left(buses, bus + 1)
            np.add.reduce(sounds[low:high], axis=0, out=mixed[bus])
        return mixed.reshape(_CHANNELS, frames).T
