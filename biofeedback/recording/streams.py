"""Which streams a recording holds, and the rows of each."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from acquisition.streams import Kind, StreamInfo
from biofeedback.palette_files import recorded_piece
from biofeedback.recording.xdf import StreamHeader
from generator.composition.notation import FormArc, SectionKind
from generator.score import BeatEvent, NoteEnd, NoteEvent, SectionEvent
from generator.state import LAYERS, STATE_COLUMNS, STATE_FIELDS, MusicState, Piece
from physiology.baseline import WEIGHTS_VERSION
from physiology.state import Beat, PhysiologyState, Reading, Scr

Row = tuple[float, ...]

HEART_SOURCES = ("ecg", "rr", "ppg", "hr")
BREATHING_SOURCES = ("belt", "ecg-derived", "ppg-derived")

READINGS = {
    "hr": "hr_bpm",
    "hr_10s": "hr_10s_bpm",
    "rmssd": "rmssd_ms",
    "sdnn": "sdnn_ms",
    "pnn50": "pnn50",
    "scl": "scl_us",
    "scr_rate": "scr_rate_per_min",
    "phasic_auc": "phasic_auc",
    "breathing": "breathing_rate",
}
"""What stands before ``_window_s``, ``_usable`` and so on in a column's name, and its reading."""

_OF_THE_STATE = ("activation", "activation_0_100", "confidence", "heart_activation", "eda_activation")
_BEATS_READINGS = ("hr", "hr_10s", "rmssd", "sdnn", "pnn50")
_QUALITIES = tuple(name for name in READINGS if name not in {"hr", "scl"})
"""Those of heart rate and conductance level are ``hr_quality`` and ``eda_quality``."""

FEATURES = {
    "hr_bpm": "bpm",
    "hr_quality": "0-1",
    "rmssd_ms": "ms",
    "scl_uS": "uS",
    "scr_rate_per_min": "1/min",
    "phasic_auc": "uS*s",
    "eda_quality": "0-1",
    "breathing_rate": "1/min",
    "activation": "z",
    "activation_0_100": "0-100",
    "confidence": "0-1",
    "hr_10s_bpm": "bpm",
    "sdnn_ms": "ms",
    "pnn50": "%",
    "heart_activation": "z",
    "eda_activation": "z",
    "heart_source": "code",
    "breathing_source": "code",
    **{f"{name}_quality": "0-1" for name in _QUALITIES},
    **{f"{name}_window_s": "s" for name in READINGS},
    **{f"{name}_usable": "0-1" for name in READINGS},
    **{f"{name}_corrected": "0-1" for name in _BEATS_READINGS},
}
"""The columns up to ``confidence`` are those others rely on; new ones come after what is there."""

FEATURE_CODES = {
    "heart_sources": ",".join(HEART_SOURCES),
    "breathing_sources": ",".join(BREATHING_SOURCES),
    "variability": "of the pulse rate where heart_source is ppg, of the heart rate elsewhere",
    "activation": WEIGHTS_VERSION,
}
BEATS = {"id": "", "r_time_s": "s", "rr_ms": "ms", "quality": "0-1", "corrected": "0/1", "action": "code"}
SCRS = {"onset_s": "s", "peak_s": "s", "amplitude_uS": "uS"}
MUSIC = {**{name: field.unit for name, field in STATE_FIELDS.items()}, "state": "id"}
SCORE = {"beat": "beats", "bar": "bars", "tempo_bpm": "bpm", "state": "id", "frame": "samples"}
NOTES = {
    "pitch": "MIDI",
    "velocity": "MIDI",
    "duration_s": "s",
    "layer": "index",
    "beat": "beats",
    "bar": "bars",
    "frame": "samples",
}
NOTE_ENDS = {"note": "index", "duration_s": "s", "frame": "samples"}
"""A note is recorded when it begins, so that none is lost, and its length when it ends: until then the tempo
may change. `note` counts the rows of ``notes`` from 0."""

FORM = {
    "section": "index",
    "section_kind": "code",
    "bar": "bars",
    "frame": "samples",
    **{f"added_{name}": STATE_FIELDS[name].unit for name in FormArc._fields},
}
"""What the form does, apart from what is asked for, which is in ``music``: a row whenever it changes."""

SECTION_KINDS = tuple(kind.value for kind in SectionKind)

CLOCK = {"stream": "index", "source_time_s": "s", "engine_time_s": "s"}
JSON_STREAMS = ("decisions", "markers", "ratings", "commands")


def catalogue(piece: Piece, inputs: Sequence[StreamInfo]) -> tuple[StreamHeader, ...]:
    """Return every stream of a session: the raw inputs, then what is made of them.

    Parameters
    ----------
    piece : Piece
        Written into the description of ``music``, so that the music can be rebuilt from the file alone.
    inputs : sequence of StreamInfo
        In the order in which ``clock`` counts them.
    """
    names = input_names(inputs)
    constants = {name: _constant(value) for name, value in recorded_piece(piece).items()}
    return (
        *(_input(name, info) for name, info in zip(names, inputs, strict=True)),
        _header("features", "Physiology", FEATURES, rate_hz=1.0, desc=FEATURE_CODES),
        _header("beats", "Physiology", BEATS, desc={"actions": "new,moved,withdrawn,inserted"}),
        _header("scrs", "Physiology", SCRS),
        _header("music", "Music", MUSIC, desc=constants),
        _header("score", "Music", SCORE),
        _header("notes", "Music", NOTES, desc={"layers": ",".join(LAYERS)}),
        _header("note_ends", "Music", NOTE_ENDS),
        _header("form", "Music", FORM, desc={"section_kinds": ",".join(SECTION_KINDS)}),
        *(_header(name, "Markers", {"json": ""}, text=True) for name in JSON_STREAMS),
        _header("clock", "Clock", CLOCK, desc={"streams": ",".join(names)}),
    )


