"""Rules between the fields of a protocol, so that every protocol that is accepted can be carried out."""

from __future__ import annotations

import math
from collections.abc import Iterator

from protocols.errors import FieldFault, FieldPath
from protocols.fields import (
    GOAL_SHARE,
    GOAL_SHARE_UP,
    HIGHEST_GOAL_BPM,
    LOWEST_GOAL_BPM,
    PEAK_OF_MEAN,
    Limits,
    limits_in,
    travel_s,
)
from protocols.outline import Goal, Outline, span_of
from protocols.phases import (
    AnyPhase,
    ArcPhase,
    BreathePhase,
    EngagePhase,
    LeadPhase,
    MatchingPhase,
    MatchPhase,
    ReturnPhase,
    Section,
    Stretch,
    energetic,
)

SHORTEST_ASSESSMENT_S = 80.0
"""Shortest step of a breathing assessment that can be judged: 60 s after the 20 s that are left out, see
``physiology.resonance``."""

LEAST_RATES = 3
"""Fewest rates that an assessment compares, see ``physiology.resonance``."""

HIGHEST_DOWNWARD_GOAL_BPM = 100.0
"""Highest goal of a lead downward: the fastest tempo that music matches."""

TWICE = 2
"""How often a rating must be asked for to show a change."""

END = "end"
"""Name of the phase that follows the last one; no other may have it."""


def faults(protocol: Outline) -> tuple[FieldFault, ...]:
    """Return every rule between fields that the protocol breaks."""
    return (
        *_contents(protocol),
        *_names(protocol),
        *_leads(protocol),
        *_breathing(protocol),
        *_last_questions(protocol),
        *_energies(protocol),
        *_goals(protocol),
        *tempo_faults(protocol),
    )


def _parts(protocol: Outline) -> Iterator[tuple[FieldPath, AnyPhase | Section]]:
    """Yield every phase with the path to it, an arc before its sections."""
    for index, phase in enumerate(protocol.phases):
        yield ("phases", index), phase
        if isinstance(phase, ArcPhase):
            for inner, section in enumerate(phase.sections):
                yield ("phases", index, "sections", inner), section


def _contents(protocol: Outline) -> Iterator[FieldFault]:
    if not protocol.phases:
        yield FieldFault(("phases",), "the list is empty; a session needs at least one phase")
    for index, phase in enumerate(protocol.phases):
        path = ("phases", index)
        if isinstance(phase, ArcPhase) and not phase.sections:
            yield FieldFault((*path, "sections"), "the list is empty; an arc needs at least one section")
        if protocol.arm == "silence" and (isinstance(phase, ArcPhase) or phase.sounds):
            yield FieldFault(
                (*path, "kind"),
                f"{phase.kind} is music, and in the arm silence there is none; use settle, baseline, silence "
                "or recovery, or another arm",
            )


def _names(protocol: Outline) -> Iterator[FieldFault]:
    seen = {END}
    for path, part in _parts(protocol):
        if part.name in seen:
            reason = "is the name of the closing fade" if part.name == END else "names an earlier phase"
            yield FieldFault((*path, "name"), f"{part.name!r} {reason}; every phase needs a name of its own")
        seen.add(part.name)


def _leads(protocol: Outline) -> Iterator[FieldFault]:
    baseline_known = False
    before: AnyPhase | Section | None = None
    for path, phase in _parts(protocol):
        if isinstance(phase, LeadPhase):
            if not isinstance(before, MatchPhase):
                yield FieldFault(
                    (*path, "kind"), "this lead follows no match; put a match phase directly before it"
                )
            yield from _gating(path, phase, protocol.arm, baseline_known=baseline_known)
            if phase.direction == "down" and phase.goal_bpm > HIGHEST_DOWNWARD_GOAL_BPM:
                yield FieldFault(
                    (*path, "goal_bpm"),
                    f"is {phase.goal_bpm:g}; it must be a number from 42 to 100 bpm in a lead downward; "
                    "write direction: up for one upward",
                )
        baseline_known = baseline_known or phase.kind == "baseline"
        before = phase


def _gating(path: FieldPath, lead: LeadPhase, arm: str, *, baseline_known: bool) -> Iterator[FieldFault]:
    """Check that a lead that waits has a baseline before it, and the order of its gate's limits."""
    waits = lead.gating == "listener" or (lead.gating is None and arm == "closed-loop")
    if waits and not baseline_known:
        which = "a closed-loop lead" if arm == "closed-loop" else "a lead that waits for the listener"
        yield FieldFault(
            (*path, "kind"),
            f"{which} needs the listener's baseline; put a baseline phase before the match",
        )
    gate = lead.gate
    if gate.release_sigma >= gate.hold_sigma:
        yield FieldFault(
            (*path, "gate", "release_sigma"),
            f"is {gate.release_sigma:g}; it must be smaller than hold_sigma {gate.hold_sigma:g}, below which "
            "a lead is not held",
        )
    if gate.plateau_sigma is not None and gate.plateau_sigma <= gate.hold_sigma:
        yield FieldFault(
            (*path, "gate", "plateau_sigma"),
            f"is {gate.plateau_sigma:g}; it must be larger than hold_sigma {gate.hold_sigma:g}",
        )


