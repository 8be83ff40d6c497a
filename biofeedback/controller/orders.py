"""What each command does, and the sentence that answers it."""

from __future__ import annotations

from typing import Any

from biofeedback.commands import (
    Answer,
    Command,
    Cue,
    Extend,
    Hold,
    Intensify,
    Marker,
    Override,
    Pause,
    Rating,
    Release,
    Resume,
    Skip,
    Soften,
    Stay,
    Stop,
    Volume,
)
from biofeedback.controller.catalogue import say
from biofeedback.controller.desk import Desk
from biofeedback.controller.hands import ENERGY_STEP, STEP
from biofeedback.controller.lifecycle import COMMANDS, Refused, standing
from biofeedback.models import Lifecycle, QuestionKind
from generator.state import Mode
from protocols.course import ENERGY_FIELDS
from protocols.feasibility import END
from protocols.fields import clip
from protocols.phases import ENERGY_RANGE
from protocols.scales import SCALES

STEERING = (Pause, Hold, Resume, Skip, Extend, Intensify, Soften, Override, Release, Cue)
"""Commands after which, where they are accepted, a decision is made at once."""


def obey(desk: Desk, command: Command, at: float) -> Answer:
    """Carry a command out at `at` seconds of the session; where it does not apply, nothing changes."""
    outcome = COMMANDS[command.name][desk.lifecycle]
    if isinstance(outcome, Refused):
        return _no(outcome.key)
    answer = _carry_out(desk, command, at)
    if answer.accepted and outcome is not Lifecycle.ENDING:
        desk.lifecycle = outcome
        if standing(outcome):
            desk.timeline.stand(at)
        else:
            desk.timeline.go_on(at)
    return answer


def _carry_out(desk: Desk, command: Command, at: float) -> Answer:  # noqa: C901, PLR0911, PLR0912 - a table of commands
    match command:
        case Pause():
            return _yes("pauses")
        case Hold():
            return _yes("holds")
        case Resume():
            return _resume(desk)
        case Stay():
            return _yes("stays") if desk.questions.stay() else _no("nothing to stay")
        case Skip():
            desk.timeline.end()
            return _yes("skips", name=desk.phase_name)
        case Extend(seconds=seconds):
            return _extend(desk, seconds, at)
        case Intensify():
            return _intensify(desk, 1)
        case Soften():
            return _intensify(desk, -1)
        case Override(field=name, value=value):
            return _yes("takes", field=field_words(name, desk.hands.override(name, value)))
        case Release(field=name):
            return _release(desk, name)
        case Cue(cue=cue):
            return _cue(desk, cue)
        case Rating(scale=scale, value=value):
            return _rating(desk, scale, value)
        case Volume(db=db):
            return _yes("volume", volume=db)
        case Marker(at_s=float(at_s)) if at_s > at:
            return _no("not yet", at=at)
        case Stop():
            desk.asked_to_end = desk.asked_to_end or say("reason stopped")
            return _yes("stops")
    return _yes("noted")


def field_words(name: str, value: float) -> str:
    """Return what a parameter in somebody's hands is to be, in words."""
    mode = Mode.of(value).name.lower() if name == "mode" else ""
    return say(f"field {name}", value=value, mode=mode)


def _yes(key: str, **values: Any) -> Answer:
    return Answer(True, say(key, **values))


def _no(key: str, **values: Any) -> Answer:
    return Answer(False, say(key, **values))


def _resume(desk: Desk) -> Answer:
    adaptation, before = desk.adaptation, desk.lifecycle
    if standing(before):
        adaptation.resume()
        return _yes("goes on from silence" if before is Lifecycle.HELD else "goes on")
    if adaptation.can_resume:
        adaptation.resume()
        return _yes("adapts again")
    lost = adaptation.adapts and adaptation.signal.needs_resume
    return _no("no signal to resume" if lost else "nothing to resume")


def _extend(desk: Desk, seconds: float, at: float) -> Answer:
    timeline = desk.timeline
    segment = timeline.segment
    leads = segment is not None and segment.kind == "lead"
    timeline.extend(at, seconds, desk.adaptation.progress if leads else timeline.progress(at))
    desk.questions.close(QuestionKind.BASELINE)
    desk.questions.close(QuestionKind.CUE)
    return _yes("extends", name=desk.phase_name, seconds=seconds, left_s=timeline.left_s(at))


def _intensify(desk: Desk, way: int) -> Answer:
    course, hands = desk.course, desk.hands
    if course.energy is not None:
        energy = round(clip(course.energy + way * ENERGY_STEP, *ENERGY_RANGE), 6)
        if energy == course.energy:
            return _no("energy at its end", energy=energy)
        course.energise(energy)
        hands.touch(*ENERGY_FIELDS)
        return _yes("energy", energy=energy)
    if not desk.sounding:
        return _no("silent here", name=desk.phase_name)
    return (
        _yes("intensity", steps=hands.steps)
        if hands.step(way)
        else _no("intensity at its end", steps=hands.steps)
    )


def _release(desk: Desk, name: str) -> Answer:
    steps = desk.hands.steps if name == "all" else 0
    if steps:
        desk.hands.steps = 0
        desk.hands.touch(*STEP)
    given = desk.hands.release(name)
    words = [*(given), *(["steps"] if steps else [])]
    if not words:
        return _no("nothing in hand")
    return _yes("releases", fields=", ".join(say(f"name {word}") for word in words))


def _cue(desk: Desk, cue: str) -> Answer:
    segment = desk.timeline.segment
    until = None if segment is None else segment.phase.until
    if until is None or until.cue != cue.strip():
        return _no("no such cue", name=desk.phase_name, cue=cue)
    desk.timeline.end()
    return _yes("cue comes", cue=cue, name=desk.phase_name)


def _rating(desk: Desk, scale: str, value: float | None) -> Answer:
    known = SCALES.get(scale)
    if known is None:
        return _no("no such scale", scale=scale, known=", ".join(SCALES))
    if value is not None and not known.low <= value <= known.high:
        return _no("not on the scale", value=value, scale=scale, low=known.low, high=known.high)
    desk.questions.rated(scale, value, desk.phase_name or END)
    return _yes("declined" if value is None else "rated")
