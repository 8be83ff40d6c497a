"""What a palette's name or file stands for, and what can be wrong with a file. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from generator.state import PALETTES
from generator.synthesis.instruments.sample import Instrument
from generator.synthesis.palettes import Palette

DEFAULT_PALETTE = PALETTES[0]
"""What plays where a file does not even say what it is based on."""


class PaletteFaultReason(Enum):
    """Why a palette file cannot be used."""

    MISSING = "missing"
    """There is no such file."""

    UNREADABLE = "unreadable"
    """The system refuses to read it, or it is not text."""

    SYNTAX = "syntax"
    """It is no YAML."""

    FIELD = "field"
    """A key or value of it is wrong."""

    SOUNDFONT = "soundfont"
    """A SoundFont that it names is missing or damaged."""

    PRESET = "preset"
    """A SoundFont has no such preset."""

    RANGE = "range"
    """A preset has no samples for the notes to be played."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaletteFault:
    """The first thing that is wrong with a palette file.

    Attributes
    ----------
    reason : PaletteFaultReason
        What kind of fault it is.
    path : Path
        The file.
    line : int
        The line, from 1; 0 where it is about the file as a whole.
    key : str
        The key in that line; empty where it is about none.
    detail : str
        What was found and what would be right; empty where the reason says it all.
    """

    reason: PaletteFaultReason
    path: Path
    line: int = 0
    key: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPalette:
    """What a palette's name or file stands for.

    Attributes
    ----------
    palette : Palette
        What plays.
    instruments : mapping of str to Instrument
        Those of its instruments that are no built-in ones, by the names that the palette has for them.
    faults : tuple of PaletteFault
        All that is wrong with the file, in the order of its lines; then `palette` is a built-in one.
    instead : str
        Name of the built-in palette that plays instead of a faulty file; empty where there is no fault.
    description : str
        What the file says of itself.
    """

    palette: Palette
    instruments: Mapping[str, Instrument] = field(default_factory=dict)
    faults: tuple[PaletteFault, ...] = ()
    instead: str = ""
    description: str = ""

    @property
    def fault(self) -> PaletteFault | None:
        """The first fault; None if there is none."""
        return self.faults[0] if self.faults else None
