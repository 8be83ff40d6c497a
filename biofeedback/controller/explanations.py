"""The sentences people read: why the music is as it is, and what a command did.

The controller decides by the enums of this module; a sentence exists once a `Message` is turned into text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, unique
from typing import Any

from biofeedback.commands import Answer
from biofeedback.controller.adaptation import Adaptation, AdaptationEvent, SignalState
from biofeedback.controller.gate import GateState, LeadGate
from biofeedback.controller.state import ControllerState
from biofeedback.models import EndReason, Lifecycle
from generator.state import STATE_FIELDS, Mode, MusicState
from protocols.course import Segment
from protocols.fields import tempo_for
from protocols.phases import BreathePhase, LeadPhase, MatchPhase, ReturnPhase, Section

_DONE = 0.995
"""Progress from which a lead counts as complete: it may stop one estimate short of 1."""

_CLAMPED_BPM = 0.05
"""Difference between two tempi that shows in a sentence, which has one decimal."""


@unique
class Reason(Enum):
    """Why the music is as it is; the value is the sentence."""

    SETTLE = "Settling: there is no music {how_long} while listener and sensors settle."
    BASELINE = "Baseline: silence {how_long} while the resting state is measured."
    SILENCE = "Silence: the protocol asks for a pause {how_long}."
    RECOVERY = "Recovery: silence {how_long} while physiology is observed."
    MATCH = "Matching: the heart rate is {hr:.0f} per minute and the music plays at {tempo:.1f} bpm."
    MATCH_MOVING = (
        "Matching: the heart rate is {hr:.0f} per minute; the tempo moves toward {matched:.1f} bpm, now "
        "{tempo:.1f}, by at most {course.limits.tempo_bpm_per_min:g} bpm per minute."
    )
    MATCH_CLAMPED = (
        "Matching: a heart rate of {hr:.0f} per minute is outside the range that the music may match, so the "
        "tempo is limited to {matched:.1f} bpm, now {tempo:.1f}."
    )
    MATCH_RELATIVE = (
        "Matching: the heart rate is {hr:.0f} per minute and the protocol sets the tempo to "
        "{phase.tempo_bpm}, which is {matched:.1f} bpm, now {tempo:.1f}."
    )
    MATCH_ONCE = (
        "Matching once: the heart rate at the start sets the tempo to {matched:.1f} bpm, now {tempo:.1f}; "
        "the open-loop arm does not follow it further."
    )
    MATCH_WAITING = "Waiting: the heart rate is not known yet, so the music stays at {tempo:.1f} bpm."
    MATCH_FIXED = "Matching: the protocol sets the tempo to {tempo:.1f} bpm."
    LEAD_SHORTENED = (
        "Leading toward {course.goal_bpm:.1f} bpm instead of {course.shortened_from_bpm:.1f}: at "
        "{course.limits.tempo_bpm_per_min:g} bpm per minute the lead has no time to go further from "
        "{course.t0_bpm:.1f} bpm."
    )
    LEAD = (
        "Leading {phase.direction}: physiological activation is {activation:+.1f}, not {beyond} "
        "{gate.hold_at:+.1f}, so the tempo moves on toward {course.goal_bpm:.1f} bpm, now {tempo:.1f}."
    )
    LEAD_MAY_HOLD = (
        "Leading {phase.direction}: physiological activation is {activation:+.1f}, {beyond} "
        "{gate.hold_at:+.1f} for {off_s:.0f} s; the music, now at {tempo:.1f} bpm, moves on unless this "
        "lasts {gate.rules.hold_after_s:.0f} s."
    )
    HOLD = (
        "Holding: physiological activation went {beyond} {gate.hold_at:+.1f} and is not yet back {within} "
        "{gate.release_at:+.1f}, so the music waits at {tempo:.1f} bpm."
    )
    STEP_BACK = (
        "Stepping back: physiological activation stayed {beyond} {gate.release_at:+.1f}, so the lead loses "
        "{back_percent:.0f} % of its progress and stands at {percent:.0f} %, now {tempo:.1f} bpm."
    )
    PLATEAU_AFTER_STEPS = (
        "Plateau: physiological activation stayed {beyond} {gate.release_at:+.1f} after {gate.step_backs} "
        "steps back, so the music stays as it is; please look at the listener and choose Resume to go on."
    )
    PLATEAU_FAR = (
        "Plateau: physiological activation was above {gate.plateau_at:+.1f} for "
        "{gate.rules.plateau_after_s:.0f} s, so the music stays as it is; please look at the listener and "
        "choose Resume to go on."
    )
    NO_REFERENCE = "On plan: too little activation was measured; the clock leads, now {tempo:.1f} bpm."
    LEAD_BY_CLOCK = (
        "Leading by the clock: {source} does not wait for the listener here, now {tempo:.1f} bpm on the way "
        "to {course.goal_bpm:.1f}."
    )
    SIGNAL_WEAK = "Continuing as before at {tempo:.1f} bpm: the signal is too weak to trust."
    SIGNAL_FROZEN = "Holding at {tempo:.1f} bpm: the signal has been too weak to trust for {idle_s:.0f} s."
    SIGNAL_FROZEN_UNTIL_RESUME = "Holding: the signal is back; choose Resume to adapt to it again."
    SIGNAL_ON_PLAN = (
        "On plan: the signal has been too weak to trust for {idle_s:.0f} s, so the music follows the "
        "planned arc by the clock, now {tempo:.1f} bpm."
    )
    SIGNAL_ON_PLAN_UNTIL_RESUME = (
        "On plan: the signal is back after a loss, but the music follows the clock, now {tempo:.1f} bpm, "
        "until someone chooses Resume."
    )
    SIGNAL_RECOVERED = "Adapting again: the signal can be trusted; the music continues from {tempo:.1f} bpm."
    SUSTAIN = "Sustaining: the music stays at {tempo:.1f} bpm for another {left_s:.0f} s."
    SUSTAIN_EARLY = "Sustaining at {tempo:.1f} bpm: the lead ended at {lead_percent:.0f} % of its progress."
    SECTION_TRAVELS = "Travelling: {name} goes to {course.goal_bpm:.1f} bpm, now {tempo:.1f}."
    SECTION_STAYS = "Staying: {name} stays at {tempo:.1f} bpm for another {left_s:.0f} s."
    BREATHE = (
        "Breathing: the music swells {rate:.1f} times per minute at {tempo:.1f} bpm, {left_s:.0f} s more."
    )
    BREATHE_OWN = (
        "Breathing: the music swells {rate:.1f} times per minute, {share:.0f} % of the listener's own rate, "
        "at {tempo:.1f} bpm for another {left_s:.0f} s."
    )
    BREATHE_ASSESSED = (
        "Breathing: the music swells {rate:.1f} times per minute, the rate with the largest swing of the "
        "heart rate, at {tempo:.1f} bpm for another {left_s:.0f} s."
    )
    BREATHE_FALLBACK = (
        "Breathing: the music swells {rate:.1f} times per minute because the listener's own rate is not "
        "known, at {tempo:.1f} bpm for another {left_s:.0f} s."
    )
    BREATHE_UNASSESSED = (
        "Breathing: the music swells {rate:.1f} times per minute because the assessment found no rate, at "
        "{tempo:.1f} bpm for another {left_s:.0f} s."
    )
    ASSESS = "Assessing: breathing at {rate:.1f} per minute for another {left_s:.0f} s, at {tempo:.1f} bpm."
    ENGAGE = (
        "Engaging {how_long}: people alone set the energy, now {energy:.1f}, so the music goes to "
        "{course.goal_bpm:.1f} bpm, now {tempo:.1f}."
    )
    RETURN = (
        "Returning: the music goes to {course.goal_bpm:.1f} bpm, now {tempo:.1f}, for another {left_s:.0f} s."
    )
    PAUSED = "Paused: the music stays at {tempo:.1f} bpm; the phase {name} waits for Resume."
    PAUSED_IN_SILENCE = "Paused: it stays silent; the phase {name} waits for Resume."
    HELD = "Held: the music is silent; the phase {name} waits for Resume."
    ENDING = "Ending: {end}; the music fades out over {fade_s:.0f} s."
    ENDING_IN_SILENCE = "Ending: {end}."


@unique
class Acceptance(Enum):
    """What an accepted command does; the value is the answer."""

    PAUSED = "The protocol waits; the music continues unchanged."
    HELD = "The protocol waits; the music fades to silence within 4 s."
    RESUMED = "The protocol continues."
    RESUMED_FROM_SILENCE = "The protocol continues; the music rises over 10 s."
    ADAPTS_AGAIN = "The music adapts to the listener again."
    STAYED = "Nothing changes; the question is not asked again in this phase."
    SKIPPED = "The phase {name} ends now."
    EXTENDED = "The phase {name} is extended by {seconds:.0f} s; {left_s:.0f} s are left."
    ENERGY_SET = "Energy is set to {energy:.1f}."
    INTENSITY_SET = "Intensity is set to {steps:+d} of 3 steps."
    OVERRIDDEN = "Set by hand: {field}; the music moves there within the limits."
    RELEASED = "Returned to the protocol: {fields}; the music moves there within the limits."
    CUE_GIVEN = "The cue {cue} ends the phase {name}."
    VOLUME_SET = "The master volume is set to {volume:.0f} dB."
    NOTED = "Recorded."
    RATED = "The rating is recorded."
    RATING_DECLINED = "It is recorded that the listener gave no rating."
    STOPPED = "The session ends now."
    SILENCED = "The music is silenced at once."


@unique
class Refusal(Enum):
    """Why a command does not apply; the value is the answer."""

    NOT_BEGUN = "The session has not begun."
    ENDING = "The session is ending."
    ENDED = "The session is over."
    ALREADY_PAUSED = "The session is already paused."
    ALREADY_HELD = "The music is already held."
    NOTHING_TO_RESUME = "There is nothing to resume."
    SIGNAL_STILL_LOST = "The signal is still lost; choose Resume once it is back."
    NOTHING_ASKED = "No question waits for this answer."
    ENERGY_AT_LIMIT = "Energy is already at its limit, {energy:.1f}."
    SILENT_PHASE = "There is no music in the phase {name}."
    INTENSITY_AT_LIMIT = "Intensity is already at {steps:+d} of 3 steps."
    NOT_OVERRIDDEN = "None of this is set by hand."
    OTHER_CUE = "The phase {name} does not wait for the cue {cue}."
    IN_THE_FUTURE = "This moment is in the future: the session is {at:.1f} s old."
    UNKNOWN_SCALE = "There is no scale {scale}; the scales are {known}."
    NOT_ON_SCALE = "{value:g} is not on the scale {scale}, which goes from {low} to {high}."


_FIELD_NAMES = {
    "tempo_bpm": "tempo",
    "level_db": "level",
    "breath_rate": "breathing rate",
    "breath_depth": "breathing depth",
}
"""Fields of `MusicState` whose names people would not write."""

_UNIT_FORMATS = {"bpm": "{:.1f} bpm", "dB": "{:.1f} dB", "1/min": "{:.1f} per minute", "count": "{:.0f}"}


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence before it is made: what it says, and the values in it.

    Attributes
    ----------
    what : Reason, Acceptance or Refusal
        What is said.
    values : mapping
        By the names in the sentence; there may be more.
    overrides : tuple of str
        Parameters set by hand, to be named at the end of the sentence.
    """

    what: Reason | Acceptance | Refusal
    values: Mapping[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()

    def __str__(self) -> str:
        sentence: str = self.what.value.format_map(self.values)
        if self.overrides:
            return f"{sentence.removesuffix('.')}; set by hand: {', '.join(self.overrides)}."
        return sentence


def answer(message: Message) -> Answer:
    """Return the answer to a command."""
    return Answer(isinstance(message.what, Acceptance), str(message))


def field_name(name: str) -> str:
    """Return a field of `MusicState` as people call it."""
    return _FIELD_NAMES.get(name, name)


def field_value(name: str, value: float) -> str:
    """Return a field of `MusicState` with its value, such as ``tempo 80.0 bpm``."""
    if name == "mode":
        return f"mode {Mode.of(value).name.lower()}"
    return f"{field_name(name)} {_UNIT_FORMATS.get(STATE_FIELDS[name].unit, '{:.2f}').format(value)}"


def explain_end(reason: EndReason, fade_s: float) -> Message:
    """Return why the session ends, and how."""
    what = Reason.ENDING if fade_s else Reason.ENDING_IN_SILENCE
    return Message(what, {"end": reason, "fade_s": fade_s})


def explain(
    state: ControllerState, segment: Segment, music: MusicState, terms: Mapping[str, Any], at: float
) -> Message:
    """Return why the music is as it is.

    Parameters
    ----------
    state : ControllerState
        After the decision.
    segment : Segment
        The present one.
    music : MusicState
        What was asked for.
    terms : mapping
        The decision's terms.
    at : float
        Seconds from the start of the session.
    """
    adaptation, phase, left_s = state.adaptation, segment.phase, state.timeline.left_s(at)
    share = phase.share_of_own if isinstance(phase, BreathePhase) else None
    values = {
        **terms,
        "phase": phase,
        "course": state.course,
        "name": segment.name,
        "left_s": left_s,
        "how_long": _how_long(segment, left_s),
        "source": "the open-loop arm" if state.protocol.arm == "open-loop" else "the protocol",
        "tempo": music.tempo_bpm,
        "matched": adaptation.matched_bpm,
        "percent": 100 * adaptation.progress,
        "lead_percent": 100 * (state.lead_progress or 0.0),
        "idle_s": adaptation.signal.idle_for(at),
        "rate": music.breath_rate,
        "share": 100 * (share or 0.0),
        **_gate_values(phase, adaptation.gate, state.timeline.course_s(at)),
    }
    return Message(_reason(state, segment, music, terms), values, _overrides(state, music))


def _how_long(segment: Segment, left_s: float) -> str:
    until = segment.phase.until
    if until is None:
        return f"for another {left_s:.0f} s"
    return f"until the cue {until.cue}, for at most {left_s:.0f} s"


def _overrides(state: ControllerState, music: MusicState) -> tuple[str, ...]:
    overrides = state.overrides
    if not music.sounding:
        return ()
    words = tuple(field_value(name, value) for name, value in overrides.values.items())
    return (
        (*words, f"{overrides.steps:+d} steps of intensity")
        if overrides.steps and not state.engaging
        else words
    )


def _gate_values(phase: object, gate: LeadGate | None, now: float) -> dict[str, Any]:
    if gate is None or not isinstance(phase, LeadPhase):
        return {}
    beyond, within = ("above", "below") if phase.direction == "down" else ("below", "above")
    return {
        "gate": gate,
        "beyond": beyond,
        "within": within,
        "off_s": gate.off_for(now),
        "back_percent": 100 * gate.rules.step_back_share,
    }


def _reason(state: ControllerState, segment: Segment, music: MusicState, terms: Mapping[str, Any]) -> Reason:
    if state.lifecycle is Lifecycle.HELD:
        return Reason.HELD
    if state.lifecycle is Lifecycle.PAUSED:
        return Reason.PAUSED if music.sounding else Reason.PAUSED_IN_SILENCE
    if segment.kind in _CONSTANT:
        return _CONSTANT[segment.kind]
    return _adapted(state, segment, terms)


_CONSTANT = {
    "settle": Reason.SETTLE,
    "baseline": Reason.BASELINE,
    "silence": Reason.SILENCE,
    "recovery": Reason.RECOVERY,
    "engage": Reason.ENGAGE,
}
"""Phases whose reason never changes."""


def _adapted(  # noqa: PLR0911 - a table of phases
    state: ControllerState, segment: Segment, terms: Mapping[str, Any]
) -> Reason:
    """Return the reason in a phase whose reason depends on the listener or the course."""
    match segment.phase:
        case MatchPhase() | Section() as phase if segment.reads_heart_rate:
            return _follow_heart_rate(state.adaptation, phase.tempo_bpm, terms)
        case MatchPhase():
            return Reason.MATCH_FIXED
        case Section():
            return Reason.SECTION_TRAVELS if terms["limited"] else Reason.SECTION_STAYS
        case LeadPhase():
            return _lead(state, terms["activation"])
        case BreathePhase() as phase:
            return _breathe(phase, known=state.course.breath_known)
        case ReturnPhase():
            return _signal(state.adaptation) or Reason.RETURN
    early = state.lead_progress is not None and state.lead_progress < _DONE
    return Reason.SUSTAIN_EARLY if early else Reason.SUSTAIN


def _breathe(phase: BreathePhase, *, known: bool) -> Reason:
    if phase.assess:
        return Reason.ASSESS
    if phase.breath_rate is not None:
        return Reason.BREATHE
    if phase.assessed:
        return Reason.BREATHE_ASSESSED if known else Reason.BREATHE_UNASSESSED
    return Reason.BREATHE_OWN if known else Reason.BREATHE_FALLBACK


def _signal(adaptation: Adaptation) -> Reason | None:
    """Return the reason where the signal is too weak to adapt to, or has only just recovered."""
    signal = adaptation.signal
    if not adaptation.adapts:
        return None
    waits = signal.needs_resume and not signal.weak
    match signal.state:
        case SignalState.PLAN:
            return Reason.SIGNAL_ON_PLAN_UNTIL_RESUME if waits else Reason.SIGNAL_ON_PLAN
        case SignalState.FROZEN:
            return Reason.SIGNAL_FROZEN_UNTIL_RESUME if waits else Reason.SIGNAL_FROZEN
        case SignalState.WEAK:
            return Reason.SIGNAL_WEAK
        case SignalState.GOOD:
            recovered = adaptation.event is AdaptationEvent.RECOVERED
            return Reason.SIGNAL_RECOVERED if recovered else None


def _follow_heart_rate(adaptation: Adaptation, tempo_bpm: float | str, terms: Mapping[str, Any]) -> Reason:
    if not adaptation.has_met:
        return Reason.MATCH_WAITING
    if not adaptation.adapts:
        return Reason.MATCH_ONCE
    if (reason := _signal(adaptation)) is not None:
        return reason
    unbounded = tempo_for(tempo_bpm, terms["hr"], -math.inf, math.inf)
    if abs((adaptation.matched_bpm or 0.0) - unbounded) > _CLAMPED_BPM:
        return Reason.MATCH_CLAMPED
    if tempo_bpm != "hr":
        return Reason.MATCH_RELATIVE
    return Reason.MATCH_MOVING if terms["limited"] else Reason.MATCH


def _lead(state: ControllerState, activation: float) -> Reason:
    adaptation, gate = state.adaptation, state.adaptation.gate
    if gate is not None and gate.state is GateState.PLATEAU:
        return Reason.PLATEAU_FAR if gate.too_far else Reason.PLATEAU_AFTER_STEPS
    if adaptation.progress == 0.0 and state.course.shortened_from_bpm is not None:
        return Reason.LEAD_SHORTENED
    if not adaptation.waits:
        return Reason.LEAD_BY_CLOCK
    return _signal(adaptation) or _gate(gate, adaptation.event, activation)


def _gate(gate: LeadGate | None, event: AdaptationEvent | None, activation: float) -> Reason:
    if gate is None:
        return Reason.NO_REFERENCE
    if event is AdaptationEvent.STEPPED_BACK:
        return Reason.STEP_BACK
    if gate.state is GateState.HOLDING:
        return Reason.HOLD
    return Reason.LEAD_MAY_HOLD if gate.is_off(activation) else Reason.LEAD
