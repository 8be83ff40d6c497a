"""Whether tempo can get from phase to phase within the limits, whatever the listener's heart does."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.bounds import GOAL_SHARE, GOAL_SHARE_UP, HIGHEST_GOAL_BPM, LOWEST_GOAL_BPM
from protocols.energy import energetic
from protocols.errors import Fault, Path
from protocols.limits import PEAK_OF_MEAN, Limits, limits_in, travel_s
from protocols.outline import Outline
from protocols.phases import Engage, Lead, Match, Return, Section, Stretch

_TINY = 1e-6
LEAD_LIMIT_BPM_PER_MIN = 3.0
Tempi = tuple[float, ...]
"""The tempi, or the slowest and the fastest, that the music may have; empty where there is no music yet."""


def lead_goal(t0_bpm: float, goal_bpm: float, direction: str = "down") -> float:
    """Return the goal of a lead: ``max(42, min(goal, 0.85·T0))``, upward ``min(120, max(goal, 1.15·T0))``."""
    if direction == "up":
        return min(HIGHEST_GOAL_BPM, max(goal_bpm, GOAL_SHARE_UP * t0_bpm))
    return max(LOWEST_GOAL_BPM, min(goal_bpm, GOAL_SHARE * t0_bpm))


def tempo_faults(protocol: Outline) -> Iterator[Fault]:
    """Follow the tempi there may be from phase to phase; what begins after silence is free."""
    tempi: Tempi = ()
    before: Stretch | None = None
    for path, phase in _stretches(protocol):
        yield from _bounds(path, phase)
        if isinstance(phase, Lead) and isinstance(before, Match):
            yield from _lead(path, phase, before, limits_in(phase, protocol.limits))
        elif isinstance(phase, Section | Return):
            yield from _way(path, phase, tempi, limits_in(phase, protocol.limits))
        tempi = _tempi(phase, tempi or (protocol.default_tempo_bpm,)) if phase.sounds else ()
        before = phase


def _stretches(protocol: Outline) -> Iterator[tuple[Path, Stretch]]:
    for index, phase in enumerate(protocol.phases):
        if phase.kind == "arc":
            for inner, section in enumerate(phase.sections):
                yield ("phases", index, "sections", inner), section
        else:
            yield ("phases", index), phase


def _bounds(path: Path, phase: Stretch) -> Iterator[Fault]:
    if isinstance(phase, Match | Section | Return) and phase.hr_lowest_bpm > phase.hr_highest_bpm:
        yield Fault(
            (*path, "hr_lowest_bpm"),
            f"{phase.hr_lowest_bpm:g} lies above hr_highest_bpm {phase.hr_highest_bpm:g}; "
            "the lowest comes first",
        )


def _tempi(phase: Stretch, before: Tempi) -> Tempi:
    """Return the tempi with which a sounding phase may end."""
    match phase:
        case Match() | Section() | Return():
            if isinstance(phase.tempo_bpm, str):
                return (phase.hr_lowest_bpm, phase.hr_highest_bpm)
            return (phase.tempo_bpm,)
        case Lead(direction="up"):
            return (min(before), HIGHEST_GOAL_BPM)
        case Lead():
            return (LOWEST_GOAL_BPM, max(before))
        case Engage(energy=float() as energy):
            # As written: how far listener and therapist turn it up or down cannot be known.
            return (energetic(energy).tempo_bpm,)
    return before


def _lead(path: Path, lead: Lead, match: Match, limits: Limits) -> Iterator[Fault]:
    """Refuse a lead that fits nobody: not even the listener who has least to travel."""
    speed = limits.tempo_bpm_per_min
    if speed > LEAD_LIMIT_BPM_PER_MIN:
        yield Fault(
            ("limits", "tempo_bpm_per_min")
            if lead.tempo_bpm_per_min is None
            else (*path, "tempo_bpm_per_min"),
            f"{speed:g} bpm/min is too fast for a lead; at most {LEAD_LIMIT_BPM_PER_MIN:g}, more only in "
            "a protocol without a lead",
        )
        return
    starts = _tempi(match, ())
    share = GOAL_SHARE_UP if lead.direction == "up" else GOAL_SHARE
    turning = lead.goal_bpm / share
    if min(starts) < turning < max(starts):
        starts = (*starts, turning)
    least, t0 = min((abs(lead_goal(t0, lead.goal_bpm, lead.direction) - t0), t0) for t0 in starts)
    needed_s = PEAK_OF_MEAN * least / speed * 60
    if lead.duration_s < needed_s - _TINY:
        goal = lead_goal(t0, lead.goal_bpm, lead.direction)
        yield Fault(
            (*path, "duration_s"),
            f"impossible lead: {t0:.4g} to {goal:.4g} bpm at {speed:g} bpm/min does not fit into "
            f"{lead.duration_s:g} s; {_whole(needed_s)} s would do",
        )


def _way(path: Path, phase: Section | Return, before: Tempi, limits: Limits) -> Iterator[Fault]:
    """Refuse a section or return that may not arrive in time; a return travels by minimum jerk."""
    if isinstance(phase.tempo_bpm, str) or not before:
        return
    target = phase.tempo_bpm
    needed_s, start = max((travel_s(limits, tempo, target), tempo) for tempo in before)
    if phase.kind == "return":
        needed_s *= PEAK_OF_MEAN
    if needed_s > phase.duration_s + _TINY:
        what = "return" if phase.kind == "return" else "section"
        yield Fault(
            (*path, "tempo_bpm"),
            f"impossible {what}: {start:g} to {target:g} bpm at {limits.tempo_bpm_per_min:g} bpm/min and "
            f"{limits.tempo_percent_per_bar:g} % a bar does not fit into {phase.duration_s:g} s; "
            f"{_whole(needed_s)} s would do",
        )


def _whole(seconds: float) -> int:
    return -int(-(seconds - _TINY) // 1)