def _breathing(protocol: Outline) -> Iterator[FieldFault]:
    rates: set[float] = set()
    for path, phase in _parts(protocol):
        if not isinstance(phase, BreathePhase):
            continue
        if fault := _breath(path, phase, rates):
            yield fault
        if phase.assess and phase.breath_rate is not None:
            rates.add(phase.breath_rate)


def _breath(path: FieldPath, phase: BreathePhase, rates_before: set[float]) -> FieldFault | None:
    ways = [name for name in ("breath_rate", "share_of_own", "assessed") if getattr(phase, name)]
    if not ways:
        return FieldFault(
            (*path, "breath_rate"), "is missing; breath_rate, share_of_own or assessed: true is needed"
        )
    if len(ways) > 1:
        return FieldFault((*path, ways[1]), f"the rate is set already by {ways[0]}; leave one of them out")
    if phase.assessed and len(rates_before) < LEAST_RATES:
        return FieldFault(
            (*path, "assessed"),
            "there is nothing to find a rate from; put breathe phases with assess: true and at least three "
            "different rates before it",
        )
    if phase.assess and phase.breath_rate is None:
        return FieldFault(
            (*path, "assess"), f"a step of an assessment tries one rate; give breath_rate, not {ways[0]}"
        )
    if phase.assess and phase.duration_s < SHORTEST_ASSESSMENT_S:
        return FieldFault(
            (*path, "duration_s"),
            f"{phase.duration_s:g} s are too short to judge a rate of breathing; at least "
            f"{SHORTEST_ASSESSMENT_S:g} s, better 120 s",
        )
    return None


def _last_questions(protocol: Outline) -> Iterator[FieldFault]:
    """Refuse a question at the very end: after a silent phase there is no fade in which to answer."""
    last = len(protocol.phases) - 1
    ratings = protocol.stretches[-1].ratings if protocol.stretches else ()
    for index, asked in enumerate(ratings):
        if asked.at == "end" and not protocol.stretches[-1].sounds:
            yield FieldFault(
                ("phases", last, "ratings", index, "at"),
                "the session ends with this phase, so that nobody could answer; ask at its begin, or put a "
                "phase after it",
            )


def _energies(protocol: Outline) -> Iterator[FieldFault]:
    for path, phase in _parts(protocol):
        if isinstance(phase, EngagePhase):
            if phase.energy is None:
                yield FieldFault(
                    (*path, "energy"),
                    "is missing; a number from 0 to 1 is needed in the first engage phase",
                )
            return


def _goals(protocol: Outline) -> Iterator[FieldFault]:
    names: set[str] = set()
    for index, goal in enumerate(protocol.goals):
        path = ("goals", index)
        if goal.name in names:
            yield FieldFault(
                (*path, "name"), f"{goal.name!r} names an earlier goal; every goal needs a name of its own"
            )
        names.add(goal.name)
        if fault := _goal(path, goal, protocol):
            yield fault


def _goal(path: FieldPath, goal: Goal, protocol: Outline) -> FieldFault | None:
    phases = {phase.name: phase for phase in protocol.stretches}
    for key, name in (("from", goal.from_), ("at", goal.at)):
        if name is not None and name not in phases:
            return FieldFault((*path, key), f"there is no phase {name!r}; there are {', '.join(phases)}")
    span = span_of(goal, protocol.stretches)
    start, end = (phases.get(name or "") for name in span)
    if goal.scale is not None and (fault := _unasked(path, goal.scale, start, end)):
        return fault
    if start is None:
        return FieldFault(
            (*path, "from"), "is missing; there is no baseline, so the name of a phase is needed"
        )
    if end is None:
        return FieldFault((*path, "at"), "is missing; no phase has music, so the name of a phase is needed")
    return _order(path, goal, list(phases), start, end)


def _unasked(path: FieldPath, scale: str, start: Stretch | None, end: Stretch | None) -> FieldFault | None:
    """Return the fault of a goal about a rating that no phase asks for."""
    remedy = f"put ratings: [{{scale: {scale}}}]"
    for key, phase in (("from", start), ("at", end)):
        if phase is None:
            return FieldFault((*path, "measure"), f"no phase asks for {scale}; {remedy} into two")
        if scale not in [asked.scale for asked in phase.ratings]:
            return FieldFault((*path, key), f"phase {phase.name!r} does not ask for {scale}; {remedy} there")
    return None


