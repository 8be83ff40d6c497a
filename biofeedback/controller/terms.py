"""The numbers behind a decision, as they are recorded with it."""

from __future__ import annotations

from collections.abc import Mapping

from biofeedback.controller.desk import Desk
from biofeedback.controller.gate import GateState
from generator.state import STATE_COLUMNS, MusicState
from physiology.state import PhysiologyState

Terms = Mapping[str, float | str | bool | None]

_TINY_BPM = 1e-6


def terms_of(
    desk: Desk,
    physiology: PhysiologyState | None,
    *,
    wanted: MusicState,
    before: MusicState,
    music: MusicState,
) -> Terms:
    """Return the terms of a decision; what does not apply is None.

    Parameters
    ----------
    desk : Desk
        As it stands.
    physiology : PhysiologyState or None
        The newest.
    wanted, before, music : MusicState
        What was wanted before the limits, what was asked for last, and what is asked for now.
    """
    adaptation, course, hands = desk.adaptation, desk.course, desk.hands
    gate, signal = adaptation.gate, adaptation.signal
    aims = course.goal_bpm != course.t0_bpm
    return {
        "hr": None if physiology is None else physiology.hr_bpm.value,
        "activation": None if physiology is None else physiology.activation,
        "confidence": None if physiology is None else physiology.confidence,
        "a_ref": None if gate is None else gate.a_ref,
        "sigma": None if gate is None else gate.sigma,
        "gate": None if gate is None else str(gate.state),
        "held": gate is not None and gate.state is not GateState.FOLLOWING,
        "step_backs": None if gate is None else gate.step_backs,
        "signal": str(signal.state) if adaptation.adapts else None,
        "needs_resume": adaptation.adapts and signal.needs_resume,
        "t0": course.t0_bpm if aims else adaptation.matched_bpm,
        "goal": course.goal_bpm if aims else None,
        "shortened": course.shortened_from_bpm is not None,
        "wanted_bpm": wanted.tempo_bpm,
        "limited": abs(wanted.tempo_bpm - music.tempo_bpm) > _TINY_BPM,
        "progress": adaptation.progress,
        "lifecycle": desk.lifecycle,
        "energy": course.energy,
        "steps": hands.steps,
        "in_hand": ", ".join(sorted(hands.overrides)) or None,
        "gliding": ", ".join(hands.moving) or None,
        "waits_for": _waits_for(wanted, music),
        "changed": _differing(before, music),
    }


def _waits_for(wanted: MusicState, music: MusicState) -> str | None:
    """Return what the limits have not let arrive yet."""
    return _differing(wanted, music) if music.sounding else None


def _differing(one: MusicState, other: MusicState) -> str | None:
    """Return the names of the parameters that differ, or None."""
    names = [name for name in STATE_COLUMNS if getattr(one, name) != getattr(other, name)]
    return ", ".join(names) or None
