"""A session as exports read it: its name in the data set, its streams, and what may leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from biofeedback.analysis.phases import MusicSection, RecordedPhase, music_sections, phases
from biofeedback.commands import Command
from biofeedback.exports.deidentification import PROGRAMS_OWN, USUAL_LABELS, named_texts
from biofeedback.exports.identifier_search import IdentifierSearch
from biofeedback.recording.reader import Recording, StoredStream, parse_json, recorded_seconds
from biofeedback.recording.streams import JSON_STREAMS, distinct_labels
from biofeedback.recording.xdf import NumberBlock, StreamHeader
from protocols.scales import SCALES

LEFT_OUT = "[left out]"

COMMAND_NAMES = frozenset(model.model_fields["name"].default for model in get_args(Command))

_ENGINE_TIMES = ("start_s", "end_s")
"""Of the marker of a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosurePolicy:
    """What may leave.

    Attributes
    ----------
    identified : bool
        Whether what identifies stays.
    with_text : bool
        Whether what people wrote stays.
    words : frozenset of str
        The protocol's own: names of its phases, its markers and cues.
    search : IdentifierSearch
        Finds what must not leave.
    """

    identified: bool
    with_text: bool
    words: frozenset[str]
    search: IdentifierSearch

    def label(self, header: StreamHeader, index: int) -> str:
        """Return the name of a column: a channel's label, or its number where that might be a name."""
        label = header.labels[index]
        if self.identified or is_ours(header):
            return label
        return label if USUAL_LABELS.fullmatch(label) else f"{header.name}_{index + 1}"

    def text(self, text: str) -> str:
        """Return a text of this program's or the protocol's; nothing of it if it holds what identifies."""
        return text if self.identified or not self.search.in_text(text) else LEFT_OUT

    def entry(self, stream: str, entry: Mapping[str, Any], t0_s: float) -> dict[str, Any]:
        """Return what may leave of an object of one of the streams of JSON, all times from the start."""
        kept = {key: value for key, value in entry.items() if key != "key"}
        if stream == "decisions":
            kept.pop("t", None)
        if stream == "markers" and entry.get("type") == "baseline":
            kept |= {key: kept[key] - t0_s for key in _ENGINE_TIMES if isinstance(kept.get(key), int | float)}
        programs_own = stream == "decisions" or (stream == "markers" and entry.get("type") in PROGRAMS_OWN)
        left: dict[str, Any] = self._without_words(kept, programs_own=programs_own)
        return left

    def _without_words(self, value: Any, *, programs_own: bool, key: str = "") -> Any:
        if isinstance(value, Mapping):
            pairs = (
                (name, self._without_words(item, programs_own=programs_own, key=name))
                for name, item in value.items()
            )
            return {name: item for name, item in pairs if item is not None}
        if isinstance(value, list):
            return [self._without_words(item, programs_own=programs_own, key=key) for item in value]
        if not isinstance(value, str):
            return value
        if programs_own or key in {"type", "origin", "field", "severity", "stream"} or value in self.words:
            return self.text(value)
        if key == "name" and value in COMMAND_NAMES:
            return value
        return self.text(value) if self.with_text else None


def is_ours(header: StreamHeader) -> bool:
    """Return whether a stream is one that the session made, not an input."""
    return header.source_id == f"biofeedback:{header.name}"


def protocols_words(protocol: object) -> frozenset[str]:
    """Return every text in a protocol's phases, and the names of the scales there are."""
    phases = protocol.get("phases", []) if isinstance(protocol, Mapping) else []
    return frozenset({*SCALES, *(text for _, text in named_texts(phases))})


ENGINE_TIMES = {"r_time_s", "onset_s", "peak_s", "engine_time_s"}
"""Columns of our own streams that are engine time."""

Entry = tuple[float, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class SessionSource:
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
    policy : DisclosurePolicy
        What may leave.
    """

    directory: Path
    meta: dict[str, Any]
    streams: Mapping[str, StoredStream]
    subject: str
    session: str
    client: str | None
    policy: DisclosurePolicy

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
        header = stream.header
        return distinct_labels([self.policy.label(header, index) for index in range(len(header.labels))])

    def blocks(self, stream: StoredStream) -> Iterator[NumberBlock]:
        """Yield stamps and samples of a stream, all times in seconds from the session's start."""
        relative = [is_ours(stream.header) and label in ENGINE_TIMES for label in stream.header.labels]
        for times, samples in stream.blocks():
            samples[:, relative] -= self.t0_s
            yield NumberBlock(times - self.t0_s, samples)

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
        # Marks of another program are no JSON and stay as they came.
        entries = (parsed(text, name) if name in JSON_STREAMS else {"text": text} for text in texts)
        return [
            (time, self.policy.entry(name, entry, self.t0_s))
            for time, entry in zip((times - self.t0_s).tolist(), entries, strict=True)
        ]

    @cached_property
    def duration_s(self) -> float:
        """The last moment of which anything is recorded, in seconds from the session's start."""
        return recorded_seconds(self.streams, self.t0_s)

    @cached_property
    def phases(self) -> tuple[RecordedPhase, ...]:
        """The phases in order of time; their names as far as they may leave."""
        read = {name: stream.read() for name, stream in self.streams.items() if name in JSON_STREAMS}
        whole = Recording(directory=self.directory, meta=self.meta, streams=read, complete=self.complete)
        return phases(whole, last_s=self.t0_s + self.duration_s)

    @cached_property
    def sections(self) -> tuple[MusicSection, ...]:
        """The sections of the music in order of time; none where it has no form."""
        needed = ("music", "score", "form")
        music = {name: self.streams[name].read() for name in needed if name in self.streams}
        whole = Recording(directory=self.directory, meta=self.meta, streams=music, complete=self.complete)
        return music_sections(whole)


def parsed(text: str, name: str) -> dict[str, Any]:
    """Return an object of the stream `name`; what is none is one with a ``value``.

    Raises
    ------
    RecordingError
        If the text is not JSON.
    """
    entry = parse_json(text, name)
    return entry if isinstance(entry, dict) else {"value": entry}
