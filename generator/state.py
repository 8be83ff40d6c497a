"""What may be asked of the music. Nothing here knows pyo or a composer."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from enum import Enum

from generator.errors import StateError

TEMPO_RANGE_BPM = (30.0, 140.0)
LEVEL_RANGE_DB = (-18.0, 0.0)
REFERENCE_LUFS = -23.0
LAYERS = ("pad", "melody", "bass", "arpeggio", "counter", "strings", "bells", "air")
"""Layers in the order in which they enter as ``layers`` rises from 1 to 8."""

PALETTES = ("warm-pads", "harp-bells", "soft-strings")

NATURES = ("none", "wind", "water", "rain")
"""What may lie under the music."""

NATURE_RANGE_DB = (-30.0, -6.0)


class Mode(Enum):
    """A church mode: its openness 0 (phrygian) to 1 (lydian) and its steps above the tonic."""

    PHRYGIAN = (0.0, (0, 1, 3, 5, 7, 8, 10))
    AEOLIAN = (0.2, (0, 2, 3, 5, 7, 8, 10))
    DORIAN = (0.4, (0, 2, 3, 5, 7, 9, 10))
    MIXOLYDIAN = (0.6, (0, 2, 4, 5, 7, 9, 10))
    IONIAN = (0.8, (0, 2, 4, 5, 7, 9, 11))
    LYDIAN = (1.0, (0, 2, 4, 6, 7, 9, 11))

    def __init__(self, openness: float, steps: tuple[int, ...]) -> None:
        self.openness = openness
        self.steps = steps

    @classmethod
    def of(cls, value: float | str) -> Mode:
        """Return the mode of that openness (within 0.001) or name.

        Raises
        ------
        StateError
            Naming the modes there are.
        """
        for mode in cls:
            if isinstance(value, str):
                if value.strip().lower() == mode.name.lower():
                    return mode
            elif abs(value - mode.openness) <= 1e-3:
                return mode
        known = ", ".join(f"{mode.openness:g} {mode.name.lower()}" for mode in cls)
        raise StateError(f"mode {value!r} does not exist; the modes are {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicState:
    """A target for the music; the player reaches it at the next musical boundary.

    Attributes
    ----------
    tempo_bpm : float
        Quarter notes per minute, 30 to 140.
    mode : float
        Openness of the mode: 0, .2, .4, .6, .8 or 1 (phrygian … lydian).
    density, register, brightness, articulation : float
        0 to 1: how many notes, how high, how bright of timbre, how detached.
    layers : int
        1 to 8, entering in the order of `LAYERS`, one with every bar.
    level_db : float
        −18 to 0, relative to the session's reference loudness of −23 LUFS.
    breath_rate : float
        Swells per minute, 0 (none) to 30.
    breath_depth : float
        0 to 1; 1 is 4 dB peak to peak.
    sounding : bool
        False asks for silence.

    Raises
    ------
    StateError
        For a value outside its range or not finite.
    """

    tempo_bpm: float = 60.0
    mode: float = 0.6
    density: float = 0.4
    register: float = 0.5
    brightness: float = 0.4
    articulation: float = 0.2
    layers: int = 3
    level_db: float = 0.0
    breath_rate: float = 0.0
    breath_depth: float = 0.0
    sounding: bool = True

    def __post_init__(self) -> None:
        Mode.of(self.mode)
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and low <= value <= high):
                raise StateError(f"{name} is {value}; it must lie between {low:g} and {high:g}")
        if self.layers != int(self.layers):
            raise StateError(f"layers is {self.layers}; it must be a whole number")


RANGES: dict[str, tuple[float, float]] = {
    "tempo_bpm": TEMPO_RANGE_BPM,
    "density": (0.0, 1.0),
    "register": (0.0, 1.0),
    "brightness": (0.0, 1.0),
    "articulation": (0.0, 1.0),
    "layers": (1, len(LAYERS)),
    "level_db": LEVEL_RANGE_DB,
    "breath_rate": (0.0, 30.0),
    "breath_depth": (0.0, 1.0),
}
"""The range of every numeric field but ``mode``, which has six values only."""

STATE_COLUMNS = tuple(field.name for field in fields(MusicState))


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What stays the same through a session: 4/4, a tonic, a palette, what lies under it, a seed.

    Attributes
    ----------
    tonic : int
        Pitch class, 0 (C) to 11 (B).
    palette : str
        One of `PALETTES`.
    nature : str
        One of `NATURES`: a bed of sound under the music.
    nature_db : float
        Its loudness relative to the music's, −30 to −6 dB.
    unwanted : tuple of str
        `LAYERS` that never sound; those after them in the order enter in their stead.
    register_range : tuple of (float, float)
        Bounds within which the register asked for is kept, 0 to 1.
    seed : int
        Every random choice follows from it.

    Raises
    ------
    StateError
        For an unknown palette, bed or layer, layers none of which may sound, a tonic outside 0 to 11, a level
        of the bed outside its range, or bounds that are not a range.
    """

    tonic: int = 0
    palette: str = PALETTES[0]
    nature: str = NATURES[0]
    nature_db: float = -12.0
    unwanted: tuple[str, ...] = ()
    register_range: tuple[float, float] = (0.0, 1.0)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.tonic <= 11:
            raise StateError(f"tonic is {self.tonic}; it must lie between 0 (C) and 11 (B)")
        if self.palette not in PALETTES:
            raise StateError(f"palette {self.palette!r} does not exist; there are {', '.join(PALETTES)}")
        if self.nature not in NATURES:
            raise StateError(f"nature {self.nature!r} does not exist; there are {', '.join(NATURES)}")
        low, high = NATURE_RANGE_DB
        if not low <= self.nature_db <= high:
            raise StateError(f"nature_db is {self.nature_db}; it must lie between {low:g} and {high:g}")
        if unknown := [name for name in self.unwanted if name not in LAYERS]:
            raise StateError(f"layer {unknown[0]!r} does not exist; there are {', '.join(LAYERS)}")
        if not self.layers:
            raise StateError("no layer is left: at least one must be wanted")
        lowest, highest = self.register_range
        if not 0.0 <= lowest <= highest <= 1.0:
            raise StateError(f"register_range is {lowest} to {highest}; it must lie between 0 and 1")

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that may sound, in the order in which they enter."""
        return tuple(name for name in LAYERS if name not in self.unwanted)


BEATS_PER_BAR = 4