def _constant(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def input_names(inputs: Sequence[StreamInfo]) -> tuple[str, ...]:
    """Return the name of each input's stream: its kind, with ``_2``, ``_3`` … for further ones of a kind.

    Marks from another program are ``markers_2``: the name ``markers`` is taken by the session's own.
    """
    seen = {Kind.MARKERS: 1}
    names = []
    for info in inputs:
        seen[info.kind] = count = seen.get(info.kind, 0) + 1
        names.append(info.kind.value if count == 1 else f"{info.kind.value}_{count}")
    return tuple(names)


def distinct_labels(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels of channels, numbered where two are the same."""
    if len(set(labels)) == len(labels):
        return tuple(labels)
    return tuple(f"{label}_{number}" for number, label in enumerate(labels, start=1))


def feature_row(state: PhysiologyState) -> Row:
    """Return the columns of ``features``, NaN where there is no valid value."""
    columns: dict[str, float | None] = {
        "scl_uS": state.scl_us.value,
        "eda_quality": state.scl_us.quality,
        "heart_source": _code(state.heart_source, HEART_SOURCES),
        "breathing_source": _code(state.breathing_source, BREATHING_SOURCES),
        **{name: getattr(state, name) for name in _OF_THE_STATE},
    }
    for name, field in READINGS.items():
        reading: Reading = getattr(state, field)
        columns |= {
            field: reading.value,
            f"{name}_quality": reading.quality,
            f"{name}_window_s": reading.window_s,
            f"{name}_usable": reading.usable_share,
            f"{name}_corrected": reading.corrected_share,
        }
    return tuple(math.nan if (value := columns[label]) is None else value for label in FEATURES)


def beat_row(beat: Beat) -> Row:
    """Return the columns of ``beats``."""
    return (beat.beat_id, beat.r_time_s, beat.rr_ms, beat.quality, beat.corrected, beat.action)


def scr_row(scr: Scr) -> Row:
    """Return the columns of ``scrs``."""
    return (scr.onset_s, scr.peak_s, scr.amplitude_us)


def music_row(state: MusicState, state_id: int) -> Row:
    """Return the columns of ``music``."""
    return (*(float(getattr(state, name)) for name in STATE_COLUMNS), state_id)


def score_row(beat: BeatEvent, state_id: float) -> Row:
    """Return the columns of ``score``."""
    return (beat.beat, beat.bar, beat.tempo_bpm, state_id, beat.frame)


def note_row(note: NoteEvent) -> Row:
    """Return the columns of ``notes``; the number of the note is that of the row."""
    return (
        note.pitch,
        note.velocity,
        note.duration_s,
        LAYERS.index(note.layer),
        note.beat,
        note.bar,
        note.frame,
    )


def note_end_row(end: NoteEnd) -> Row:
    """Return the columns of ``note_ends``."""
    return (end.note, end.duration_s, end.frame)


def form_row(section: SectionEvent) -> Row:
    """Return the columns of ``form``."""
    kind = SECTION_KINDS.index(section.kind.value)
    return (section.number, kind, section.bar, section.frame, *map(float, section.arc))


def form_arc(row: Mapping[str, float]) -> FormArc:
    """Return what the form added, from the columns of ``form``."""
    density, register, brightness, layers, level_db = (row[f"added_{name}"] for name in FormArc._fields)
    return FormArc(density, register, brightness, int(layers), level_db)


def json_text(value: Any) -> str:
    """Return `value` as JSON in ASCII, with null for numbers that JSON does not have (NaN, infinities).

    ASCII because the MATLAB importer does not decode UTF-8 in samples; any JSON parser undoes it.
    """
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))


def plain(value: Any) -> Any:
    """Return `value` as JSON knows it: dataclasses as objects, NumPy's numbers as numbers, NaN as null."""
    if isinstance(value, np.generic):
        value = value.item()
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def _code(word: str | None, words: Sequence[str]) -> float | None:
    return None if word is None else float(words.index(word))


def _input(name: str, info: StreamInfo) -> StreamHeader:
    return StreamHeader(
        name=name,
        kind=info.kind.name,
        source_id=info.stream_id,
        rate_hz=float(info.rate_hz),
        labels=info.labels,
        units=(info.unit,) * len(info.labels),
        text=info.kind is Kind.MARKERS,
        desc={"source_name": info.name},
    )


def _header(
    name: str,
    kind: str,
    columns: Mapping[str, str],
    *,
    rate_hz: float = 0.0,
    text: bool = False,
    desc: Mapping[str, str] | None = None,
) -> StreamHeader:
    return StreamHeader(
        name=name,
        kind=kind,
        source_id=f"biofeedback:{name}",
        rate_hz=rate_hz,
        labels=tuple(columns),
        units=tuple(columns.values()),
        text=text,
        desc=desc or {},
    )
