"""The README of an export, and where its contents come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biofeedback.exports.edf import MISSING, Channel
from biofeedback.exports.source import Source
from biofeedback.exports.tables import Column
from biofeedback.exports.wording import DEIDENTIFIED, IDENTIFIED, USE, WITH_TEXT

TITLES = {
    "csv": "Tables as CSV",
    "parquet": "Tables as Parquet",
    "bids": "BIDS data set",
    "edf": "EDF+C files",
    "midi": "MIDI files",
    "audio": "Sound files",
}

ABOUT = {
    "csv": (
        "One file for each stream. The first line names the columns, missing values are empty, decimal "
        "points, UTF-8. Numbers have as many digits as it takes to read the same 64-bit number back. "
        "Irregular streams have a line for each event; a gap in `time_s` is a gap in the signal, nothing was "
        "filled in."
    ),
    "parquet": (
        "One file for each stream, 64-bit numbers, missing values null. Unit and meaning of a column stand "
        "in its metadata, too."
    ),
    "bids": (
        "BIDS 1.11, `beh/`. `*_physio.tsv.gz` (no header line; columns, units, rate and start in the JSON "
        "beside it) hold regular streams: one line for each period, `n/a` where there is no sample; the rate "
        "is the one the recorded stamps follow, and `TimeStampDeviation` says how far a sample lies from its "
        "own stamp at most, in seconds. `*_events.tsv` holds phases, decisions, markers, ratings and "
        "commands. Irregular streams (beats, responses, intervals, notes, the music asked for) cannot be "
        "physiological recordings of BIDS, which have one rate: they are `*_acq-STREAM_beh.tsv`, a line for "
        "each event with its `onset` in seconds from the session's start."
    ),
    "edf": (
        "EDF+C: raw signals and 1-Hz features on one time axis, phases, markers, ratings, commands and gaps "
        f"as annotations. A missing sample has the digital value {MISSING}, which no sample has: a viewer "
        "shows it as a line along the bottom, and `gap LABEL` is annotated over it. Values are rounded to 16 "
        "bits of the physical range, which is that of the data; the error stated below is half a step."
    ),
    "midi": (
        "Standard MIDI Files, type 1: the tempo of every beat that sounded, and one track for each layer. "
        "Time 0 is the session's start; times agree with the recording within 0.6 ms."
    ),
    "audio": (
        "The sound as it was kept, sample for sample: 48 kHz, stereo, 24 bits. The first sample is the "
        "session's start."
    ),
}


@dataclass(slots=True, kw_only=True)
class Written:
    """What was written of a session.

    Attributes
    ----------
    files : dict of str to str
        What each file is, by its path in the export.
    columns : dict of str to tuple of Column
        The columns of tables, by stream.
    channels : list of Channel
        The signals of its EDF file.
    left_out : list of str
        What could not be written, and why.
    """

    files: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[Column, ...]] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def provenance(source: Source, written: Written, checksums: Mapping[str, str]) -> dict[str, Any]:
    """Return where the contents of a session's files come from."""
    meta, end = source.meta, source.meta.get("end") or {}
    protocol = meta.get("protocol") or {}
    told: dict[str, Any] = {
        "session": source.name,
        "recorded_by": meta.get("versions", {}),
        "protocol": {
            "id": source.protocol_id,
            "version": protocol.get("version"),
            "sha256": meta.get("protocol_sha256"),
            "arm": protocol.get("arm"),
        },
        "seed": meta.get("seed"),
        "music": meta.get("piece"),
        "duration_s": source.duration_s,
        "complete": source.complete,
        "ended": source.policy.text(str(end.get("reason", "not recorded"))),
        "source_sha256": dict(checksums),
        "streams": {
            stream.header.name: {
                "kind": stream.header.kind,
                "nominal_rate_hz": stream.header.rate_hz,
                "units": list(stream.header.units),
            }
            for stream in source.inputs()
        },
        "left_out": written.left_out,
    }
    if source.policy.identified:
        told["identified"] = {
            "client": source.client,
            "directory": str(source.directory),
            **{key: meta.get(key) for key in ("t0_wall", "arguments", "inputs", "protocol", "end")},
        }
    return told


def readme(kind: str, sources: Sequence[Source], written: Sequence[Written], version: str) -> str:
    """Return the README of a folder, Markdown."""
    policy = sources[0].policy
    lines = [f"# {TITLES[kind]}", "", USE, ""]
    stated = DEIDENTIFIED.format(text=WITH_TEXT if policy.with_text else "")
    lines += [IDENTIFIED if policy.identified else stated, "", ABOUT[kind], ""]
    lines += ["## Files", "", "| file | what it is |", "| --- | --- |"]
    lines += [f"| `{path}` | {what} |" for one in written for path, what in one.files.items()]
    columns = {name: columns for one in written for name, columns in one.columns.items()}
    if columns:
        lines += ["", "## Columns", "", "| stream | column | unit | meaning |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {name} | `{column.name}` | {column.unit} | {column.meaning} |"
            for name, of_stream in columns.items()
            for column in of_stream
        ]
    lines += _channels(sources, written)
    missing = [
        f"- {source.name}: {what}"
        for source, one in zip(sources, written, strict=True)
        for what in one.left_out
    ]
    if missing:
        lines += ["", "## Not here", "", *missing]
    lines += ["", "## Where it comes from", "", f"Exported by biofeedback-music {version}.", ""]
    for source in sources:
        lines += [_origin(source)]
    return "\n".join(lines) + "\n"


def _channels(sources: Sequence[Source], written: Sequence[Written]) -> list[str]:
    lines = []
    for source, one in zip(sources, written, strict=True):
        for channel in one.channels:
            off = (
                f", {channel.repeated} repeated and {channel.left_out} left out"
                if channel.repeated + channel.left_out
                else ""
            )
            lines.append(
                f"| {source.name} | `{channel.label}` | {channel.unit} | {channel.rate_hz:g} | "
                f"{channel.physical[0]:g} to {channel.physical[1]:g} | ±{channel.error:.2g} | "
                f"{1000 * channel.deviation_s:.2f} ms{off} |"
            )
    if not lines:
        return []
    head = "| session | signal | unit | Hz | physical range | error | farthest from its stamp |"
    return ["", "## Signals", "", head, "| --- | --- | --- | --- | --- | --- | --- |", *lines]


def _origin(source: Source) -> str:
    meta = source.meta
    protocol = meta.get("protocol") or {}
    cut = "" if source.complete else " The recording was cut off: up to its last second is missing."
    by = (meta.get("versions") or {}).get("biofeedback-music", "an unknown version")
    return (
        f"- {source.name}: recorded by biofeedback-music {by}, {source.duration_s:.1f} s; protocol "
        f"{source.protocol_id}, version {protocol.get('version', 'unknown')}, SHA-256 "
        f"`{meta.get('protocol_sha256') or 'unknown'}`; seed {meta.get('seed')}.{cut} Checksums of the "
        "source: `provenance.json`."
    )
