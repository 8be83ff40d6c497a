"""The tables of a session: one for each stream, and one of its events, written as CSV and Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from biofeedback.exports.source import SessionSource, is_ours
from biofeedback.exports.wording import meaning
from biofeedback.recording import streams
from biofeedback.recording.reader import StoredStream
from biofeedback.recording.xdf import StreamHeader

FIRST = ("time_s", "phase", "type", "name", "event", "kind", "scale", "value", "progress", "why", "text")
"""The order of columns made of JSON; others follow in the order of the alphabet."""

IDENTIFYING = ("clock",)
"""Streams that tell the wall clock."""

UNITS = {
    **streams.FEATURES,
    **streams.BEATS,
    **streams.SCRS,
    **streams.MUSIC,
    **streams.SCORE,
    **streams.NOTES,
    **streams.NOTE_ENDS,
    **streams.FORM,
    **streams.CLOCK,
    **dict.fromkeys(("time_s", "begin_s", "end_s"), "s"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column.

    Attributes
    ----------
    name, unit, meaning : str
        What it is called, measured in, and holds.
    kind : str
        ``number``, ``text`` or ``boolean``.
    """

    name: str
    unit: str
    meaning: str
    kind: str = "number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table that is read a block at a time.

    Attributes
    ----------
    name : str
        Of the stream, or ``phases``.
    rate_hz : float
        Nominal rate; 0 for irregular streams.
    columns : tuple of Column
        ``time_s`` first, but of ``phases``.
    schema : Schema
        Names, types, and of each column unit and meaning.
    batches : callable
        Yields the rows, in blocks. Missing values are null.
    """

    name: str
    rate_hz: float
    columns: tuple[Column, ...]
    schema: pa.Schema
    batches: Callable[[], Iterator[pa.RecordBatch]]


_TYPES = {"number": pa.float64(), "text": pa.string(), "boolean": pa.bool_()}


def _schema(columns: Iterable[Column]) -> pa.Schema:
    return pa.schema(
        pa.field(column.name, _TYPES[column.kind], metadata={"unit": column.unit, "meaning": column.meaning})
        for column in columns
    )


def column_meaning(header: StreamHeader, label: str) -> str:
    """Return what a column of a stream holds, in words."""
    return meaning(label, header.name) if is_ours(header) else f"{header.kind} as measured"


def tables(source: SessionSource) -> Iterator[Table]:
    """Yield a table for each stream that holds anything, and the phases, without what may not leave."""
    for name, stream in source.streams.items():
        if not stream.places or (name in IDENTIFYING and not source.policy.identified):
            continue
        table = _of_texts(source, name) if stream.header.text else _of_numbers(source, stream)
        if table.columns:
            yield table
    rows = [{**asdict(phase), "name": source.policy.text(phase.name)} for phase in source.phases]
    if rows:
        yield _of_rows("phases", rows, list(rows[0]))


def _of_numbers(source: SessionSource, stream: StoredStream) -> Table:
    header = stream.header
    columns = [Column(name="time_s", unit="s", meaning=meaning("time_s", header.name))]
    columns += [
        Column(name=label, unit=unit, meaning=column_meaning(header, own))
        for label, own, unit in zip(source.labels(stream), header.labels, header.units, strict=True)
    ]
    schema = _schema(columns)

    def batches() -> Iterator[pa.RecordBatch]:
        for times, samples in source.blocks(stream):
            arrays = [pa.array(times)]
            arrays += [pa.array(column, mask=np.isnan(column)) for column in samples.T]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return Table(
        name=header.name, rate_hz=header.rate_hz, columns=tuple(columns), schema=schema, batches=batches
    )


def _of_texts(source: SessionSource, name: str) -> Table:
    rows = [{"time_s": time, **_flat(entry)} for time, entry in source.entries(name)]
    found = {key for row in rows for key in row}
    order = [key for key in FIRST if key in found] + sorted(found - set(FIRST))
    return _of_rows(name, rows, order)


def _flat(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with the fields of those within it beside its own: ``music.tempo_bpm``."""
    flat: dict[str, Any] = {}
    for key, value in entry.items():
        if isinstance(value, Mapping) and key in {"music", "terms", "args"}:
            flat |= {f"{key}.{field}": item for field, item in value.items()}
        else:
            flat[key] = value
    return flat


