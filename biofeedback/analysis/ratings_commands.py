"""The listener's ratings, and commands with their answers, as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from biofeedback.analysis.phases import texts
from biofeedback.recording.reader import Recording
from protocols.scales import SCALES

Answered = Literal["answered", "declined", "not answered", "not asked for"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRating:
    """A rating that was asked for, given, or both.

    Attributes
    ----------
    scale : str
        As protocols name it.
    phase : str
        The phase that asked; of a rating nobody had asked for, the one in which it was given.
    at : str
        ``begin`` or ``end`` of that phase; empty where nobody had asked.
    asked_s, answered_s : float or None
        Seconds from the session's start; None where it was not.
    value : float or None
        None where there is no answer or the listener did not want to give one.
    """

    scale: str
    phase: str
    at: str
    asked_s: float | None
    answered_s: float | None
    value: float | None

    @property
    def how(self) -> Answered:
        """What became of the question."""
        if self.answered_s is None:
            return "not answered"
        if self.value is None:
            return "declined"
        return "answered" if self.asked_s is not None else "not asked for"


def ratings(recording: Recording) -> tuple[RecordedRating, ...]:
    """Return the ratings in order of time: questions, with what became of them, and what was said unasked."""
    given = [
        RecordedRating(
            scale=str(entry.get("scale", "")),
            phase=str(entry.get("phase", "")),
            at=str(entry.get("at") or ""),
            asked_s=_number(entry.get("asked_s")),
            answered_s=time,
            value=_number(entry.get("value")),
        )
        for time, entry in texts(recording, "ratings")
    ]
    answered = {(rated.scale, rated.phase, rated.at) for rated in given if rated.asked_s is not None}
    open_ones = [
        question
        for time, marker in texts(recording, "markers")
        if marker.get("type") == "question" and marker.get("kind") == "rating"
        if (question := _question(time, marker))
        and (question.scale, question.phase, question.at) not in answered
    ]
    return tuple(sorted([*given, *open_ones], key=_first_moment))


def _question(time: float, marker: Mapping[str, Any]) -> RecordedRating:
    return RecordedRating(
        scale=str(marker.get("about", "")),
        phase=str(marker.get("phase", "")),
        at=str(marker.get("at") or ""),
        asked_s=time,
        answered_s=None,
        value=None,
    )


def _first_moment(rated: RecordedRating) -> float:
    moments = [moment for moment in (rated.asked_s, rated.answered_s) if moment is not None]
    return min(moments)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def scale_words(scale: str) -> str:
    """Return a scale's question and its ends, or its name if it is none of ours."""
    known = SCALES.get(scale)
    if known is None:
        return scale
    return f"{known.question} ({known.low} {known.low_means}, {known.high} {known.high_means})"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedCommand:
    """A command, who gave it, and what was answered.

    Attributes
    ----------
    t_s : float
        Seconds from the session's start.
    origin : str
        ``therapist``, ``listener``, ``script``; empty in recordings that do not tell.
    what : str
        The command in words.
    accepted : bool
        Whether it changed anything.
    answer : str
        What the session said to it; empty where nothing was recorded.
    """

    t_s: float
    origin: str
    what: str
    accepted: bool
    answer: str


def commands(recording: Recording) -> tuple[RecordedCommand, ...]:
    """Return every command in order of time, obeyed or not."""
    return tuple(
        RecordedCommand(
            t_s=time,
            origin=str(command.get("origin", "")),
            what=command_words(command),
            accepted=command.get("accepted") is not False,
            answer=str(command.get("answer", "")),
        )
        for time, command in texts(recording, "commands")
    )


def command_words(command: Mapping[str, Any]) -> str:
    """Return a recorded command in words: its name and what it was given."""
    name = str(command.get("name") or command.get("command") or "command")
    args = command.get("args")
    if not isinstance(args, Mapping):
        args = {key: value for key, value in command.items() if key not in _ABOUT}
    told = [_detail(name, key, value) for key, value in args.items() if value not in (None, "", {})]
    if name == "rating" and args.get("value") is None:
        told.append("no answer wished")
    return f"{name}: {', '.join(told)}" if told else name


_ABOUT = ("name", "command", "origin", "key", "accepted", "answer")
_PLAIN = ("text", "field", "value", "scale", "cue")
"""Arguments that need no name before them."""


def _detail(name: str, key: str, value: Any) -> str:
    words = f"{value:.4g}" if isinstance(value, float) else str(value)
    if key in _PLAIN or key == name:
        return words.replace("_", " ") if key == "field" else words
    return f"{key.replace('_', ' ')} {words}"
