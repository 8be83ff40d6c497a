"""The state that the music is steered by, its fields, and the constants of a piece. Needs no sound library.

>>> state = MusicState(tempo_bpm=72, mode=Mode.DORIAN.openness, layers=2)
>>> state.tempo_bpm, Mode.of(state.mode).name
(72, 'DORIAN')
>>> STATE_FIELDS["tempo_bpm"].low, STATE_FIELDS["tempo_bpm"].high, STATE_FIELDS["tempo_bpm"].unit
(30.0, 140.0, 'bpm')
>>> MusicState(density=1.5)
Traceback (most recent call last):
    ...
generator.errors.StateError: density is 1.5; it must lie between 0 and 1
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from typing import Any
from zlib import crc32

from generator.errors import StateError

BEATS_PER_BAR = 4
PITCH_CLASSES = 12
MODE_TOLERANCE = 1e-3
"""A mode is recognised from a number this near to its openness, as files round it."""

REFERENCE_LUFS = -23.0
LAYERS = ("pad", "melody", "bass", "arpeggio", "counter", "strings", "bells", "air")
"""Layers in the order in which they enter as ``layers`` rises from 1 to 8."""

PALETTES = (
    "warm-pads",
    "harp-bells",
    "soft-strings",
    "felt-piano",
    "choir-strings",
    "kalimba-bells",
    "deep-drone",
)

NATURES = ("none", "rain", "stream", "wind", "sea", "night")
"""Nature sounds that may be played under the music."""

EARLIER_NATURES = {"water": "stream"}
"""Earlier names of nature sounds, as protocols, preferences and recordings may have them, and today's."""

NATURE_RANGE_DB = (-30.0, -6.0)

FORMS = ("none", "gentle", "full")
"""How far the sections of a piece may depart from what is asked for: not at all, a little, clearly."""

TONAL_PLANS = ("none", "related")
"""Whether the sections of a piece stay on its tonic, or visit related ones."""

PLAYBACKS = ("loudspeakers", "headphones")
"""What the music is heard by; for headphones the sides are mixed a little, as loudspeakers do."""

ANY_METRE = "any"
"""The metre follows from the seed."""

VOLUME_RANGE_DB = (-40.0, 0.0)
"""What a person may set: the comfortable level, and the volume relative to it."""

SILENT_GAIN_DB = 2.0 * VOLUME_RANGE_DB[0]
"""Gain at the lowest volume below the lowest comfortable level, and while muted: nothing is heard."""

SOUNDS = (*LAYERS, *NATURES[1:])
"""Everything that a listener may ask not to hear."""


def current_sound(name: str) -> str:
    """Return today's name of a sound that may have its earlier one (`EARLIER_NATURES`)."""
    return EARLIER_NATURES.get(name, name)


