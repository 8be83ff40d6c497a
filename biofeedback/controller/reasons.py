"""Why: one plain sentence for every decision, chosen here, worded in the catalogue."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from biofeedback.controller.adaptation import Adaptation, Event
from biofeedback.controller.catalogue import say
from biofeedback.controller.desk import Desk
from biofeedback.controller.gate import Gate, GateState
from biofeedback.controller.orders import field_words
from biofeedback.controller.signal import SignalState
from biofeedback.models import Lifecycle
from generator.state import MusicState
from protocols.course import Segment
from protocols.fields import tempo_for
from protocols.schema import BreathePhase, LeadPhase, MatchPhase, ReturnPhase, Section

_DONE = 0.995
"""A lead this far has run its course, to the last second."""


def explain(desk: Desk, segment: Segment, music: MusicState, terms: Mapping[str, Any], at: float) -> str:
    """Return the sentence for what was just asked for.

    Parameters
    ----------
    desk : Desk
        As it stands after the decision.
    segment : Segment
        The present one.
    music : MusicState
        What was asked for.
    terms : mapping
        The decision's terms.
    at : float
        Seconds from the start of the session.
    """
    adaptation, gate, until = desk.adaptation, desk.adaptation.gate, segment.phase.until
    values = {
        **terms,
        "name": segment.name,
        "cue": until.cue if until else "",
        "left_s": desk.timeline.left_s(at),
        "tempo": music.tempo_bpm,
        "matched": adaptation.matched_bpm,
        "t0": desk.course.t0_bpm,
        "goal": desk.course.goal_bpm,
        "full_goal": desk.course.shortened_from_bpm,
        "limit": desk.course.limits.tempo_bpm_per_min,
        "percent": 100 * adaptation.progress,
        "lead_percent": 100 * (desk.lead_progress or 0.0),
        "idle_s": adaptation.signal.idle_for(at),
        "rate": music.breath_rate,
        **_of_phase(segment),
        **_of_gate_values(gate, desk.timeline.course_s(at)),
    }
    sentence = say(_key(desk, segment, music, terms), **values)
    if fields := _by_hand(desk, music):
        sentence = say("by hand", sentence=sentence.removesuffix("."), fields=", ".join(fields))
    return sentence


def ending(reason: str, fade_s: float) -> str:
    """Return the sentence for the end."""
    return say("end" if fade_s else "end in silence", reason=reason, fade_s=fade_s)


def _by_hand(desk: Desk, music: MusicState) -> list[str]:
    hands = desk.hands
    if not music.sounding:
        return []
    words = [field_words(name, value) for name, value in hands.overrides.items()]
    return [*words, say("field steps", value=hands.steps)] if hands.steps and not desk.engaging else words


def _of_phase(segment: Segment) -> dict[str, Any]:
    phase = segment.phase
    if isinstance(phase, MatchPhase | Section | ReturnPhase):
        return {"asked": phase.tempo_bpm}
    if isinstance(phase, BreathePhase):
        return {"share": 100 * (phase.share_of_own or 0.0)}
    return {}


def _of_gate_values(gate: Gate | None, now: float) -> dict[str, Any]:
    if gate is None:
        return {}
    rules = gate.rules
    return {
        "hold_at": gate.hold_at,
        "release_at": gate.release_at,
        "far_above": gate.far_above,
        "far_after": rules.plateau_after_s,
        "off_s": gate.off_for(now),
        "hold_after": rules.hold_after_s,
        "back_percent": 100 * rules.step_back_share,
        "most_step_backs": gate.step_backs,
    }


def _key(desk: Desk, segment: Segment, music: MusicState, terms: Mapping[str, Any]) -> str:
    if desk.lifecycle is Lifecycle.HELD:
        return "held"
    if desk.lifecycle is Lifecycle.PAUSED:
        return "paused" if music.sounding else "paused in silence"
    chosen = _BY_KIND.get(segment.kind)
    if chosen is not None:
        return chosen(desk, segment, terms)
    return f"{segment.kind} until" if segment.phase.until else segment.kind


def _of_match(desk: Desk, segment: Segment, terms: Mapping[str, Any]) -> str:
    return _of_matching(desk.adaptation, segment, terms) if segment.reads_heart_rate else "match fixed"


def _of_section(desk: Desk, segment: Segment, terms: Mapping[str, Any]) -> str:
    if segment.reads_heart_rate:
        return _of_matching(desk.adaptation, segment, terms)
    return "section travels" if terms["limited"] else "section stays"


def _of_sustain(desk: Desk, _segment: Segment, _terms: Mapping[str, Any]) -> str:
    early = desk.lead_progress is not None and desk.lead_progress < _DONE
    return "sustain early" if early else "sustain"


def _of_return(desk: Desk, _segment: Segment, _terms: Mapping[str, Any]) -> str:
    return _of_signal(desk.adaptation) or "return"


def _of_breathing(desk: Desk, segment: Segment, _terms: Mapping[str, Any]) -> str:
    phase = segment.phase
    assert isinstance(phase, BreathePhase)  # noqa: S101 - by its kind
    if phase.assess:
        return "assess"
    if phase.breath_rate is not None:
        return "breathe"
    known = desk.course.breath_known
    if phase.assessed:
        return "breathe assessed" if known else "breathe unassessed"
    return "breathe own" if known else "breathe fallback"


def _of_signal(adaptation: Adaptation) -> str | None:
    """Return what there is to say of a signal that the music cannot adapt to, or only just again."""
    signal = adaptation.signal
    if not adaptation.adapts:
        return None
    waits = signal.needs_resume and not signal.weak
    match signal.state:
        case SignalState.PLAN:
            return "plan until resume" if waits else "plan"
        case SignalState.FROZEN:
            return "frozen until resume" if waits else "frozen"
        case SignalState.WEAK:
            return "weak"
        case SignalState.GOOD:
            return "recovered" if adaptation.event is Event.RECOVERED else None


def _of_matching(adaptation: Adaptation, segment: Segment, terms: Mapping[str, Any]) -> str:
    if not adaptation.has_met:
        return "match waiting"
    if not adaptation.adapts:
        return "match once"
    if said := _of_signal(adaptation):
        return said
    phase = segment.phase
    assert isinstance(phase, MatchPhase | Section | ReturnPhase)  # noqa: S101 - it reads the heart rate
    unbounded = tempo_for(phase.tempo_bpm, terms["hr"], -math.inf, math.inf)
    if abs((adaptation.matched_bpm or 0.0) - unbounded) > 0.05:
        return "match clamped"
    if phase.tempo_bpm != "hr":
        return "match relative"
    return "match moving" if terms["limited"] else "match"


def _of_lead(desk: Desk, segment: Segment, terms: Mapping[str, Any]) -> str:
    adaptation, lead = desk.adaptation, segment.phase
    gate = adaptation.gate
    assert isinstance(lead, LeadPhase)  # noqa: S101 - by its kind
    up = lead.direction == "up"
    if gate is not None and gate.state is GateState.PLATEAU:
        if gate.too_far:
            return "plateau far"
        return "plateau up after steps" if up else "plateau after steps"
    if adaptation.progress == 0.0 and desk.course.shortened_from_bpm is not None:
        return "shortened"
    if not adaptation.waits:
        return "by the clock" if desk.protocol.arm == "open-loop" else "on clock"
    return _of_signal(adaptation) or _of_gate(gate, adaptation.event, terms["activation"], up=up)


def _of_gate(gate: Gate | None, event: Event | None, activation: float, *, up: bool) -> str:
    if gate is None:
        return "no reference"
    if event is Event.STEPPED_BACK:
        return "step back up" if up else "step back"
    if gate.state is GateState.HOLDING:
        return "hold up" if up else "hold"
    if gate.is_off(activation):
        return "lead up falling" if up else "lead rising"
    return "lead up" if up else "lead"


_BY_KIND: Mapping[str, Callable[[Desk, Segment, Mapping[str, Any]], str]] = {
    "match": _of_match,
    "lead": _of_lead,
    "sustain": _of_sustain,
    "breathe": _of_breathing,
    "arc": _of_section,
    "return": _of_return,
}
"""How the sentence of a kind is chosen; all others have one, and one more where they wait for a cue."""
