"""What a performance is told while it plays, and from which sample on it followed.

Piece and cues together determine every note and every sample: from them the music can be made again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from generator.errors import StateError
from generator.state import MusicState
from generator.volume import checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """A performance begins anew: its sample 0, beat 0 and bar 0 are here.

    Attributes
    ----------
    beat, bar : int
        Numbers of its first beat and bar, counted through all performances.
    fade_in_s : float
        Length of its fade-in.
    """

    beat: int
    bar: int
    fade_in_s: float


@dataclass(frozen=True, slots=True)
class End:
    """Come to an end: a cadence and a fade of so many seconds.

    Raises
    ------
    StateError
        If they are not a positive number.
    """

    fade_s: float

    def __post_init__(self) -> None:
        _check("fade_s", self.fade_s)


@dataclass(frozen=True, slots=True)
class Stop:
    """Fade out at once, within so many seconds.

    Raises
    ------
    StateError
        If they are not a positive number.
    """

    seconds: float

    def __post_init__(self) -> None:
        _check("seconds", self.seconds)


@dataclass(frozen=True, slots=True)
class Loudness:
    """Go to a master volume.

    Raises
    ------
    StateError
        If it lies outside −80 to 0 dB.
    """

    volume_db: float

    def __post_init__(self) -> None:
        checked(self.volume_db)


@dataclass(frozen=True, slots=True)
class Cue:
    """What the performance was told, effective from the sample `frame` on."""

    frame: int
    what: MusicState | Begin | End | Stop | Loudness


def _check(name: str, seconds: float) -> None:
    if not (math.isfinite(seconds) and seconds > 0.0):
        raise StateError(f"{name} is {seconds}; it must be a positive number of seconds")
