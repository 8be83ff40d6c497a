"""The end: a chord that leads home, the tonic that lands, and its ringing until nothing is heard."""

from __future__ import annotations

from generator.bass import Line
from generator.ground import Ground, part
from generator.notation import ScoreNote
from generator.state import BEATS_PER_BAR, MusicState

_ROLL = (0.0, 0.5, 1.0, 1.75)
"""Beats at which the last chord is rolled upwards."""

BELL_BEATS = 2.0


def way_home(
    ground: Ground, line: Line, *, lowest: str, pitch: int, beats: float, state: MusicState
) -> list[ScoreNote]:
    """Return so many beats of the chord before the last, or of what of its predecessor still sounds."""
    notes = part("melody", [(beats / 2, beats / 2, pitch)], 46, state.articulation)
    notes += part(lowest, line, 50)
    if ground.fresh:
        notes += part("pad", [(0.0, beats, tone) for tone in sorted(set(ground.pad))], 46)
        notes += part("strings", [(0.0, beats, tone) for tone in sorted(set(ground.strings))], 36)
    return notes


def home(ground: Ground, *, land: float, beats: float, pitch: int, low: int, lowest: str) -> list[ScoreNote]:
    """Return the tonic chord from beat `land` on, ringing until `beats` after the bar line."""
    rest = beats - land

    def ring(layer: str, pitches: tuple[int, ...], velocity: int) -> list[ScoreNote]:
        return part(layer, [(land, rest, tone) for tone in sorted(set(pitches))], velocity)

    bottom = ground.pad[0] + 5
    rolled = ground.scale.pitches(ground.chord.degrees, bottom, bottom + 24)[: len(_ROLL)]
    tonic = ground.scale.pitches((0,), 79, 90)[0]
    notes = ring(lowest, (low,), 50)
    notes += ring("pad", ground.pad, 46)
    notes += ring("melody", (pitch,), 48)
    notes += ring("strings", ground.strings, 36)
    notes += ring("air", (ground.scale.pitches((0,), 67, 78)[0],), 32)
    notes += ring("counter", (ground.scale.pitches((4, 2), max(52, low + 7), 66)[0],), 38)
    for late, tone in zip(_ROLL, rolled, strict=False):
        if land + late < BEATS_PER_BAR:
            notes += part("arpeggio", [(land + late, rest - late, tone)], 36)
    if land + BELL_BEATS < BEATS_PER_BAR:
        notes += part("bells", [(land + BELL_BEATS, rest - BELL_BEATS, tonic)], 36)
    return notes