def _of_rows(name: str, rows: Sequence[Mapping[str, Any]], order: Sequence[str]) -> Table:
    kinds = {key: _kind(row.get(key) for row in rows) for key in order}
    columns = tuple(
        Column(
            name=key,
            unit=UNITS.get(key.rpartition(".")[2], "") if kinds[key] == "number" else "",
            meaning=meaning(key, name),
            kind=kinds[key],
        )
        for key in order
    )
    schema = _schema(columns)

    def batches() -> Iterator[pa.RecordBatch]:
        arrays = [
            pa.array([_cell(row.get(column.name), column.kind) for row in rows], type=field.type)
            for column, field in zip(columns, schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return Table(name=name, rate_hz=0.0, columns=columns, schema=schema, batches=batches)


def _kind(values: Iterable[Any]) -> str:
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "boolean"
    return "number" if types and types <= {int, float} else "text"


def _cell(value: Any, kind: str) -> Any:
    if value is None or kind == "boolean":
        return value
    if kind == "number":
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


ROWS_IN_GROUP = 1_000_000


def write_csv(table: Table, path: Path) -> None:
    """Write a table as CSV: names in the first line, missing values empty, decimal points, UTF-8.

    Numbers have as many digits as it takes to read the same number back, up to 17.
    """
    names = io.StringIO()
    csv.writer(names, lineterminator="\n").writerow(column.name for column in table.columns)
    options = pacsv.WriteOptions(include_header=False, quoting_style="needed")
    with path.open("wb") as file:
        file.write(names.getvalue().encode())
        with pacsv.CSVWriter(file, table.schema, write_options=options) as writer:
            for batch in table.batches():
                writer.write_batch(batch)


def write_parquet(table: Table, path: Path) -> None:
    """Write a table as Parquet: missing values null, unit and meaning in the metadata of each column."""
    schema = table.schema.with_metadata({"stream": table.name, "nominal_rate_hz": repr(table.rate_hz)})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        waiting: list[pa.RecordBatch] = []
        for batch in table.batches():
            waiting.append(batch.replace_schema_metadata(schema.metadata))
            if sum(one.num_rows for one in waiting) >= ROWS_IN_GROUP:
                writer.write_table(pa.Table.from_batches(waiting, schema))
                waiting = []
        writer.write_table(pa.Table.from_batches(waiting, schema))


KINDS = {
    "phase": "a phase of the protocol; its duration is that of the phase",
    "section": "a section of the music, where it has a form; its duration is that of the section",
    "decision": "what was asked of the music, and why",
    "marker": "something that happened, or that another program marked",
    "rating": "what the listener said of their state",
    "command": "what the therapist, the listener or a script told the session",
}

EVENT_FIELDS = {
    "decision": ("phase", "music.tempo_bpm", ("why",)),
    "marker": ("type", "", ("text", "sentence", "event")),
    "rating": ("scale", "value", ()),
    "command": ("name", "args.value", ("args",)),
}
"""Of each stream of JSON: the fields that an event's name, its value and its text are taken from."""

FOR_PROGRAMS = {"phase", "cue", "begin", "end fade"}
"""Types of markers that are told by the phases, or by the music."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEvent:
    """Something that happened.

    Attributes
    ----------
    onset_s : float
        Seconds from the session's start.
    duration_s : float or None
        None for what has none.
    kind : str
        One of `KINDS`.
    name : str
        Of the phase, the kind of section, the type of marker, the scale, the command.
    value : float or None
        What was rated or asked for.
    text : str
        In words.
    """

    onset_s: float
    duration_s: float | None = None
    kind: str
    name: str
    value: float | None = None
    text: str = ""

    @property
    def sentence(self) -> str:
        """All of it in a few words."""
        words = [self.kind, self.name, "" if self.value is None else f"{self.value:g}"]
        said = " ".join(word for word in words if word)
        return f"{said}: {self.text}" if self.text else said


def events(source: SessionSource) -> list[SessionEvent]:
    """Return what happened in order of time, as far as it may leave."""
    found = [
        SessionEvent(
            onset_s=phase.begin_s,
            duration_s=phase.duration_s,
            kind="phase",
            name=source.policy.text(phase.name),
            text=phase.kind + (", cut off" if phase.cut else ""),
        )
        for phase in source.phases
    ]
    found += [
        SessionEvent(
            onset_s=section.begin_s,
            duration_s=section.duration_s,
            kind="section",
            name=section.kind,
            text=f"number {section.number + 1}",
        )
        for section in source.sections
    ]
    for kind, (name_key, value_key, text_keys) in EVENT_FIELDS.items():
        for time, entry in source.entries(f"{kind}s"):
            name = str(entry.get(name_key, "marker" if kind == "marker" else ""))
            if kind == "marker" and name in FOR_PROGRAMS:
                continue
            value = _number(_flat(entry).get(value_key))
            text = next((entry[key] for key in text_keys if key in entry), None) or ""
            if not isinstance(text, str):
                text = json.dumps(text, ensure_ascii=False)
            found.append(SessionEvent(onset_s=time, kind=kind, name=name, value=value, text=text))
    return sorted(found, key=lambda event: (event.onset_s, list(KINDS).index(event.kind)))


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
