"""The events that steer a player, each with the sample from which it is in force.

The piece and these events determine every note and every sample, so that a session's music can be rebuilt
from them.
"""

from __future__ import annotations

from dataclasses import dataclass

from generator.state import MasterVolume, MusicState, check_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackBegin:
    """A performance begins: its sample 0, beat 0 and bar 0 are here.

    Attributes
    ----------
    beat, bar : int
        Numbers of its first pulse (`BeatEvent.beat`) and bar, counted through the whole session.
    fade_in_s : float
        Length of its fade-in.
    """

    beat: int
    bar: int
    fade_in_s: float


@dataclass(frozen=True, slots=True)
class EndRequest:
    """Come to an end: a cadence, and a fade of `fade_s` seconds.

    Raises
    ------
    StateError
        If they are not a positive number.
    """

    fade_s: float

    def __post_init__(self) -> None:
        check_seconds("fade_s", self.fade_s)


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Fade out at once, within so many seconds.

    Raises
    ------
    StateError
        If they are not a positive number.
    """

    seconds: float

    def __post_init__(self) -> None:
        check_seconds("seconds", self.seconds)


@dataclass(frozen=True, slots=True)
class VolumeRequest:
    """Go to a gain of the master volume, as `MasterVolume.gain_db` gives it.

    Raises
    ------
    StateError
        If it lies outside −80 to 0 dB.
    """

    volume_db: float

    def __post_init__(self) -> None:
        MasterVolume.of_gain(self.volume_db)


PlayerAction = MusicState | PlaybackBegin | EndRequest | StopRequest | VolumeRequest


@dataclass(frozen=True, slots=True)
class PlayerEvent:
    """An action, in force from the sample `frame` on. A MusicState is the new target of the music."""

    frame: int
    action: PlayerAction
