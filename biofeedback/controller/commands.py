"""What each command does to the state of the controller."""

from __future__ import annotations

from biofeedback import commands
from biofeedback.controller.explanations import (
    Acceptance,
    Message,
    Refusal,
    field_name,
    field_value,
)
from biofeedback.controller.lifecycle import COMMANDS
from biofeedback.controller.overrides import ENERGY_STEP, INTENSITY_STEP
from biofeedback.controller.state import ControllerState
from biofeedback.models import EndReason, Lifecycle, QuestionKind
from protocols.course import ENERGY_FIELDS
from protocols.fields import clip
from protocols.phases import ENERGY_RANGE
from protocols.scales import SCALES

STEERING = frozenset(
    {"pause", "hold", "resume", "skip", "extend", "intensify", "soften", "override", "release", "cue"}
)
"""Names of the commands that bring a decision at once where they are accepted."""


def carry_out(state: ControllerState, command: commands.Command, at: float) -> Message:
    """Carry out a command at `at` seconds of the session; a refused one changes nothing."""
    outcome = COMMANDS[command.name][state.lifecycle]
    if isinstance(outcome, Refusal):
        return Message(outcome)
    message = _apply(state, command, at)
    if isinstance(message.what, Acceptance) and outcome is not Lifecycle.ENDING:
        state.lifecycle = outcome
        if state.stands:
            state.timeline.pause(at)
        else:
            state.timeline.resume(at)
    return message


def _apply(state: ControllerState, command: commands.Command, at: float) -> Message:  # noqa: C901, PLR0911, PLR0912 - a table of commands
    match command:
        case commands.Pause():
            return Message(Acceptance.PAUSED)
        case commands.Hold():
            return Message(Acceptance.HELD)
        case commands.Resume():
            return _resume(state)
        case commands.Stay():
            return Message(Acceptance.STAYED if state.questions.stay() else Refusal.NOTHING_ASKED)
        case commands.Skip():
            state.timeline.end()
            return Message(Acceptance.SKIPPED, {"name": state.phase_name})
        case commands.Extend(seconds=seconds):
            return _extend(state, seconds, at)
        case commands.Intensify():
            return _intensify(state, 1)
        case commands.Soften():
            return _intensify(state, -1)
        case commands.Override(field=name, value=value):
            value = state.overrides.override(name, value)
            return Message(Acceptance.OVERRIDDEN, {"field": field_value(name, value)})
        case commands.Release(field=name):
            return _release(state, name)
        case commands.Cue(cue=cue):
            return _cue(state, cue)
        case commands.Rating(scale=scale, value=rating):
            return _rate(state, scale, rating)
        case commands.Volume(db=db):
            return Message(Acceptance.VOLUME_SET, {"volume": db})
        case commands.Marker(at_s=float(at_s)) if at_s > at:
            return Message(Refusal.IN_THE_FUTURE, {"at": at})
        case commands.Stop():
            state.end_reason = state.end_reason or EndReason.STOPPED
            return Message(Acceptance.STOPPED)
    return Message(Acceptance.NOTED)


def _resume(state: ControllerState) -> Message:
    adaptation, before = state.adaptation, state.lifecycle
    if state.stands:
        adaptation.resume()
        silent = before is Lifecycle.HELD
        return Message(Acceptance.RESUMED_FROM_SILENCE if silent else Acceptance.RESUMED)
    if adaptation.can_resume:
        adaptation.resume()
        return Message(Acceptance.ADAPTS_AGAIN)
    lost = adaptation.adapts and adaptation.signal.needs_resume
    return Message(Refusal.SIGNAL_STILL_LOST if lost else Refusal.NOTHING_TO_RESUME)


def _extend(state: ControllerState, seconds: float, at: float) -> Message:
    timeline = state.timeline
    segment = timeline.segment
    leads = segment is not None and segment.kind == "lead"
    timeline.extend(at, seconds, state.adaptation.progress if leads else timeline.progress(at))
    state.questions.close(QuestionKind.BASELINE, QuestionKind.CUE)
    values = {"name": state.phase_name, "seconds": seconds, "left_s": timeline.left_s(at)}
    return Message(Acceptance.EXTENDED, values)


def _intensify(state: ControllerState, by: int) -> Message:
    course, overrides = state.course, state.overrides
    if course.energy is not None:
        energy = round(clip(course.energy + by * ENERGY_STEP, *ENERGY_RANGE), 6)
        if energy == course.energy:
            return Message(Refusal.ENERGY_AT_LIMIT, {"energy": energy})
        course.energise(energy)
        overrides.start_glide(*ENERGY_FIELDS)
        return Message(Acceptance.ENERGY_SET, {"energy": energy})
    if not state.sounding:
        return Message(Refusal.SILENT_PHASE, {"name": state.phase_name})
    changed = overrides.change_intensity(by)
    what = Acceptance.INTENSITY_SET if changed else Refusal.INTENSITY_AT_LIMIT
    return Message(what, {"steps": overrides.steps})


def _release(state: ControllerState, name: str) -> Message:
    overrides = state.overrides
    words = []
    if name == "all" and overrides.steps:
        overrides.steps = 0
        overrides.start_glide(*INTENSITY_STEP)
        words.append("steps of intensity")
    words[:0] = map(field_name, overrides.release(name))
    if not words:
        return Message(Refusal.NOT_OVERRIDDEN)
    return Message(Acceptance.RELEASED, {"fields": ", ".join(words)})


def _cue(state: ControllerState, cue: str) -> Message:
    segment = state.timeline.segment
    until = None if segment is None else segment.phase.until
    values = {"name": state.phase_name, "cue": cue}
    if until is None or until.cue != cue.strip():
        return Message(Refusal.OTHER_CUE, values)
    state.timeline.end()
    return Message(Acceptance.CUE_GIVEN, values)


def _rate(state: ControllerState, scale: str, value: float | None) -> Message:
    known = SCALES.get(scale)
    if known is None:
        return Message(Refusal.UNKNOWN_SCALE, {"scale": scale, "known": ", ".join(SCALES)})
    if value is not None and not known.low <= value <= known.high:
        values = {"value": value, "scale": scale, "low": known.low, "high": known.high}
        return Message(Refusal.NOT_ON_SCALE, values)
    state.questions.rate(scale, value, state.phase_name)
    return Message(Acceptance.RATING_DECLINED if value is None else Acceptance.RATED)
