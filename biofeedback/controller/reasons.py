"""Why: one plain sentence for every decision, all of them in one place so that they can be translated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biofeedback.controller.adaptation import Adaptation, Event
from biofeedback.controller.gate import HOLD_AFTER_S, MOST_STEP_BACKS, Gate, GateState
from biofeedback.controller.signal import SignalState
from protocols.course import Course, Segment

CATALOGUE: Mapping[str, str] = {
    "settle": "Settling: no music for another {left_s:.0f} s, so that listener and sensors come to rest.",
    "baseline": "Baseline: silence for another {left_s:.0f} s while the resting state is measured.",
    "silence": "Silence: the protocol asks for a pause, another {left_s:.0f} s of it.",
    "match": "Matching: the heart rate is {hr:.0f} per minute and the music goes at {tempo:.1f} bpm.",
    "match moving": "Matching: the heart rate is {hr:.0f} per minute and the tempo is on its way to "
    "{matched:.1f} bpm, now {tempo:.1f}, no faster than {limit:g} bpm a minute.",
    "match clamped": "Matching: a heart rate of {hr:.0f} per minute is outside what music can match here, so "
    "the tempo keeps to {matched:.1f} bpm, now {tempo:.1f}.",
    "match once": "Matching once: the heart rate found at the start asks for {matched:.1f} bpm, now "
    "{tempo:.1f}; the open-loop arm does not follow it further.",
    "match waiting": "Waiting: no heart rate is known yet, so the music stays at {tempo:.1f} bpm.",
    "match fixed": "Matching: the protocol fixes the tempo at {tempo:.1f} bpm.",
    "shortened": "Leading toward {goal:.1f} bpm instead of {full_goal:.1f}: at {limit:g} bpm a minute the "
    "lead from {t0:.1f} bpm has no time for more.",
    "lead": "Leading: physiological activation is {activation:+.1f}, not above {hold_above:+.1f}, so the "
    "tempo goes on toward {goal:.1f} bpm, now {tempo:.1f}.",
    "lead rising": "Leading: physiological activation is {activation:+.1f}, above {hold_above:+.1f} for "
    "{above_s:.0f} s; the music, now at {tempo:.1f} bpm, goes on unless that lasts {hold_after:.0f} s.",
    "hold": "Holding: physiological activation rose above {hold_above:+.1f} and has not fallen below "
    "{release_below:+.1f}, so the music waits at {tempo:.1f} bpm.",
    "step back": "Stepping back: physiological activation has stayed high, so the lead goes back a quarter "
    "of the way it had come, to {percent:.0f} %, now {tempo:.1f} bpm.",
    "plateau after steps": "Plateau: physiological activation stayed high after {most_step_backs} steps "
    "back, so the music stays; therapist, please look and say Resume to go on.",
    "plateau far": "Plateau: physiological activation was far above {hold_above:+.1f} for a minute, so the "
    "music stays; therapist, please look and say Resume to go on.",
    "no reference": "On plan: too little of the listener's activation is known to compare with, so the lead "
    "goes by the clock, now {tempo:.1f} bpm.",
    "by the clock": "Leading by the clock: the open-loop arm does not wait for the listener, now "
    "{tempo:.1f} bpm on the way to {goal:.1f}.",
    "weak": "Going on as before, now at {tempo:.1f} bpm: the signal is too weak to trust.",
    "frozen": "Holding: the signal has been too weak to trust for {idle_s:.0f} s, so the music stays as it "
    "is at {tempo:.1f} bpm.",
    "frozen until resume": "Holding: the signal is back after a loss, and the music adapts to it again once "
    "somebody says Resume.",
    "plan": "On plan: the signal has been too weak to trust for {idle_s:.0f} s, so the music follows the "
    "planned arc by the clock, now {tempo:.1f} bpm.",
    "plan until resume": "On plan: the signal is back after a loss, but the music follows the clock, now "
    "{tempo:.1f} bpm, until somebody says Resume.",
    "recovered": "Adapting again: the signal can be trusted, and the music goes on from {tempo:.1f} bpm.",
    "sustain": "Sustaining: the music stays at {tempo:.1f} bpm for another {left_s:.0f} s.",
    "sustain early": "Sustaining at {tempo:.1f} bpm: the lead's time was over after {lead_percent:.0f} % of "
    "its course.",
    "section travels": "Travelling: {name} is to be at {goal:.1f} bpm, now {tempo:.1f}.",
    "section stays": "Staying: {name} keeps {tempo:.1f} bpm for another {left_s:.0f} s.",
    "end": "Ending: {reason}; the music fades out over {fade_s:.0f} s.",
    "end in silence": "Ending: {reason}.",
}


def explain(
    segment: Segment,
    course: Course,
    adaptation: Adaptation,
    terms: Mapping[str, Any],
    *,
    at: float,
    limit: float,
    lead_progress: float | None,
) -> str:
    """Return the sentence for what was just asked for.

    Parameters
    ----------
    segment, course, adaptation
        As they stand after the decision.
    terms : mapping
        The decision's terms.
    at : float
        Seconds from the start of the session.
    limit : float
        The protocol's limit of tempo, bpm a minute.
    lead_progress : float or None
        How far the lead got that a sustain follows.
    """
    key = _key(segment, course, adaptation, terms, lead_progress)
    gate = adaptation.gate
    values = {
        **terms,
        "name": segment.name,
        "left_s": max(0.0, segment.end_s - at),
        "tempo": course.music.tempo_bpm,
        "matched": adaptation.matched_bpm,
        "full_goal": course.shortened_from_bpm,
        "limit": limit,
        "hold_above": gate and gate.hold_above,
        "release_below": gate and gate.release_below,
        "above_s": gate and gate.above_for(at),
        "hold_after": HOLD_AFTER_S,
        "most_step_backs": MOST_STEP_BACKS,
        "percent": 100 * adaptation.progress,
        "lead_percent": 100 * (lead_progress or 0.0),
        "idle_s": adaptation.signal.idle_for(at),
    }
    return CATALOGUE[key].format_map(values)


def ending(reason: str, fade_s: float) -> str:
    """Return the sentence for the end."""
    return CATALOGUE["end" if fade_s else "end in silence"].format(reason=reason, fade_s=fade_s)


def _key(
    segment: Segment,
    course: Course,
    adaptation: Adaptation,
    terms: Mapping[str, Any],
    lead_progress: float | None,
) -> str:
    if segment.kind == "sustain":
        return "sustain" if lead_progress is None or lead_progress >= 0.995 else "sustain early"
    if segment.reads_heart_rate:
        return _of_matching(adaptation, terms)
    if segment.kind == "match":
        return "match fixed"
    if segment.kind == "arc":
        return "section travels" if terms["limited"] else "section stays"
    if segment.kind == "lead":
        return _of_lead(course, adaptation, terms)
    return segment.kind


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


def _of_matching(adaptation: Adaptation, terms: Mapping[str, Any]) -> str:
    if not adaptation.has_met:
        return "match waiting"
    if not adaptation.adapts:
        return "match once"
    if said := _of_signal(adaptation):
        return said
    if abs(adaptation.matched_bpm - terms["hr"]) > 0.05:
        return "match clamped"
    return "match moving" if terms["limited"] else "match"


def _of_lead(course: Course, adaptation: Adaptation, terms: Mapping[str, Any]) -> str:
    gate = adaptation.gate
    if gate is not None and gate.state is GateState.PLATEAU:
        return "plateau after steps" if gate.step_backs >= MOST_STEP_BACKS else "plateau far"
    if adaptation.progress == 0.0 and course.shortened_from_bpm is not None:
        return "shortened"
    if not adaptation.closed_loop:
        return "by the clock"
    return _of_signal(adaptation) or _of_gate(gate, adaptation.event, terms["activation"])


def _of_gate(gate: Gate | None, event: Event | None, activation: float) -> str:
    if gate is None:
        return "no reference"
    if event is Event.STEPPED_BACK:
        return "step back"
    if gate.state is GateState.HOLDING:
        return "hold"
    return "lead rising" if activation > gate.hold_above else "lead"