def _order(path: FieldPath, goal: Goal, order: list[str], start: Stretch, end: Stretch) -> FieldFault | None:
    if order.index(start.name) > order.index(end.name):
        return FieldFault((*path, "at"), f"{end.name!r} comes before {start.name!r}; exchange from and at")
    times_asked = sum(asked.scale == goal.scale for asked in start.ratings)
    if start is end and times_asked < TWICE:
        remedy = "name two phases" if goal.scale is None else f"ask for {goal.scale} in two phases"
        return FieldFault(
            (*path, "at"), f"from and at are both {end.name!r}, so nothing can change; {remedy}"
        )
    return None


_TINY = 1e-6
LEAD_LIMIT_BPM_PER_MIN = 3.0
Tempi = tuple[float, ...]
"""The tempi, or the slowest and the fastest, that the music may have; empty before there is music."""


def lead_goal(t0_bpm: float, goal_bpm: float, direction: str = "down") -> float:
    """Return the goal of a lead: ``max(42, min(goal, 0.85·T0))``, upward ``min(120, max(goal, 1.15·T0))``."""
    if direction == "up":
        return min(HIGHEST_GOAL_BPM, max(goal_bpm, GOAL_SHARE_UP * t0_bpm))
    return max(LOWEST_GOAL_BPM, min(goal_bpm, GOAL_SHARE * t0_bpm))


def tempo_faults(protocol: Outline) -> Iterator[FieldFault]:
    """Follow the possible tempi from phase to phase; a phase after silence may begin at any."""
    tempi: Tempi = ()
    before: Stretch | None = None
    for path, phase in _parts(protocol):
        if isinstance(phase, ArcPhase):
            continue
        if isinstance(phase, MatchingPhase) and phase.hr_lowest_bpm > phase.hr_highest_bpm:
            yield FieldFault(
                (*path, "hr_lowest_bpm"),
                f"{phase.hr_lowest_bpm:g} lies above hr_highest_bpm {phase.hr_highest_bpm:g}; "
                "the lowest comes first",
            )
        if isinstance(phase, LeadPhase) and isinstance(before, MatchPhase):
            yield from _lead(path, phase, before, limits_in(phase, protocol.limits))
        elif isinstance(phase, Section | ReturnPhase):
            yield from _way(path, phase, tempi, limits_in(phase, protocol.limits))
        tempi = _tempi(phase, tempi or (protocol.default_tempo_bpm,)) if phase.sounds else ()
        before = phase


def _tempi(phase: Stretch, before: Tempi) -> Tempi:
    """Return the tempi with which a sounding phase may end."""
    match phase:
        case MatchingPhase(tempo_bpm=str()):
            return (phase.hr_lowest_bpm, phase.hr_highest_bpm)
        case MatchingPhase(tempo_bpm=float() as tempo_bpm):
            return (tempo_bpm,)
        case LeadPhase(direction="up"):
            return (min(before), HIGHEST_GOAL_BPM)
        case LeadPhase():
            return (LOWEST_GOAL_BPM, max(before))
        case EngagePhase(energy=float() as energy):
            # As written: how far listener and therapist turn it up or down cannot be known.
            return (energetic(energy).tempo_bpm,)
    return before


def _lead(path: FieldPath, lead: LeadPhase, match: MatchPhase, limits: Limits) -> Iterator[FieldFault]:
    """Refuse a lead that is too short even for the listener whose tempo has least to change."""
    speed = limits.tempo_bpm_per_min
    if speed > LEAD_LIMIT_BPM_PER_MIN:
        yield FieldFault(
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
        yield FieldFault(
            (*path, "duration_s"),
            f"impossible lead: {t0:.4g} to {goal:.4g} bpm at {speed:g} bpm/min does not fit into "
            f"{lead.duration_s:g} s; {math.ceil(needed_s - _TINY)} s would do",
        )


def _way(
    path: FieldPath, phase: Section | ReturnPhase, before: Tempi, limits: Limits
) -> Iterator[FieldFault]:
    """Refuse a section or return that may not reach its tempo in time; a return moves by minimum jerk."""
    if isinstance(phase.tempo_bpm, str) or not before:
        return
    target = phase.tempo_bpm
    needed_s, start = max((travel_s(limits, tempo, target), tempo) for tempo in before)
    what = "section"
    if phase.kind == "return":
        what, needed_s = "return", needed_s * PEAK_OF_MEAN
    if needed_s > phase.duration_s + _TINY:
        yield FieldFault(
            (*path, "tempo_bpm"),
            f"impossible {what}: {start:g} to {target:g} bpm at {limits.tempo_bpm_per_min:g} bpm/min and "
            f"{limits.tempo_percent_per_bar:g} % a bar does not fit into {phase.duration_s:g} s; "
            f"{math.ceil(needed_s - _TINY)} s would do",
        )
