"""The tables of a session: one for each stream, with named columns, units and meanings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from biofeedback.exports.policy import is_ours
from biofeedback.exports.source import Source
from biofeedback.exports.wording import meaning
from biofeedback.recording import streams
from biofeedback.recording.blocks import StoredStream

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
    batches : callable
        Yields the rows, in blocks. Missing values are null.
    """

    name: str
    rate_hz: float
    columns: tuple[Column, ...]
    batches: Callable[[], Iterator[pa.RecordBatch]]

    @property
    def schema(self) -> pa.Schema:
        """Names, types, and of each column unit and meaning."""
        types = {"number": pa.float64(), "text": pa.string(), "boolean": pa.bool_()}
        return pa.schema(
            [
                pa.field(
                    column.name,
                    types[column.kind],
                    metadata={"unit": column.unit, "meaning": column.meaning},
                )
                for column in self.columns
            ]
        )


def tables(source: Source) -> Iterator[Table]:
    """Yield a table for each stream that holds anything, and the phases, without what may not leave."""
    for name, stream in source.streams.items():
        if not stream.places or (name in IDENTIFYING and not source.policy.identified):
            continue
        table = _of_texts(source, name) if stream.header.text else _of_numbers(source, stream)
        if table.columns:
            yield table
    rows = [
        {
            "name": source.policy.text(phase.name),
            "kind": phase.kind,
            "begin_s": phase.begin_s,
            "end_s": phase.end_s,
            "cut": phase.cut,
        }
        for phase in source.phases
    ]
    if rows:
        yield _of_rows("phases", rows, list(rows[0]))


def _of_numbers(source: Source, stream: StoredStream) -> Table:
    header, ours = stream.header, is_ours(stream.header)
    columns = [Column(name="time_s", unit="s", meaning=meaning("time_s", header.name))]
    for label, unit in zip(source.labels(stream), header.units, strict=True):
        words = meaning(label, header.name) if ours else f"{header.kind} as measured"
        columns.append(Column(name=label, unit=unit, meaning=words))
    table = Table(name=header.name, rate_hz=header.rate_hz, columns=tuple(columns), batches=lambda: iter(()))
    schema = table.schema

    def batches() -> Iterator[pa.RecordBatch]:
        for times, samples in source.blocks(stream):
            arrays = [pa.array(times)]
            arrays += [pa.array(column, mask=np.isnan(column)) for column in samples.T]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return replace(table, batches=batches)


def _of_texts(source: Source, name: str) -> Table:
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
    table = Table(name=name, rate_hz=0.0, columns=columns, batches=lambda: iter(()))
    schema = table.schema

    def batches() -> Iterator[pa.RecordBatch]:
        arrays = [
            pa.array([_cell(row.get(column.name), column.kind) for row in rows], type=field.type)
            for column, field in zip(columns, schema, strict=True)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    return replace(table, batches=batches)


def _kind(values: Iterable[Any]) -> str:
    types = {type(value) for value in values if value is not None}
    if types == {bool}:
        return "boolean"
    return "number" if types and types <= {int, float} else "text"


def _cell(value: Any, kind: str) -> float | bool | str | None:
    if value is None:
        return None
    if kind == "boolean":
        return bool(value)
    if kind == "number":
        return float(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
