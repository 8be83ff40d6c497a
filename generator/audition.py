"""Auditions: a palette, or a nature sound alone, for 20 s, to choose by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from generator.render import render
from generator.state import NATURES, Mode, MusicState, Piece, PlayedSound
from generator.trajectory import Trajectory

AUDITION_S = 20.0
FADES_S = (1.0, 3.0)
"""Of the beginning and of the end."""

AUDITION_SEED = 1
"""Both tune and accompaniment are heard from the first bar on."""

_TEMPO_BPM = 76.0
_ROWS = (
    # Layers enter at a bar, 3.2 s here, and take three bars to rise.
    # s, layers, density, register, brightness, articulation
    (0.0, 2, 0.3, 0.45, 0.35, 0.15),
    (2.5, 4, 0.4, 0.48, 0.42, 0.2),
    (5.5, 6, 0.5, 0.5, 0.5, 0.25),
    (AUDITION_S, 6, 0.6, 0.55, 0.62, 0.3),
)
"""Calm at first, with pad and melody; then six layers, and a little brighter."""


class Audition(NamedTuple):
    """What is played in an audition.

    Attributes
    ----------
    piece : Piece
        With its palette and nature sound.
    plays : PlayedSound
        What sounds of it.
    """

    piece: Piece
    plays: PlayedSound


def palette_audition(palette: str, *, nature: str = NATURES[0], seed: int = AUDITION_SEED) -> Audition:
    """Return the audition of a palette, with a nature sound under it or without.

    Raises
    ------
    StateError
        If there is no such palette or nature sound.
    """
    return Audition(Piece(palette=palette, nature=nature, seed=seed), PlayedSound.MUSIC)


def bed_audition(nature: str, *, seed: int = AUDITION_SEED) -> Audition:
    """Return the audition of a nature sound alone, as loud as it is under the music.

    Raises
    ------
    StateError
        If there is no such nature sound.
    """
    return Audition(Piece(nature=nature, seed=seed), PlayedSound.NATURE)


def audition_states(seconds: float = AUDITION_S) -> Trajectory:
    """Return the states that an audition of some length passes through."""
    times = tuple(time_s * seconds / AUDITION_S for time_s, *_ in _ROWS)
    states = tuple(
        MusicState(
            tempo_bpm=_TEMPO_BPM,
            mode=Mode.IONIAN.openness,
            layers=layers,
            density=density,
            register=register,
            brightness=brightness,
            articulation=articulation,
        )
        for _, layers, density, register, brightness, articulation in _ROWS
    )
    return Trajectory(times, states)


def render_audition(
    audition: Audition,
    wav: Path,
    *,
    seconds: float = AUDITION_S,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Render an audition.

    Parameters
    ----------
    audition : Audition
        What is played.
    wav : Path
        The file, WAV or FLAC by its ending.
    seconds : float
        Its length, with the fades.
    progress : callable, optional
        Called with the share done, 0 to 1.

    Raises
    ------
    SoundError
        If the sound engine does not start, or the file cannot be written.
    """
    piece, plays = audition
    states = audition_states(seconds)
    render(states, piece, seconds, wav=wav, plays=plays, fades_s=FADES_S, progress=progress)
