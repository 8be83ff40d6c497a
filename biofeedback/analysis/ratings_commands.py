"""The listener's ratings, and commands with their answers, as they were recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Return the ratings in order of time: questions, with what became of them, and answers to none."""
    given = [
        _rating(entry, "scale", asked_s=_number(entry.get("asked_s")), answered_s=time)
        for time, entry in texts(recording, "ratings")
    ]
    answered = {(rated.scale, rated.phase, rated.at) for rated in given if rated.asked_s is not None}
    asked = [
        _rating(marker, "about", asked_s=time)
        for time, marker in texts(recording, "markers")
        if marker.get("type") == "question" and marker.get("kind") == "rating"
    ]
    left_open = [each for each in asked if (each.scale, each.phase, each.at) not in answered]
    return tuple(sorted([*given, *left_open], key=_first_moment))


def _rating(
    entry: Mapping[str, Any], scale: str, *, asked_s: float | None, answered_s: float | None = None
) -> RecordedRating:
    return RecordedRating(
        scale=str(entry.get(scale, "")),
        phase=str(entry.get("phase", "")),
        at=str(entry.get("at") or ""),
        asked_s=asked_s,
        answered_s=answered_s,
        value=_number(entry.get("value")),
    )


def _first_moment(rated: RecordedRating) -> float:
    return min(moment for moment in (rated.asked_s, rated.answered_s) if moment is not None)


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
            what=_command_words(command),
            accepted=command.get("accepted") is not False,
            answer=str(command.get("answer", "")),
        )
        for time, command in texts(recording, "commands")
    )


_ABOUT = ("name", "command", "origin", "key", "accepted", "answer")
_PLAIN = ("text", "field", "value", "scale", "cue")
"""Arguments that need no name before them."""


def _command_words(command: Mapping[str, Any]) -> str:
    """Return a recorded command in words: its name and what it was given."""
    name = str(command.get("name") or command.get("command") or "command")
    args = command.get("args")
    if not isinstance(args, Mapping):
        args = {key: value for key, value in command.items() if key not in _ABOUT}
    if name == "rating" and args.get("value") is None:
        args = {**args, "value": "no answer wished"}
    elif "field" in args:
        args = {**args, "field": str(args["field"]).replace("_", " ")}
    return with_details(name, args, unnamed=(*_PLAIN, name))


def with_details(name: str, details: Mapping[str, Any], *, unnamed: Sequence[str] = ()) -> str:
    """Return a name and its details in words; empty ones are left out, `unnamed` ones stand without key."""
    told = [
        _plain_words(value) if key in unnamed else f"{key.replace('_', ' ')} {_plain_words(value)}"
        for key, value in details.items()
        if value not in (None, "", {})
    ]
    return f"{name}: {', '.join(told)}" if told else name


def _plain_words(value: Any) -> str:
    """Return a value of a JSON object in words: numbers in four digits, objects in parentheses."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return "(" + ", ".join(f"{key} {_plain_words(item)}" for key, item in value.items()) + ")"
    return str(value)