def check_known(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    """Raise StateError for the first of the names that is not among those known."""
    for name in names:
        if name not in known:
            raise StateError(f"{kind} {name!r} does not exist; there are {', '.join(known)}")


PALETTE_SUFFIXES = (".yaml", ".yml")


def is_palette_file(palette: str) -> bool:
    """Return whether a palette is the path of a file, and not the name of a built-in one."""
    return palette.lower().endswith(PALETTE_SUFFIXES)


def check_palette(palette: str) -> None:
    """Raise StateError unless a palette is one of `PALETTES` or may be the path of a palette file."""
    if not (palette in PALETTES or is_palette_file(palette)):
        raise StateError(
            f"palette {palette!r} does not exist; there are {', '.join(PALETTES)}, and files of one's own "
            f"whose names end in {' or '.join(PALETTE_SUFFIXES)}"
        )


def check_seconds(name: str, seconds: float) -> None:
    """Raise StateError unless a length of time is positive and finite."""
    if not 0.0 < seconds < math.inf:
        raise StateError(f"{name} is {seconds}; it must be a positive number of seconds")


class PlayedSound(StrEnum):
    """What a player makes sound."""

    MUSIC = "music"
    """The piece, with its nature sound."""

    NATURE = "nature"
    """The piece's nature sound alone, as loud as under the music."""

    REFERENCE_NOISE = "reference noise"
    """Pink noise of the reference loudness, to be measured."""


class SoundCondition(StrEnum):
    """How the sound of a player is doing."""

    ON = "on"
    RESTARTING = "restarting"
    """The process is gone; another one is starting, or still fading in."""

    LOST = "lost"
    """Gone for good."""


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
        """Return the mode of that openness (within `MODE_TOLERANCE`) or name.

        Raises
        ------
        StateError
            Naming the modes there are.
        """
        for mode in cls:
            if isinstance(value, str):
                if value.strip().lower() == mode.name.lower():
                    return mode
            elif abs(value - mode.openness) <= MODE_TOLERANCE:
                return mode
        known = ", ".join(f"{mode.openness:g} {mode.name.lower()}" for mode in cls)
        raise StateError(f"mode {value!r} does not exist; the modes are {known}")


class Metre(Enum):
    """A metre: its name, quarters in a bar, and quarters in a pulse, the beat that the tempo counts.

    >>> Metre.of("6/8").bar, Metre.of("6/8").pulse, Metre.of("6/8").pulses
    (3.0, 1.5, 2)
    """

    COMMON = ("4/4", 4.0, 1.0)
    WALTZ = ("3/4", 3.0, 1.0)
    COMPOUND = ("6/8", 3.0, 1.5)

    def __init__(self, text: str, bar: float, pulse: float) -> None:
        self.text = text
        self.bar = bar
        self.pulse = pulse

    @property
    def pulses(self) -> int:
        """How many pulses a bar has."""
        return round(self.bar / self.pulse)

    @classmethod
    def of(cls, text: str) -> Metre:
        """Return the metre of that name.

        Raises
        ------
        StateError
            Naming the metres there are.
        """
        for metre in cls:
            if metre.text == text:
                return metre
        raise StateError(f"metre {text!r} does not exist; there are {', '.join(each.text for each in cls)}")


METRES = (*(metre.text for metre in Metre), ANY_METRE)


class FieldKind(StrEnum):
    """How a field of `MusicState` behaves between two rows of a trajectory."""

    CONTINUOUS = "continuous"
    """Interpolated linearly."""

    STEPPED = "stepped"
    """One of several values, held until the next row."""

    FLAG = "flag"
    """True or false, held until the next row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateField:
    """Description of one field of `MusicState`. It holds no text for users.

    Attributes
    ----------
    name : str
        The attribute, and the column of a trajectory.
    kind : FieldKind
        Continuous, stepped or flag.
    low, high : float
        Smallest and largest value.
    unit : str
        Unit of the recorded column: ``bpm``, ``dB``, ``1/min``, ``count``, ``0-1`` or ``0/1``.
    default : float
        Value where nothing is given.
    values : tuple of float
        The only values of a stepped field, ascending; empty for the others.
    """

    name: str
    kind: FieldKind = FieldKind.CONTINUOUS
    low: float
    high: float
    unit: str
    default: float
    values: tuple[float, ...] = ()

    def check(self, value: float) -> None:
        """Check a value.

        Raises
        ------
        StateError
            If the field cannot have it; the message says what would be right.
        """
        if self.name == "mode":
            Mode.of(value)
        elif not (math.isfinite(value) and self.low <= value <= self.high):
            raise StateError(f"{self.name} is {value:g}; it must lie between {self.low:g} and {self.high:g}")
        elif self.values and value not in self.values:
            raise StateError(f"{self.name} is {value}; it must be a whole number")


def _described(default: float, low: float, high: float, unit: str, **more: Any) -> Any:
    """Return a dataclass field that describes itself; `STATE_FIELDS` collects the descriptions."""
    return field(default=default, metadata={"low": low, "high": high, "unit": unit, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicState:
    """A target for the music; the player reaches it at the next musical boundary.

    The declarations below are the only list of the fields, their ranges and units; see `STATE_FIELDS`.

    Attributes
    ----------
    tempo_bpm : float
        Pulses of the metre per minute: quarter notes, in 6/8 dotted quarter notes.
    mode : float
        Openness of the mode: 0, .2, .4, .6, .8 or 1 (phrygian … lydian).
    density, register, brightness, articulation : float
        How many notes, how high, how bright of timbre, how detached.
    layers : int
        How many of `LAYERS` play, in their order; one enters with every bar.
    level_db : float
        Relative to the session's reference loudness of −23 LUFS.
    breath_rate : float
        Swells per minute, 0 for none.
    breath_depth : float
        1 is 4 dB peak to peak.
    sounding : bool
        False asks for silence.

    Raises
    ------
    StateError
        For a value outside its range or not finite.
    """

    tempo_bpm: float = _described(60.0, 30.0, 140.0, "bpm")
    mode: float = _described(
        0.6, 0.0, 1.0, "0-1", kind=FieldKind.STEPPED, values=tuple(mode.openness for mode in Mode)
    )
    density: float = _described(0.4, 0.0, 1.0, "0-1")
    register: float = _described(0.5, 0.0, 1.0, "0-1")
    brightness: float = _described(0.4, 0.0, 1.0, "0-1")
    articulation: float = _described(0.2, 0.0, 1.0, "0-1")
    layers: int = _described(
        3, 1, len(LAYERS), "count", kind=FieldKind.STEPPED, values=tuple(range(1, len(LAYERS) + 1))
    )
    level_db: float = _described(0.0, -18.0, 0.0, "dB")
    breath_rate: float = _described(0.0, 0.0, 30.0, "1/min")
    breath_depth: float = _described(0.0, 0.0, 1.0, "0-1")
    sounding: bool = _described(True, 0, 1, "0/1", kind=FieldKind.FLAG)

    def __post_init__(self) -> None:
        for name, described in STATE_FIELDS.items():
            described.check(getattr(self, name))


STATE_FIELDS = {
    each.name: StateField(**{"name": each.name, "default": each.default, **each.metadata})
    for each in fields(MusicState)
}
"""Every field of `MusicState` by name, in its order."""

STATE_COLUMNS = tuple(STATE_FIELDS)

RANGES: dict[str, tuple[float, float]] = {
    name: (described.low, described.high)
    for name, described in STATE_FIELDS.items()
    if described.kind is not FieldKind.FLAG and name != "mode"
}
"""The range of every numeric field but ``mode``, which has six values only."""

TEMPO_RANGE_BPM = RANGES["tempo_bpm"]
LEVEL_RANGE_DB = RANGES["level_db"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The constants of a session's music: tonic, palette, nature sound, metre, form, seed.

    Attributes
    ----------
    tonic : int
        Pitch class, 0 (C) to 11 (B).
    palette : str
        One of `PALETTES`, or the path of a palette file.
    nature : str
        One of `NATURES`; an earlier name of one becomes today's.
    nature_db : float
        Loudness of the nature sound relative to the music, −30 to −6 dB.
    unwanted : tuple of str
        `LAYERS` that never sound; the next ones in the order enter in their place.
    register_range : tuple of (float, float)
        Limits to which the register asked for is clipped, 0 to 1.
    metre : str
        One of `METRES`; ``any`` lets the seed choose.
    form, tonal_plan : str
        One of `FORMS`; one of `TONAL_PLANS`.
    playback : str
        One of `PLAYBACKS`.
    seed : int
        Every random choice follows from it.

    Raises
    ------
    StateError
        For an unknown palette, nature sound, layer, metre, form, tonal plan or playback, if no layer is left,
        for a tonic outside 0 to 11, a nature level outside its range, or limits that are not a range.
    """

    tonic: int = 0
    palette: str = PALETTES[0]
    nature: str = NATURES[0]
    nature_db: float = -12.0
    unwanted: tuple[str, ...] = ()
    register_range: tuple[float, float] = (0.0, 1.0)
    metre: str = Metre.COMMON.text
    form: str = FORMS[0]
    tonal_plan: str = TONAL_PLANS[0]
    playback: str = PLAYBACKS[0]
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.tonic < PITCH_CLASSES:
            raise StateError(f"tonic is {self.tonic}; it must lie between 0 (C) and 11 (B)")
        check_palette(self.palette)
        object.__setattr__(self, "nature", current_sound(self.nature))
        check_known("nature", [self.nature], NATURES)
        low, high = NATURE_RANGE_DB
        if not low <= self.nature_db <= high:
            raise StateError(f"nature_db is {self.nature_db}; it must lie between {low:g} and {high:g}")
        check_known("layer", self.unwanted, LAYERS)
        check_known("metre", [self.metre], METRES)
        check_known("form", [self.form], FORMS)
        check_known("tonal plan", [self.tonal_plan], TONAL_PLANS)
        check_known("playback", [self.playback], PLAYBACKS)
        if not self.layers:
            raise StateError("no layer is left: at least one must be wanted")
        lowest, highest = self.register_range
        if not 0.0 <= lowest <= highest <= 1.0:
            raise StateError(f"register_range is {lowest} to {highest}; it must lie between 0 and 1")

    @property
    def bar_metre(self) -> Metre:
        """The metre; where the seed chooses, the same for the same seed."""
        if self.metre == ANY_METRE:
            return tuple(Metre)[crc32(str(self.seed).encode()) % len(Metre)]
        return Metre.of(self.metre)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that may sound, in the order in which they enter."""
        return tuple(name for name in LAYERS if name not in self.unwanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterVolume:
    """The one gain that a person sets, last before the ear and never above 0 dB.

    Attributes
    ----------
    comfort_db : float
        The level that the listener confirmed as comfortable, −40 to 0 dB.
    db : float
        The volume relative to it, −40 to 0 dB.
    muted : bool
        Whether the music is held: it is silent, and returns to the same volume.

    Raises
    ------
    StateError
        For a level outside its range.

    Examples
    --------
    >>> MasterVolume(comfort_db=-10, db=-6).gain_db
    -16
    """

    comfort_db: float = 0.0
    db: float = 0.0
    muted: bool = False

    def __post_init__(self) -> None:
        low, high = VOLUME_RANGE_DB
        for value in (self.comfort_db, self.db):
            if not (math.isfinite(value) and low <= value <= high):
                raise StateError(f"volume is {value} dB; it must lie between {low:g} and {high:g}")

    @property
    def gain_db(self) -> float:
        """The gain of the sound, `SILENT_GAIN_DB` to 0."""
        return SILENT_GAIN_DB if self.muted else self.comfort_db + self.db

    @classmethod
    def of_gain(cls, gain_db: float) -> MasterVolume:
        """Return a volume that has exactly this gain, as recordings keep it.

        Raises
        ------
        StateError
            If it lies outside `SILENT_GAIN_DB` to 0.
        """
        if not SILENT_GAIN_DB <= gain_db <= 0.0:
            raise StateError(f"gain is {gain_db} dB; it must lie between {SILENT_GAIN_DB:g} and 0")
        db = max(gain_db, VOLUME_RANGE_DB[0])
        return cls(comfort_db=gain_db - db, db=db)
