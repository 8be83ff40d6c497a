"""What may leave of what a session tells in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from biofeedback.commands import Command
from biofeedback.exports.search import Search
from biofeedback.exports.secrets import PROGRAMS_OWN, USUAL_LABELS
from biofeedback.recording.xdf import StreamHeader
from protocols.scales import SCALES

LEFT_OUT = "[left out]"

COMMAND_NAMES = frozenset(model.model_fields["name"].default for model in get_args(Command))

_ENGINE_TIMES = ("start_s", "end_s")
"""Of the marker of a baseline."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may leave.

    Attributes
    ----------
    identified : bool
        Whether what identifies stays.
    with_text : bool
        Whether what people wrote stays.
    words : frozenset of str
        The protocol's own: names of its phases, its markers and cues.
    search : Search
        Finds what must not leave.
    """

    identified: bool
    with_text: bool
    words: frozenset[str]
    search: Search

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
    return frozenset({*_texts(phases), *SCALES})


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _all(value.values())
    elif isinstance(value, list):
        yield from _all(value)


def _all(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        yield from _texts(value)
