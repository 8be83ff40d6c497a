"""The notes of a performance as files: a CSV table and a Standard MIDI File."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

import mido

from generator.score import BeatEvent, NoteEvent
from generator.state import LAYERS, TEMPO_RANGE_BPM, Metre

COLUMNS = ("time_s", "duration_s", "beat", "bar", "pitch", "velocity", "layer")


def write_events(path: Path, notes: Iterable[NoteEvent]) -> None:
    """Write notes, one a line, in the order given.

    Times have six decimals, enough to tell every sample from its neighbours.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        rest = attrgetter(*COLUMNS[2:])
        rows.writerows((f"{note.time_s:.6f}", f"{note.duration_s:.6f}", *rest(note)) for note in notes)


TICKS_PER_BEAT = 1920
"""At 30 beats a minute, the slowest tempo, a tick lasts 1.04 ms, so that rounding stays within 0.53 ms."""

PROGRAMS = {
    "pad": 89,  # Pad 2 (warm)
    "melody": 46,  # Orchestral Harp
    "bass": 35,  # Fretless Bass
    "arpeggio": 11,  # Vibraphone
    "counter": 71,  # Clarinet
    "strings": 49,  # String Ensemble 2
    "bells": 98,  # FX 3 (crystal)
    "air": 91,  # Pad 4 (choir)
}
"""General MIDI programs, counted from 0."""

_US = 1_000_000

CLOCKS_PER_QUARTER = 24
"""MIDI clocks in a quarter; a time signature says how many pass between clicks of the metronome."""


class _Span(NamedTuple):
    """A stretch of constant tempo: its first tick, its start in µs as the file has it, its µs per quarter."""

    tick: int
    start_us: float
    tempo_us: int


def midi_file(notes: Sequence[NoteEvent], beats: Sequence[BeatEvent], metre: Metre) -> mido.MidiFile:
    """Return a performance as a MIDI file of type 1: the tempo map, then one track for each layer.

    Every beat that sounded carries its own tempo, so note times agree with the events within 0.6 ms at any
    length; the tempos count quarters, as the format demands. A silence becomes whole bars of rest, and so
    does a late beginning.

    Parameters
    ----------
    notes : sequence of NoteEvent
        In any order.
    beats : sequence of BeatEvent
        In order; where there are none, 60 beats a minute are assumed.
    metre : Metre
        The time signature; the beats are its pulses.
    """
    tempo_map = _tempo_map(beats, metre)
    file = mido.MidiFile(type=1, ticks_per_beat=TICKS_PER_BEAT)
    file.tracks.append(_conductor(tempo_map, metre))
    for channel, layer in enumerate(LAYERS):
        if played := [note for note in notes if note.layer == layer]:
            file.tracks.append(_track(layer, played, channel, tempo_map))
    return file


def write_midi(path: Path, notes: Sequence[NoteEvent], beats: Sequence[BeatEvent], metre: Metre) -> None:
    """Write `midi_file` to a path."""
    midi_file(notes, beats, metre).save(path)


def _tempo_map(beats: Sequence[BeatEvent], metre: Metre) -> list[_Span]:
    pieces: list[_Span] = []
    tick, now_us = 0, 0.0
    anchors = [(beat.time_s, beat.beat, beat.tempo_bpm) for beat in beats]
    anchors[:0] = [(0.0, *anchors[0][1:])] if beats else []
    for (start_s, beat, tempo_bpm), (end_s, next_beat, _) in pairwise(anchors):
        length_us = end_s * _US - now_us  # from where the file is, so that rounding never adds up
        quarters = metre.pulse * _beats_between(next_beat - beat, end_s - start_s, tempo_bpm, metre.pulses)
        if quarters == 0.0:
            continue
        tempo_us = round(length_us / quarters)
        pieces.append(_Span(tick, now_us, tempo_us))
        tick, now_us = tick + round(quarters * TICKS_PER_BEAT), now_us + quarters * tempo_us
    last_us = round(_US * 60.0 / (beats[-1].tempo_bpm * metre.pulse)) if beats else _US
    return [*pieces, _Span(tick, now_us, last_us)]


def _beats_between(count: int, seconds: float, tempo_bpm: float, per_bar: int) -> int:
    """Return how many beats to write: those there were, and whole bars for a silence between them."""
    slowest = 60.0 / (0.9 * TEMPO_RANGE_BPM[0])
    if seconds <= slowest * count:
        return count
    bars = round((seconds * tempo_bpm / 60.0 - count) / per_bar)
    return count + per_bar * max(1, bars)


def _ticks(time_s: float, tempo_map: Sequence[_Span]) -> int:
    at_us = time_s * _US
    piece = tempo_map[max(0, bisect_right(tempo_map, at_us, key=lambda piece: piece.start_us) - 1)]
    return piece.tick + round((at_us - piece.start_us) * TICKS_PER_BEAT / piece.tempo_us)


def _conductor(tempo_map: Sequence[_Span], metre: Metre) -> mido.MidiTrack:
    track = mido.MidiTrack([mido.MetaMessage("track_name", name="tempo")])
    numerator, denominator = map(int, metre.text.split("/"))
    clicks = round(CLOCKS_PER_QUARTER * metre.pulse)
    track.append(
        mido.MetaMessage(
            "time_signature", numerator=numerator, denominator=denominator, clocks_per_click=clicks
        )
    )
    now, tempo_us = 0, 0
    for piece in tempo_map:
        if piece.tempo_us != tempo_us:
            track.append(mido.MetaMessage("set_tempo", tempo=piece.tempo_us, time=piece.tick - now))
            now, tempo_us = piece.tick, piece.tempo_us
    track.append(mido.MetaMessage("end_of_track"))
    return track


def _track(layer: str, notes: list[NoteEvent], channel: int, tempo_map: Sequence[_Span]) -> mido.MidiTrack:
    # A pitch struck again ends first: MIDI cannot hold it twice on one channel. Sorting (tick, 0 = off)
    # puts the end before the new beginning.
    events: list[tuple[int, int, int, int]] = []
    struck_again: dict[int, int] = {}
    for note in sorted(notes, key=lambda note: note.frame, reverse=True):
        on = _ticks(note.time_s, tempo_map)
        off = max(on + 1, _ticks(note.time_s + note.duration_s, tempo_map))
        off = min(off, struck_again.get(note.pitch, off))
        struck_again[note.pitch] = on
        if off > on:
            events += [(off, 0, note.pitch, 0), (on, 1, note.pitch, note.velocity)]
    track = mido.MidiTrack([mido.MetaMessage("track_name", name=layer)])
    track.append(mido.Message("program_change", channel=channel, program=PROGRAMS[layer]))
    now = 0
    for tick, _, pitch, velocity in sorted(events):
        track.append(mido.Message("note_on", channel=channel, note=pitch, velocity=velocity, time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track"))
    return track
