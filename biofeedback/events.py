"""Typed records of what happens in a session, with the JSON form in which a recording keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import Any, ClassVar, Literal

from biofeedback.commands import AdverseEvent, Answer, Cue, IssuedCommand, Marker, Note
from biofeedback.models import Moment
from generator.player_events import (
    EndRequest,
    PlaybackBegin,
    PlayerAction,
    PlayerEvent,
    StopRequest,
    VolumeRequest,
)
from generator.state import MusicState
from physiology.baseline import Baseline
from physiology.resonance import Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionMarker:
    """An entry of the stream ``markers``; `type` tells the kinds apart."""

    type: ClassVar[str]

    def json(self) -> dict[str, Any]:
        """Return the entry as it is recorded: its type and fields, without those that are None."""
        entry: dict[str, Any] = {"type": self.type}
        for field in fields(self):
            value = getattr(self, field.name)
            if is_dataclass(value) and not isinstance(value, type):
                entry |= asdict(value)
            elif value is not None:
                entry[field.name] = value
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseMarker(SessionMarker):
    """A phase, or a section of an arc, begins or ends."""

    type = "phase"
    name: str
    kind: str
    event: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineMarker(SessionMarker):
    """The baseline was frozen."""

    type = "baseline"
    baseline: Baseline


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentMarker(SessionMarker):
    """A step of a breathing assessment ended."""

    type = "assessment"
    assessment: Assessment


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionMarker(SessionMarker):
    """The session asked a question; a rating also names when in its phase it was asked."""

    type = "question"
    kind: str
    about: str
    text: str
    phase: str
    at: Moment | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandMarker(SessionMarker):
    """Somebody marked a moment, wrote a note, reported an adverse event or gave a cue.

    Attributes
    ----------
    command : Marker, Note, AdverseEvent or Cue
        What is recorded. The moment of a marker (`at_s`) is not None here.
    origin : str
        As of a command, or ``protocol`` for the markers of the protocol itself.
    """

    command: Marker | Note | AdverseEvent | Cue
    origin: str

    def json(self) -> dict[str, Any]:
        """Return the entry: the command's name, what it says, and its origin."""
        kind = "cue given" if isinstance(self.command, Cue) else self.command.name
        return {"type": kind, **self.command.model_dump(exclude={"name"}), "origin": self.origin}


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMarker(SessionMarker):
    """The volume was set: `db` by the therapist, `volume_db` at the player."""

    type = "volume"
    db: float
    volume_db: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyStopMarker(SessionMarker):
    """The music was silenced at once."""

    type = "emergency stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class EndFadeMarker(SessionMarker):
    """The closing fade began."""

    type = "end fade"
    fade_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalMarker(SessionMarker):
    """Another program sent a mark; `at_s` counts from the session's start."""

    type = "mark"
    stream: str
    text: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMarker(SessionMarker):
    """Something happened to an input, such as a lost connection; `at_s` is negative before the session."""

    type = "source"
    stream: str
    text: str
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalMarker(SessionMarker):
    """The quality of a signal changed for longer than a moment."""

    type = "signal"
    stream: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioMarker(SessionMarker):
    """Something happened to the sound, such as a restart of its process; `kind` names it."""

    type = "audio"
    kind: str
    text: str


_PLAYER_KINDS: Mapping[str, type[PlayerAction]] = {
    "state": MusicState,
    "begin": PlaybackBegin,
    "end": EndRequest,
    "stop": StopRequest,
    "volume": VolumeRequest,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerMarker(SessionMarker):
    """A live player received a state, a volume or an end; the music can be rebuilt from these."""

    type = "cue"
    event: PlayerEvent

    def json(self) -> dict[str, Any]:
        """Return the entry: its frame, what the player received (``told``), and the fields of that."""
        told = next(name for name, kind in _PLAYER_KINDS.items() if isinstance(self.event.action, kind))
        return {"type": self.type, "frame": self.event.frame, "told": told, **asdict(self.event.action)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> PlayerMarker:
        """Return the marker of which `json` gave this entry."""
        kind = _PLAYER_KINDS[record["told"]]
        values = {name: value for name, value in record.items() if name not in {"type", "frame", "told"}}
        return cls(event=PlayerEvent(int(record["frame"]), kind(**values)))


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingRecord:
    """An entry of the stream ``ratings``: a rating of the listener's state.

    Attributes
    ----------
    scale : str
        Name of the scale.
    value : float or None
        None where the listener declined.
    phase : str
        Name of the phase that asked or, without a question, of the present one.
    at : str
        ``begin`` or ``end`` of that phase; empty where nobody asked.
    asked_s : float or None
        Seconds from the session's start at which the question was asked.
    """

    scale: str
    value: float | None
    phase: str
    at: Literal["begin", "end", ""]
    asked_s: float | None

    def json(self) -> dict[str, Any]:
        """Return the entry as it is recorded."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRecord:
    """An entry of the stream ``commands``: a command and its answer."""

    issued: IssuedCommand
    answer: Answer

    def json(self) -> dict[str, Any]:
        """Return the entry as it is recorded."""
        return {
            **self.issued.command.record(),
            "origin": self.issued.origin,
            "key": self.issued.key,
            "accepted": self.answer.accepted,
            "answer": self.answer.text,
        }
