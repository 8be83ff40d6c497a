"""Sessions as one BIDS data set (Brain Imaging Data Structure 1.11, ``beh/``)."""

from __future__ import annotations

import csv
import gzip
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from biofeedback.exports.edf import Grid, effective_rate, runs
from biofeedback.exports.source import SessionSource, is_ours
from biofeedback.exports.tables import KINDS, Table, column_meaning, events, tables
from biofeedback.exports.wording import USE
from biofeedback.recording.reader import StoredStream
from biofeedback.recording.xdf import FloatArray

BIDS_VERSION = "1.11.1"
STANDARD_COLUMNS = {"ECG": "cardiac", "PPG": "cardiac", "RSP": "respiratory"}
"""Names the specification has for columns of physiological recordings."""

EVENT_COLUMNS = {
    "onset": {"Description": "Seconds from the session's start.", "Units": "s"},
    "duration": {"Description": "Length; n/a for what has none.", "Units": "s"},
    "trial_type": {"Description": "What kind of event.", "Levels": KINDS},
    "name": {
        "Description": "Of a phase or command; kind of a section; type of a marker; scale of a rating; phase "
        "of a decision."
    },
    "value": {"Description": "What was rated or asked for; of a decision the tempo asked for, in bpm."},
    "text": {"Description": "In words: kind of a phase, reason of a decision, arguments of a command."},
}


def task_of(source: SessionSource) -> str:
    """Return the protocol's name as a BIDS label: letters and digits only."""
    return re.sub(r"[^A-Za-z0-9]", "", source.protocol_id) or "unknown"


def write_session(source: SessionSource, folder: Path) -> None:
    """Write one session's files below a data set."""
    beh = folder / source.place / "beh"
    beh.mkdir(parents=True)
    stem = f"{source.name}_task-{task_of(source)}"
    _write_events(source, beh / f"{stem}_events.tsv")
    for stream in source.streams.values():
        if stream.header.rate_hz > 0 and stream.places and not stream.header.text:
            recording = re.sub(r"[^A-Za-z0-9]", "", stream.header.name)
            _write_physio(source, stream, beh / f"{stem}_recording-{recording}_physio.tsv.gz")
    for table in tables(source):
        if table.rate_hz == 0 and table.name != "phases":
            acquired = re.sub(r"[^A-Za-z0-9]", "", table.name)
            _write_table(source, table, beh / f"{stem}_acq-{acquired}_beh.tsv")


def write_dataset(folder: Path, sources: Sequence[SessionSource], *, version: str) -> None:
    """Write what describes the data set as a whole; its README is written with those of other formats."""
    subjects = {source.subject: source for source in sources}
    description = {
        "Name": "Sessions of adaptive music with physiological recordings",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "biofeedback-music", "Version": version, "Description": USE}],
        "SourceDatasets": [{"Version": "see sourcedata/provenance.json"}],
    }
    write_json(folder / "dataset_description.json", description)
    known = any(source.client for source in sources)
    rows = [
        {
            "participant_id": f"sub-{subject}",
            "known": "yes" if source.client else "no",
            **({"client": source.client or "n/a"} if source.policy.identified and known else {}),
        }
        for subject, source in sorted(subjects.items())
    ]
    _write_tsv(folder / "participants.tsv", list(rows[0]), (list(row.values()) for row in rows))
    columns = {
        "participant_id": {"Description": "Number in this data set; it means nothing elsewhere."},
        "known": {
            "Description": "Whether it is known who it was. If not, each session has its own participant.",
            "Levels": {"yes": "all sessions of one person bear this number", "no": "may be anyone"},
        },
    }
    if "client" in rows[0]:
        columns["client"] = {"Description": "The client's code."}
    write_json(folder / "participants.json", columns)
    (folder / "CHANGES").write_text("1.0.0 Unknown Release Date\n  - ExportResult.\n", encoding="utf-8")


def _write_events(source: SessionSource, path: Path) -> None:
    rows = (
        [
            repr(event.onset_s),
            _number(event.duration_s),
            event.kind,
            event.name or "n/a",
            _number(event.value),
            " ".join(event.text.split()) or "n/a",
        ]
        for event in events(source)
    )
    _write_tsv(path, list(EVENT_COLUMNS), rows)
    shown_by = {"StimulusPresentation": {"SoftwareName": "biofeedback-music"}}
    write_json(path.with_suffix(".json"), {**_task(source), **shown_by, **EVENT_COLUMNS})


