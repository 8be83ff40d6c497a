"""The README of an export, and where its contents come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from biofeedback.exports.edf import Channel
from biofeedback.exports.source import Source
from biofeedback.exports.tables import Column
from biofeedback.exports.wording import ABOUT, CUT, DEIDENTIFIED, IDENTIFIED, TITLES, USE, WITH_TEXT


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
    cut = "" if source.complete else f" {CUT}"
    by = (meta.get("versions") or {}).get("biofeedback-music", "an unknown version")
    return (
        f"- {source.name}: recorded by biofeedback-music {by}, {source.duration_s:.1f} s; protocol "
        f"{source.protocol_id}, version {protocol.get('version', 'unknown')}, SHA-256 "
        f"`{meta.get('protocol_sha256') or 'unknown'}`; seed {meta.get('seed')}.{cut} Checksums of the "
        "source: `provenance.json`."
    )
