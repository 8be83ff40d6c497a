"""A session as exports read it: what it is called in the data set, its streams, and what may leave."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from biofeedback.analysis.phases import Phase, phases
from biofeedback.errors import RecordingError
from biofeedback.exports.policy import Policy, is_ours
from biofeedback.recording.blocks import StoredStream
from biofeedback.recording.reader import RecordedStream, Recording
from biofeedback.recording.streams import JSON_STREAMS
from biofeedback.recording.xdf import FloatArray

ENGINE_TIMES = {"r_time_s", "onset_s", "peak_s", "engine_time_s"}
"""Columns of our own streams that are engine time."""

Entry = tuple[float, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A session to be exported.

    Attributes
    ----------
    directory : Path
        Where it lies.
    meta : dict
        Its ``session.json``.
    streams : mapping of str to StoredStream
        As recorded.
    subject, session : str
        Numbers in the data set, such as ``001``.
    client : str or None
        The client's code, where one is known.
    policy : Policy
        What may leave.
    """

    directory: Path
    meta: dict[str, Any]
    streams: Mapping[str, StoredStream]
    subject: str
    session: str
    client: str | None
    policy: Policy

    @property
    def name(self) -> str:
        """``sub-001_ses-001``."""
        return f"sub-{self.subject}_ses-{self.session}"

    @property
    def place(self) -> Path:
        """``sub-001/ses-001``."""
        return Path(f"sub-{self.subject}") / f"ses-{self.session}"

    @property
    def t0_s(self) -> float:
        """Engine seconds of the session's start."""
        return float(self.meta["t0_s"])

    @property
    def complete(self) -> bool:
        """Whether the recording was closed by the session itself."""
        recovered = "recovered" in (self.meta.get("end") or {})
        return not recovered and all(stream.closed for stream in self.streams.values())

    @property
    def protocol_id(self) -> str:
        """The protocol's name for programs; ``unknown`` where the recording does not say."""
        protocol = self.meta.get("protocol")
        named = protocol.get("id") if isinstance(protocol, Mapping) else None
        return self.policy.text(str(named)) if named else "unknown"

    def inputs(self) -> tuple[StoredStream, ...]:
        """Return the raw signals that hold any sample, streams of other programs' marks left out."""
        return tuple(
            stream
            for stream in self.streams.values()
            if not is_ours(stream.header) and not stream.header.text and len(stream.places)
        )

    def labels(self, stream: StoredStream) -> tuple[str, ...]:
        """Return the names of a stream's columns, all different."""
        labels = [self.policy.label(stream.header, index) for index in range(len(stream.header.labels))]
        if len(set(labels)) == len(labels):
            return tuple(labels)
        return tuple(f"{label}_{number}" for number, label in enumerate(labels, start=1))

    def blocks(self, stream: StoredStream) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Yield stamps and samples of a stream, all times in seconds from the session's start."""
        relative = [is_ours(stream.header) and label in ENGINE_TIMES for label in stream.header.labels]
        for times, samples in stream.blocks():
            samples[:, relative] -= self.t0_s
            yield times - self.t0_s, samples

    def entries(self, name: str) -> list[Entry]:
        """Return what may leave of a stream of JSON or of marks, with times from the session's start.

        Raises
        ------
        RecordingError
            If a text is not JSON.
        """
        stream = self.streams.get(name)
        if stream is None:
            return []
        times, texts = stream.texts()
        pairs = zip((times - self.t0_s).tolist(), texts, strict=True)
        if name not in JSON_STREAMS:  # marks of another program, as they came
            return [(time, self.policy.entry(name, {"text": text}, self.t0_s)) for time, text in pairs]
        return [(time, self.policy.entry(name, parsed(text, name), self.t0_s)) for time, text in pairs]

    @cached_property
    def duration_s(self) -> float:
        """The last moment of which anything is recorded, in seconds from the session's start."""
        ends = [stream.last_s() for stream in self.streams.values()]
        return max(0.0, max((end for end in ends if end is not None), default=self.t0_s) - self.t0_s)

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The phases in order of time; their names as far as they may leave."""
        named = {name: _texts_of(stream) for name, stream in self.streams.items() if name in JSON_STREAMS}
        end = _instant("end", self.t0_s + self.duration_s)
        whole = Recording(
            directory=self.directory, meta=self.meta, streams={**named, "end": end}, complete=self.complete
        )
        return tuple(phases(whole))


def parsed(text: str, name: str) -> dict[str, Any]:
    """Return an object of the stream `name`; what is none is one with a ``value``.

    Raises
    ------
    RecordingError
        If the text is not JSON.
    """
    try:
        entry = json.loads(text)
    except json.JSONDecodeError as error:
        raise RecordingError(f"stream {name!r} holds a text that is not JSON: {error}") from None
    return entry if isinstance(entry, dict) else {"value": entry}


def _texts_of(stream: StoredStream) -> RecordedStream:
    times, texts = stream.texts()
    return _recorded(stream.header.name, times, texts)


def _instant(name: str, time_s: float) -> RecordedStream:
    return _recorded(name, np.array([time_s]), ("{}",))


def _recorded(name: str, times: FloatArray, texts: tuple[str, ...]) -> RecordedStream:
    return RecordedStream(
        name=name,
        kind="Markers",
        rate_hz=0.0,
        labels=("json",),
        units=("",),
        times=times,
        samples=np.empty((times.size, 0)),
        texts=texts,
        desc={},
    )
