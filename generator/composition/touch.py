"""Touch: how loud and when exactly notes are played, as people do.

Velocities rise and fall with the phrase and the metre; times wander a little around the beat, slowly and
together; chords are rolled. The beat itself stays exact.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from math import cos, pi
from zlib import crc32

from generator.composition.notation import ScoreNote

AGOGIC_S = 0.012
"""How far the times of all layers wander around the beat together, to either side at most."""

LATEST_S, EARLIEST_S = 0.08, -0.025

# How much later than the melody a layer speaks, and each further tone of its chord after that, in seconds:
# people play a melody some 20 to 30 ms ahead of what accompanies it (Goebl 2001, doi 10.1121/1.1376133).
_LATE_S = {
    "melody": 0.0,
    "bass": 0.012,
    "pad": 0.015,
    "counter": 0.019,
    "strings": 0.027,
    "arpeggio": 0.032,
    "bells": 0.038,
    "air": 0.044,
}
_ROLL_S = {"pad": 0.0065, "strings": 0.009}
_SCATTER_S = 0.006
"""Width within which each note has its own time."""

_SCALES = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Beats between the points of the slow movements that add up: noise whose power falls with frequency."""


def keyed_fraction(*key: object) -> float:
    """Return a number from 0 to 1 that follows from the key alone."""
    return crc32("/".join(map(str, key)).encode()) / 2**32


@lru_cache(maxsize=256)
def _point(seed: int, name: str, scale: float, place: int) -> float:
    return keyed_fraction(seed, name, scale, place)


@lru_cache(maxsize=64)
def wander(seed: int, name: str, beat: float) -> float:
    """Return a number from −1 to 1 that moves slowly and a little faster, as human timing and loudness do.

    It is the mean of smooth random movements over 1 to 16 beats: near enough to 1/f noise (Hennig et al.
    2011, doi 10.1371/journal.pone.0026457).
    """
    total = 0.0
    for scale in _SCALES:
        place = beat / scale
        left = int(place)
        share = place - left
        smooth = share * share * (3.0 - 2.0 * share)
        one, other = _point(seed, name, scale, left), _point(seed, name, scale, left + 1)
        total += one + (other - one) * smooth
    return min(1.0, max(-1.0, (2.0 * total / len(_SCALES) - 1.0) * 2.0))


def arch(position: float, peak: float = 0.4) -> float:
    """Return the dynamics of a phrase at a position 0 to 1 in it: 0 at its ends, 1 at its peak.

    >>> round(arch(0.0), 2), round(arch(0.4), 2), round(arch(1.0), 2)
    (0.0, 1.0, 0.0)
    """
    place = position / peak if position < peak else (1.0 - position) / (1.0 - peak)
    return 0.5 - 0.5 * cos(pi * min(1.0, max(0.0, place)))


def touched(
    notes: Sequence[ScoreNote], *, seed: int, beat: float, strict: float, softer: float
) -> list[ScoreNote]:
    """Return the notes of a bar with the times at which a person would play them, and as loud.

    Parameters
    ----------
    notes : sequence of ScoreNote
        In order of offset, layer and pitch.
    seed : int
        Of the piece.
    beat : float
        The beat at the bar line.
    strict : float
        0 to 1: the denser the music, the less its times wander.
    softer : float
        Velocity by which all notes are softer, as the section asks for it.
    """
    rolled: Counter[tuple[str, float]] = Counter()
    played = []
    for note in notes:
        moment = note.layer, note.offset
        at = beat + note.offset
        late = _LATE_S[note.layer] + rolled[moment] * _ROLL_S.get(note.layer, 0.0)
        rolled[moment] += 1
        late += AGOGIC_S * (1.0 - 0.5 * strict) * wander(seed, "time", at)
        late += _SCATTER_S * (keyed_fraction(seed, note.layer, note.pitch, at) - 0.5)
        earliest = 0.0 if note.offset == 0.0 else EARLIEST_S
        velocity = max(1, round(note.velocity - softer))
        played.append(replace(note, nudge_s=min(LATEST_S, max(earliest, late)), velocity=velocity))
    return played
