"""The log of a session: decisions, commands and markers in order of time, repetitions folded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from biofeedback.analysis.phases import Spans, merged, texts
from biofeedback.analysis.ratings_commands import RecordedCommand, commands, with_details
from biofeedback.recording.reader import Recording

LONGEST_STEP_S = 15.0
"""Decisions come every 5 s; equal ones further apart than this are told apart."""

BOOKKEEPING = ("phase", "cue", "end fade", "question", "volume")
"""Types of markers that are for programs, or shown elsewhere: phases and ratings have tables of their own."""

OF_THE_SESSION = (None, "protocol")
"""Origins of markers that no command tells of, too."""

TROUBLE = ("fault", "emergency stop", "audio", "source", "signal")
"""Types of markers that tell of something that went wrong, or came back."""

WEAK_SIGNAL = ("weak", "frozen", "plan")
"""What a decision's term ``signal`` says where the signal could not be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the log: something that happened once, or the same thing several times on end.

    Attributes
    ----------
    kind : str
        ``decision``, ``hold`` (the listener did not follow), ``signal`` (it was too weak or lost),
        ``fault``, ``command`` or ``marker``.
    phase : str
        Empty for what is not a decision.
    occurrences : tuple of (float, str)
        Each time, seconds from the session's start, and what was said then; sentences that differ in
        their numbers only are one entry.
    """

    kind: str
    phase: str
    occurrences: tuple[tuple[float, str], ...]

    @property
    def begin_s(self) -> float:
        """When it was first said."""
        return self.occurrences[0][0]

    @property
    def end_s(self) -> float:
        """When it was last said."""
        return self.occurrences[-1][0]


def session_log(recording: Recording) -> tuple[LogEntry, ...]:
    """Return decisions, commands and markers (but those of phases) in order of time, repetitions folded."""
    entries = [
        *_folded(recording),
        *(
            LogEntry(kind="command", phase="", occurrences=((each.t_s, _command(each)),))
            for each in commands(recording)
        ),
        *(
            LogEntry(kind=_marker_kind(m), phase="", occurrences=((t, _marker(m)),))
            for t, m in texts(recording, "markers")
            if m.get("type") not in BOOKKEEPING and m.get("origin") in OF_THE_SESSION
        ),
    ]
    return tuple(sorted(entries, key=lambda entry: entry.begin_s))


def hold_threshold(decision: Mapping[str, Any]) -> float | None:
    """Return the activation above which the lead is held, ``a_ref + sigma``; None where there is none."""
    a_ref, sigma = _terms(decision).get("a_ref"), _terms(decision).get("sigma")
    if isinstance(a_ref, int | float) and isinstance(sigma, int | float):
        return float(a_ref + sigma)
    return None


def held_spans(recording: Recording) -> Spans:
    """Return when the lead was held: from the first decision that says so to the next that does not."""
    steps = pairwise(texts(recording, "decisions"))
    return merged((begin, end) for (begin, decision), (end, _) in steps if _is_held(decision))


def _is_held(decision: Mapping[str, Any]) -> bool:
    """Return whether the lead stood still at this decision, because the listener did not follow."""
    return bool(_terms(decision).get("held"))


def _terms(decision: Mapping[str, Any]) -> Mapping[str, Any]:
    terms = decision.get("terms")
    return terms if isinstance(terms, Mapping) else {}


def _folded(recording: Recording) -> list[LogEntry]:
    groups: list[tuple[tuple[str, str, str], list[tuple[float, str]]]] = []
    for time, decision in texts(recording, "decisions"):
        why, phase = str(decision.get("why", "")), str(decision.get("phase", ""))
        same = (_kind(decision), phase, re.sub(r"[-+−]?\d+(?:\.\d+)?", "#", why))
        if groups and groups[-1][0] == same and time - groups[-1][1][-1][0] <= LONGEST_STEP_S:
            groups[-1][1].append((time, why))
        else:
            groups.append((same, [(time, why)]))
    return [LogEntry(kind=kind, phase=phase, occurrences=tuple(said)) for (kind, phase, _), said in groups]


def _kind(decision: Mapping[str, Any]) -> str:
    terms = _terms(decision)
    if terms.get("needs_resume") or terms.get("signal") in WEAK_SIGNAL:
        return "signal"
    return "hold" if _is_held(decision) else "decision"


def _marker_kind(marker: Mapping[str, Any]) -> str:
    return "fault" if marker.get("type") in TROUBLE else "marker"


def _command(command: RecordedCommand) -> str:
    who = f"{command.origin}: " if command.origin else ""
    answer = f" – {command.answer}" if command.answer else ""
    return f"{who}{command.what}{answer}"


def _marker(marker: Mapping[str, Any]) -> str:
    if isinstance(marker.get("text"), str):
        return str(marker["text"])
    name = " ".join(str(marker[key]) for key in ("type", "event") if key in marker)
    if "verdict" in marker:
        return f"{name}: {marker.get('sentence', marker['verdict'])}"
    return with_details(name, {key: value for key, value in marker.items() if key not in ("type", "event")})
