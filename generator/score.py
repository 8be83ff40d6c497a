"""The records of a performance: notes and beats at exact samples, controls per block, what was heard."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from generator.composition.notation import NO_ARC, FormArc, SectionKind
from generator.state import LAYERS, Metre, Mode

SAMPLE_RATE = 48_000
BLOCK_FRAMES = 800
"""Frames of one block; three make a step of the engine (1/20 s)."""

BLOCKS_PER_STEP = 3
CHANNELS = 2

RESTART_FADE_S = 10.0
"""Fade-in after the synthesizer has been built anew."""

FloatArray = npt.NDArray[np.float64]
StereoBlock = npt.NDArray[np.float32]
"""Samples, shape (n, 2), within ±1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreEvent:
    """What happens at a sample, counted from the start of the performance."""

    frame: int

    @property
    def time_s(self) -> float:
        """Seconds from the start of the performance."""
        return self.frame / SAMPLE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEvent(ScoreEvent):
    """A note as it sounds.

    The length of a note is written in beats, so its length in seconds is known for certain only when it ends:
    the tempo may change under it.

    Attributes
    ----------
    frame : int
        Sample at which it begins, counted from the start of the performance.
    number : int
        How many notes began before it in the performance.
    duration_s : float
        Until its release begins. When the note begins: what the tempo of that moment makes of its beats. The
        `NoteEnd` of the same number says how long it was; `with_ends` puts it here.
    beat, bar : float, int
        Its place in the score, both counted from 0; `beat` in quarters from the beginning, not from the bar
        line.
    pitch : int
        MIDI note number.
    velocity : int
        1 to 127.
    layer : str
        One of ``generator.state.LAYERS``.
    """

    number: int
    duration_s: float
    beat: float
    bar: int
    pitch: int
    velocity: int
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteEnd(ScoreEvent):
    """The end of a note: its beats are over, or silence has come. Its release begins.

    Attributes
    ----------
    frame : int
        Sample at which it ends.
    note : int
        The number of the note.
    duration_s : float
        How long it was.
    """

    note: int
    duration_s: float


def with_ends(notes: Iterable[NoteEvent], ends: Iterable[NoteEnd]) -> list[NoteEvent]:
    """Return notes with the lengths that they had; those without an end keep the length they have."""
    lengths = {end.note: end.duration_s for end in ends}
    return [
        replace(note, duration_s=lengths[note.number]) if note.number in lengths else note for note in notes
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class BeatEvent(ScoreEvent):
    """A pulse of the metre as it sounds: its number from 0, its bar, its sample, the tempo from here on.

    In 4/4 and 3/4 a pulse is a quarter, in 6/8 a dotted quarter. The tempo counts pulses.
    """

    beat: int
    bar: int
    tempo_bpm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionEvent(ScoreEvent):
    """The bar line at which a section of the piece begins, or adds something else to the state than before.

    Attributes
    ----------
    frame, bar : int
        Sample and bar, counted from 0.
    number : int
        Number of the section, from 0.
    kind : SectionKind
        What the section does.
    arc : FormArc
        What the form adds to the state asked for from here on.
    """

    bar: int
    number: int
    kind: SectionKind
    arc: FormArc


class PlayedScore(NamedTuple):
    """What sounded in a performance, in the order of frames.

    Attributes
    ----------
    notes : tuple of NoteEvent
        With the lengths that they had.
    beats : tuple of BeatEvent
        The pulses of the metre.
    sections : tuple of SectionEvent
        What the form did, each from its frame on; none where it is not known.
    metre : Metre
        Of every bar.
    """

    notes: tuple[NoteEvent, ...] = ()
    beats: tuple[BeatEvent, ...] = ()
    sections: tuple[SectionEvent, ...] = ()
    metre: Metre = Metre.COMMON


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFrame:
    """Where the continuous controls stand at the end of a block; the sound glides there linearly.

    Attributes
    ----------
    level_db : float
        Level asked for, with what the form adds to it, after its slew limit; relative to the reference
        loudness.
    breath_db : float
        The breath envelope at this moment, ± 2 dB at full depth.
    fade : float
        Linear amplitude 0 to 1 of fade-in, end fade, silence and restart ramps together.
    brightness, articulation, density : float
        0 to 1, smoothed.
    layer_gains : tuple of float
        One per layer, 0 to 1: layers enter and leave by gliding.
    withheld_gains : tuple of float
        One per layer: what its gain would have more, 0 to 1, if the form had not taken the layer away.
    """

    level_db: float
    breath_db: float
    fade: float
    brightness: float
    articulation: float
    density: float
    layer_gains: tuple[float, ...]
    withheld_gains: tuple[float, ...] = (0.0,) * len(LAYERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One block of the performance: what happens in it, by frame, and where the controls stand at its end.

    Attributes
    ----------
    start_frame : int
        Its first sample.
    notes, note_ends : tuple
        Notes that begin in it, and the ends of notes that end in it.
    beats, sections : tuple
        Pulses that fall into it, and sections that begin in it.
    shape : ControlFrame
        The controls at its end.
    section, section_kind, arc : int, SectionKind, FormArc
        The section of the bar that sounds at its end, and what the form adds to the state in that bar.
    tonic, mode : int, Mode
        The tonic (0 is C) and the mode of that bar.
    """

    start_frame: int
    notes: tuple[NoteEvent, ...]
    note_ends: tuple[NoteEnd, ...]
    beats: tuple[BeatEvent, ...]
    shape: ControlFrame
    sections: tuple[SectionEvent, ...] = ()
    section: int = 0
    section_kind: SectionKind = SectionKind.STATEMENT
    arc: FormArc = NO_ARC
    tonic: int = 0
    mode: Mode = Mode.IONIAN


class AudibleMusic(NamedTuple):
    """What a listener heard in a step (three blocks).

    Attributes
    ----------
    tempo_bpm, density, brightness : float
        As in ``MusicState``, as they sound.
    level_db : float
        Relative to the reference loudness, fades and master volume included.
    novelty : float
        0 to 1: how large a change began (first sound, mode, layers, tempo).
    breath_rate, breath_depth : float
        Swells per minute, and their depth.
    """

    tempo_bpm: float
    density: float
    level_db: float
    brightness: float
    novelty: float
    breath_rate: float
    breath_depth: float