def _write_physio(source: SessionSource, stream: StoredStream, path: Path) -> None:
    """Write a regular stream: one line for each period, ``n/a`` where there is no sample."""
    header = stream.header
    rate_hz, first_s = _rate_of(source, stream)
    grid = Grid(rate_hz, period_s=1.0 / header.rate_hz, origin_s=first_s)
    with path.open("wb") as raw, gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as file:
        for times, samples in source.blocks(stream):
            written = grid.next_slot
            slots, _ = grid.place(times)
            lines = np.full((grid.next_slot - written, samples.shape[1]), np.nan)
            lines[slots - written] = samples
            file.write(_lines(lines))
    labels = _columns(source, stream)
    described = {
        label: _described(column_meaning(header, own), unit)
        for label, own, unit in zip(labels, header.labels, header.units, strict=True)
    }
    sidecar = {
        **_task(source),
        "SamplingFrequency": rate_hz,
        "StartTime": first_s,
        "Columns": labels,
        "PhysioType": "generic",
        "SamplingFrequencyNominal": header.rate_hz,
        "TimeStampDeviation": grid.deviation_s,
        **described,
    }
    write_json(path.with_suffix("").with_suffix(".json"), sidecar)


def _rate_of(source: SessionSource, stream: StoredStream) -> tuple[float, float]:
    """Return the rate that a stream's stamps follow, and its first stamp."""
    nominal_hz = stream.header.rate_hz
    stretches: list[tuple[float, float, int]] = []
    before_s: float | None = None
    for times, _ in source.blocks(stream):
        for part, after_gap in runs(times, before_s, 1.0 / nominal_hz):
            first_s, last_s, count = float(times[part][0]), float(times[part][-1]), times[part].size
            if not after_gap:
                first_s, _, had = stretches.pop()
                count += had
            stretches.append((first_s, last_s, count))
        before_s = float(times[-1])
    return effective_rate(stretches, nominal_hz), stretches[0][0]


def _columns(source: SessionSource, stream: StoredStream) -> list[str]:
    labels = source.labels(stream)
    standard = STANDARD_COLUMNS.get(stream.header.kind)
    if standard and not is_ours(stream.header):
        return [standard] if len(labels) == 1 else [f"{standard}_{_snake(label)}" for label in labels]
    return [_snake(label) for label in labels]


def _snake(label: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")


def _write_table(source: SessionSource, table: Table, path: Path) -> None:
    """Write an irregular stream, which a physiological recording of BIDS cannot be, with its times."""
    names = [
        "onset" if column.name == "time_s" else column.name.replace(".", "_") for column in table.columns
    ]
    rows = (row for batch in table.batches() for row in _rows(batch))
    _write_tsv(path, names, rows)
    described = {
        name: _described(column.meaning, column.unit)
        for name, column in zip(names, table.columns, strict=True)
    }
    write_json(path.with_suffix(".json"), {**_task(source), **described})


def _described(meaning: str, unit: str) -> dict[str, str]:
    return {"Description": meaning, **({"Units": unit} if unit else {})}


def _rows(batch: pa.RecordBatch) -> Iterable[list[str]]:
    columns = [[_cell(value) for value in column.to_pylist()] for column in batch.columns]
    return map(list, zip(*columns, strict=True))


def _cell(value: float | str | bool | None) -> str:
    if value is None or value == "":
        return "n/a"
    if isinstance(value, bool):
        return "1" if value else "0"
    return _number(value) if isinstance(value, float) else " ".join(str(value).split())


def _task(source: SessionSource) -> dict[str, str]:
    return {"TaskName": task_of(source), "TaskDescription": "Listening to adaptive music, at rest."}


def _lines(samples: FloatArray) -> bytes:
    columns: list[Iterable[str]] = [map(repr, column.tolist()) for column in samples.T]
    text = "\n".join(columns[0] if len(columns) == 1 else map("\t".join, zip(*columns, strict=True)))
    return (text.replace("nan", "n/a") + "\n").encode() if samples.size else b""


def _number(value: float | None) -> str:
    return "n/a" if value is None or not math.isfinite(value) else repr(float(value))


def _write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, quotechar=None)
        writer.writerow(columns)
        writer.writerows(rows)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write an object as a JSON file."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
