"""The palettes: for each layer an instrument and how it is played, a pair of rooms, a drone or none. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from generator.state import Mode
from generator.synthesis.room import Room

BUSES = ("warm", "clear")
"""Filters that a layer may go through."""

PAD_ATTACK_S = (4.0, 0.8)
PAD_RELEASE_S = (6.0, 2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSound:
    """The sound of a layer: an instrument and how it is played.

    Attributes
    ----------
    instrument : str
        Its name in the catalog of instruments.
    level_db : float
        Gain of its samples.
    release_s : tuple of (float, float)
        How long a note fades after its end, at articulation 0 (legato) and 1 (detached); interpolated
        geometrically. For plucked and struck instruments it is how soon they are damped.
    attack_s : tuple of (float, float)
        Rise in addition to that of the sample, at articulation 0 and 1. 0: the sample's alone.
    voices : int
        Polyphony.
    transpose : int
        Semitones from the written note to the note played.
    tilt_db : float
        Change of level per octave above middle C.
    pans : tuple of float
        Places of the voices in turn, −1 (left) to 1 (right).
    bus : str
        One of `BUSES`.
    sway : float
        Depth of a slow movement of amplitude, 0 to 1.
    typical_lufs : float
        Loudness that the layer alone has in typical music: where the leveller starts from.
    """

    instrument: str
    level_db: float
    release_s: tuple[float, float]
    attack_s: tuple[float, float] = (0.0, 0.0)
    voices: int = 6
    transpose: int = 0
    tilt_db: float = 0.0
    pans: tuple[float, ...] = (0.0,)
    bus: str = "clear"
    sway: float = 0.0
    typical_lufs: float = -30.0


LOWEST_DRONE = 36
"""Pitch of the drone's lowest tone on C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DroneTone:
    """A tone of a drone.

    Attributes
    ----------
    instrument : str
        Its name in the catalog of instruments.
    semitones : int
        Above the tonic from C2 to B2. The tone of 0 is softer while the bass plays.
    level_db : float
        Gain of its samples.
    """

    instrument: str
    semitones: int
    level_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Drone:
    """Tones on the tonic of the section that enter and leave with the pad.

    A tone is silent in a mode that has a tone a semitone above it.

    Attributes
    ----------
    tones : tuple of DroneTone
        From the lowest upwards.
    sway : float
        Depth of the slow movement, each tone with its own period.
    """

    tones: tuple[DroneTone, ...]
    sway: float

    def pitches(self, tonic: int, mode: Mode) -> tuple[int | None, ...]:
        """Return the pitch of each tone on a tonic (0 is C); None where it is silent in the mode."""
        return tuple(
            None if (tone.semitones + 1) % 12 in mode.steps else LOWEST_DRONE + tonic + tone.semitones
            for tone in self.tones
        )


@dataclass(frozen=True, slots=True)
class EqualizerBand:
    """A peaking filter of an equalizer.

    Attributes
    ----------
    hertz, q, gain_db : float
        Its middle, its sharpness, and its gain there.
    """

    hertz: float
    q: float
    gain_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The sound of a piece.

    Attributes
    ----------
    sounds : mapping of str to LayerSound
        One for each layer.
    rooms : tuple of (Room, Room)
        At articulation 0 and 1.
    equalizer : tuple of EqualizerBand
        What all layers go through. Layers in one register add up: without it the palettes lay up to 2 dB
        over recordings of calm music between 500 and 2000 Hz, and at rest as much between 150 and 500.
    drone : Drone or None
        Tones under the piece.
    """

    sounds: Mapping[str, LayerSound]
    rooms: tuple[Room, Room]
    equalizer: tuple[EqualizerBand, ...] = ()
    drone: Drone | None = None

    @property
    def instruments(self) -> tuple[str, ...]:
        """Names of the instruments that it needs, each once."""
        names = [sound.instrument for sound in self.sounds.values()]
        names += [tone.instrument for tone in self.drone.tones] if self.drone else []
        return tuple(dict.fromkeys(names))


_plucked = partial(LayerSound, release_s=(2.4, 0.35))
_pad = partial(LayerSound, voices=10, attack_s=PAD_ATTACK_S, release_s=PAD_RELEASE_S, bus="warm", sway=0.15)
_strings = partial(LayerSound, attack_s=(2.2, 0.6), release_s=(3.5, 1.0), bus="warm", sway=0.2)
_counter = partial(LayerSound, voices=3, attack_s=(0.35, 0.05), release_s=(1.2, 0.3), bus="warm")
_bells = partial(LayerSound, voices=4, release_s=(2.5, 0.9), pans=(0.6, -0.55, 0.35, -0.15))
_air = partial(LayerSound, voices=3, attack_s=(3.0, 1.0), release_s=(4.0, 1.5), sway=0.3)
_sub_bass = partial(
    LayerSound, instrument="sub-bass", voices=3, attack_s=(0.2, 0.05), release_s=(1.5, 0.4), bus="warm"
)
_low_strings = partial(
    LayerSound, instrument="low-strings", voices=3, attack_s=(0.5, 0.05), release_s=(1.6, 0.3), bus="warm"
)

_MELODY_PANS = (0.12, -0.12, 0.2, -0.2)
_ARPEGGIO_PANS = (-0.55, 0.35, -0.15, 0.6)

WARM_PADS = Palette(
    sounds={
        "pad": _pad(instrument="warm-pad", level_db=-21.8, typical_lufs=-30.3),
        "melody": _plucked(instrument="nylon-guitar", level_db=-4.6, typical_lufs=-30.9, pans=_MELODY_PANS),
        "bass": _sub_bass(level_db=-23.6, typical_lufs=-30.1),
        "arpeggio": _plucked(
            instrument="celesta", level_db=-7.0, typical_lufs=-32.3, release_s=(1.2, 0.3), pans=_ARPEGGIO_PANS
        ),
        "counter": _counter(instrument="flute", level_db=-14.9, typical_lufs=-35.4),
        "strings": _strings(instrument="bowed-ensemble", level_db=-14.5, typical_lufs=-35.7),
        "bells": _bells(instrument="handbells", level_db=-3.2, typical_lufs=-42.4),
        "air": _air(instrument="breath", level_db=-18.5, typical_lufs=-41.5),
    },
    equalizer=(
        EqualizerBand(800.0, 0.5, -8.5),
        EqualizerBand(280.0, 0.7, -4.0),
        EqualizerBand(3200.0, 0.8, -1.5),
    ),
    rooms=(
        Room(t60_s=(6.0, 5.4, 2.2), gain=0.36),
        Room(t60_s=(2.6, 2.4, 1.3), early_share=0.15, gain=0.15),
    ),
)

HARP_BELLS = Palette(
    sounds={
        "pad": _pad(instrument="glass", level_db=-28.6, typical_lufs=-26.4, sway=0.25),
        "melody": _plucked(instrument="harp", level_db=-7.7, typical_lufs=-33.1, pans=_MELODY_PANS),
        "bass": _sub_bass(level_db=-27.5, typical_lufs=-32.6),
        "arpeggio": _plucked(
            instrument="harp",
            level_db=-7.7,
            typical_lufs=-34.7,
            release_s=(1.8, 0.3),
            pans=(-0.6, -0.2, 0.25, 0.6),
        ),
        "counter": _counter(instrument="flute", level_db=-20.0, typical_lufs=-38.3),
        "strings": _strings(instrument="glass", level_db=-24.6, typical_lufs=-38.8, sway=0.3),
        "bells": _bells(instrument="handbells", level_db=-6.2, typical_lufs=-44.6),
        "air": _bells(instrument="singing-bowl", level_db=-9.2, typical_lufs=-43.7, voices=3, transpose=-12),
    },
    equalizer=(EqualizerBand(950.0, 0.55, -6.5), EqualizerBand(280.0, 0.7, -3.5)),
    rooms=(
        Room(t60_s=(6.3, 5.7, 2.6), pre_delay_s=0.012, high_cut_hz=6000.0, gain=0.36),
        Room(t60_s=(2.6, 2.4, 1.5), pre_delay_s=0.012, early_share=0.15, high_cut_hz=6000.0, gain=0.135),
    ),
    # Fifths and octaves only: thirds would take sides between major and minor.
    drone=Drone(
        tones=(
            DroneTone(instrument="low-choir", semitones=0, level_db=-23.9),
            DroneTone(instrument="glass", semitones=12, level_db=-27.9),
            DroneTone(instrument="glass", semitones=19, level_db=-26.9),
            DroneTone(instrument="glass", semitones=24, level_db=-29.9),
        ),
        sway=0.6,
    ),
)

SOFT_STRINGS = Palette(
    sounds={
        "pad": _pad(instrument="bowed-ensemble", level_db=-17.9, typical_lufs=-32.8),
        "melody": LayerSound(
            instrument="solo-strings",
            level_db=-10.3,
            typical_lufs=-29.4,
            attack_s=(0.15, 0.02),
            release_s=(1.0, 0.2),
            pans=_MELODY_PANS,
        ),
        "bass": _low_strings(level_db=-15.4, typical_lufs=-30.3),
        "arpeggio": _plucked(
            instrument="nylon-guitar",
            level_db=-4.6,
            typical_lufs=-30.8,
            release_s=(0.6, 0.2),
            pans=_ARPEGGIO_PANS,
        ),
        "counter": _counter(instrument="solo-strings", level_db=-15.6, typical_lufs=-34.9),
        "strings": _strings(instrument="bowed-ensemble", level_db=-16.1, typical_lufs=-39.0, sway=0.25),
        "bells": _bells(instrument="celesta", level_db=-2.3, typical_lufs=-43.8),
        "air": _air(instrument="choir", level_db=-15.4, typical_lufs=-44.4),
    },
    equalizer=(EqualizerBand(850.0, 0.5, -9.0),),
    rooms=(
        Room(t60_s=(5.6, 5.1, 2.0), pre_delay_s=0.006, early_share=0.12, high_cut_hz=4500.0, gain=0.3),
        Room(t60_s=(2.4, 2.3, 1.2), pre_delay_s=0.006, early_share=0.2, high_cut_hz=4500.0, gain=0.13),
    ),
)

FELT_PIANO = Palette(
    sounds={
        "pad": _pad(instrument="bowed-ensemble", level_db=-14.0, typical_lufs=-30.3),
        "melody": _plucked(instrument="felt-piano", level_db=-0.1, typical_lufs=-30.8, release_s=(1.2, 0.3)),
        "bass": _low_strings(level_db=-12.4, typical_lufs=-29.7),
        "arpeggio": _plucked(
            instrument="felt-piano",
            level_db=-0.2,
            typical_lufs=-32.7,
            release_s=(0.8, 0.25),
            pans=(-0.3, 0.2, -0.1, 0.3),
        ),
        "counter": _counter(instrument="solo-strings", level_db=-12.8, typical_lufs=-35.4),
        "strings": _strings(instrument="bowed-ensemble", level_db=-12.9, typical_lufs=-36.2),
        "bells": _bells(instrument="celesta", level_db=0.3, typical_lufs=-43.5),
        "air": _air(instrument="breath", level_db=-17.2, typical_lufs=-42.1),
    },
    equalizer=(
        EqualizerBand(800.0, 0.5, -9.5),
        EqualizerBand(280.0, 0.7, -4.5),
        EqualizerBand(3000.0, 0.8, -4.0),
    ),
    rooms=(
        Room(t60_s=(3.6, 3.2, 1.5), pre_delay_s=0.01, early_share=0.15, high_cut_hz=6000.0, gain=0.26),
        Room(t60_s=(1.8, 1.6, 0.9), pre_delay_s=0.01, early_share=0.25, high_cut_hz=6000.0, gain=0.13),
    ),
)

CHOIR_STRINGS = Palette(
    sounds={
        "pad": _pad(instrument="low-choir", level_db=-23.1, typical_lufs=-34.6),
        "melody": LayerSound(
            instrument="solo-strings",
            level_db=-8.6,
            typical_lufs=-28.2,
            transpose=-12,
            attack_s=(0.15, 0.02),
            release_s=(1.2, 0.25),
            pans=_MELODY_PANS,
        ),
        "bass": _low_strings(level_db=-14.0, typical_lufs=-31.5),
        "arpeggio": _plucked(instrument="harp", level_db=-3.2, typical_lufs=-30.8, pans=_ARPEGGIO_PANS),
        "counter": _counter(instrument="low-choir", level_db=-18.4, typical_lufs=-37.2),
        "strings": _strings(instrument="bowed-ensemble", level_db=-14.1, typical_lufs=-35.3),
        "bells": _bells(instrument="handbells", level_db=-4.0, typical_lufs=-43.0, transpose=-12),
        "air": _air(instrument="choir", level_db=-13.9, typical_lufs=-43.2),
    },
    equalizer=(
        EqualizerBand(850.0, 0.5, -9.0),
        EqualizerBand(280.0, 0.6, -7.5),
        EqualizerBand(3200.0, 0.7, -2.5),
    ),
    rooms=(
        Room(t60_s=(6.4, 6.0, 2.4), pre_delay_s=0.02, early_share=0.06, high_cut_hz=5000.0, gain=0.4),
        Room(t60_s=(3.2, 3.0, 1.5), pre_delay_s=0.02, early_share=0.12, high_cut_hz=5000.0, gain=0.2),
    ),
)

KALIMBA_BELLS = Palette(
    sounds={
        "pad": _pad(instrument="low-choir", level_db=-19.7, typical_lufs=-29.9, sway=0.25),
        "melody": _plucked(instrument="kalimba", level_db=-6.4, typical_lufs=-32.9, pans=_MELODY_PANS),
        "bass": _sub_bass(level_db=-24.0, typical_lufs=-30.2),
        "arpeggio": _plucked(
            instrument="marimba",
            level_db=-4.3,
            typical_lufs=-31.1,
            transpose=-12,
            release_s=(1.2, 0.3),
            pans=_ARPEGGIO_PANS,
        ),
        "counter": _counter(instrument="flute", level_db=-16.2, typical_lufs=-35.7),
        "strings": _strings(instrument="glass", level_db=-21.2, typical_lufs=-35.4),
        "bells": _bells(instrument="handbells", level_db=-2.4, typical_lufs=-41.2),
        "air": _bells(instrument="singing-bowl", level_db=-5.4, typical_lufs=-40.9, voices=3, transpose=-12),
    },
    equalizer=(EqualizerBand(800.0, 0.5, -7.0), EqualizerBand(250.0, 0.6, -3.5)),
    rooms=(
        Room(t60_s=(4.6, 4.2, 2.2), pre_delay_s=0.012, early_share=0.12, high_cut_hz=7000.0, gain=0.28),
        Room(t60_s=(2.2, 2.0, 1.2), pre_delay_s=0.012, early_share=0.2, high_cut_hz=7000.0, gain=0.13),
    ),
)

DEEP_DRONE = Palette(
    sounds={
        "pad": _pad(instrument="warm-pad", level_db=-23.9, typical_lufs=-27.5, sway=0.3),
        "melody": _plucked(
            instrument="singing-bowl",
            level_db=-11.7,
            typical_lufs=-31.8,
            transpose=-12,
            release_s=(5.0, 2.0),
            pans=_MELODY_PANS,
        ),
        "bass": _sub_bass(level_db=-24.5, typical_lufs=-31.7, attack_s=(0.8, 0.2), release_s=(3.0, 1.0)),
        "arpeggio": _plucked(
            instrument="marimba",
            level_db=-12.8,
            typical_lufs=-37.5,
            transpose=-12,
            release_s=(1.5, 0.5),
            pans=_ARPEGGIO_PANS,
        ),
        "counter": _counter(instrument="low-choir", level_db=-18.9, typical_lufs=-36.5, attack_s=(1.0, 0.3)),
        "strings": _strings(instrument="choir", level_db=-16.6, typical_lufs=-35.3, transpose=-12, sway=0.3),
        "bells": _bells(instrument="singing-bowl", level_db=-8.4, typical_lufs=-41.6, transpose=-24),
        "air": _air(instrument="breath", level_db=-22.1, typical_lufs=-41.4),
    },
    equalizer=(
        EqualizerBand(950.0, 0.55, -5.0),
        EqualizerBand(280.0, 0.7, -3.2),
        EqualizerBand(95.0, 0.8, -5.0),
    ),
    rooms=(
        Room(t60_s=(6.4, 5.6, 2.4), pre_delay_s=0.015, early_share=0.05, high_cut_hz=3500.0, gain=0.42),
        Room(t60_s=(4.0, 3.6, 1.7), pre_delay_s=0.015, early_share=0.08, high_cut_hz=3500.0, gain=0.25),
    ),
    drone=Drone(
        tones=(
            DroneTone(instrument="low-choir", semitones=0, level_db=-18.4),
            DroneTone(instrument="warm-pad", semitones=7, level_db=-22.4),
            DroneTone(instrument="warm-pad", semitones=12, level_db=-22.4),
            DroneTone(instrument="low-choir", semitones=19, level_db=-26.4),
        ),
        sway=0.6,
    ),
)

BY_NAME: dict[str, Palette] = {
    "warm-pads": WARM_PADS,
    "harp-bells": HARP_BELLS,
    "soft-strings": SOFT_STRINGS,
    "felt-piano": FELT_PIANO,
    "choir-strings": CHOIR_STRINGS,
    "kalimba-bells": KALIMBA_BELLS,
    "deep-drone": DEEP_DRONE,
}


def instruments_of(palette: str) -> tuple[str, ...]:
    """Return the names of the instruments that a palette needs, each once."""
    return BY_NAME[palette].instruments
