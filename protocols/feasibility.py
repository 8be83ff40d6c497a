"""What the fields of a protocol demand of each other: nothing may be written that could not be done."""

from __future__ import annotations

from collections.abc import Iterator

from protocols.errors import Fault, Path
from protocols.goals import Goal, span_of
from protocols.outline import Outline
from protocols.phases import AnyPhase, Breathe, Lead, Stretch
from protocols.travel import lead_goal, tempo_faults

__all__ = ["END", "faults", "lead_goal"]

SHORTEST_ASSESSMENT_S = 80.0
LEAST_RATES = 3
"""What a step of an assessment, and the whole of it, need to be judged: see ``physiology.resonance``."""

END = "end"
"""Name of the phase that follows the last one; no other may have it."""


def faults(protocol: Outline) -> tuple[Fault, ...]:
    """Return every demand of one field on another that the protocol does not meet."""
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


def _contents(protocol: Outline) -> Iterator[Fault]:
    if not protocol.phases:
        yield Fault(("phases",), "the list is empty; a session needs at least one phase")
    for path, phase in _walk(protocol):
        if phase.kind == "arc" and not phase.sections:
            yield Fault((*path, "sections"), "the list is empty; an arc needs at least one section")
        if protocol.arm == "silence" and (phase.kind == "arc" or phase.sounds):
            yield Fault(
                (*path, "kind"),
                f"{phase.kind} is music, and in the arm silence there is none; use settle, baseline, silence "
                "or recovery, or another arm",
            )


def _walk(protocol: Outline) -> Iterator[tuple[Path, AnyPhase]]:
    for index, phase in enumerate(protocol.phases):
        yield ("phases", index), phase


def _names(protocol: Outline) -> Iterator[Fault]:
    seen = {END}
    for path, name in _named(protocol):
        if name in seen:
            reason = "is the name of the closing fade" if name == END else "names an earlier phase"
            yield Fault((*path, "name"), f"{name!r} {reason}; every phase needs a name of its own")
        seen.add(name)


def _named(protocol: Outline) -> Iterator[tuple[Path, str]]:
    for path, phase in _walk(protocol):
        yield path, phase.name
        if phase.kind == "arc":
            for inner, section in enumerate(phase.sections):
                yield (*path, "sections", inner), section.name


def _leads(protocol: Outline) -> Iterator[Fault]:
    baseline_known = False
    before: AnyPhase | None = None
    for path, phase in _walk(protocol):
        if phase.kind == "lead":
            if before is None or before.kind != "match":
                yield Fault(
                    (*path, "kind"), "this lead follows no match; put a match phase directly before it"
                )
            yield from _gating(path, phase, protocol.arm, baseline_known=baseline_known)
            if phase.direction == "down" and phase.goal_bpm > 100:
                yield Fault(
                    (*path, "goal_bpm"),
                    f"is {phase.goal_bpm:g}; it must be a number from 42 to 100 bpm in a lead downward; "
                    "write direction: up for one upward",
                )
        baseline_known = baseline_known or phase.kind == "baseline"
        before = phase


def _gating(path: Path, lead: Lead, arm: str, *, baseline_known: bool) -> Iterator[Fault]:
    """Ask of a lead that waits for the listener that they are known at rest, and of its gate some order."""
    waits = lead.gating == "listener" or (lead.gating is None and arm == "closed-loop")
    if waits and not baseline_known:
        which = "a closed-loop lead" if arm == "closed-loop" else "a lead that waits for the listener"
        yield Fault(
            (*path, "kind"),
            f"{which} needs the listener's baseline; put a baseline phase before the match",
        )
    gate = lead.gate
    if gate.release_sigma >= gate.hold_sigma:
        yield Fault(
            (*path, "gate", "release_sigma"),
            f"is {gate.release_sigma:g}; it must be smaller than hold_sigma {gate.hold_sigma:g}, below which "
            "a lead is not held",
        )
    if gate.plateau_sigma is not None and gate.plateau_sigma <= gate.hold_sigma:
        yield Fault(
            (*path, "gate", "plateau_sigma"),
            f"is {gate.plateau_sigma:g}; it must be larger than hold_sigma {gate.hold_sigma:g}",
        )


def _breathing(protocol: Outline) -> Iterator[Fault]:
    rates: set[float] = set()
    for path, phase in _walk(protocol):
        if phase.kind != "breathe":
            continue
        if fault := _breath(path, phase, rates):
            yield fault
        if phase.assess and phase.breath_rate is not None:
            rates.add(phase.breath_rate)


def _breath(path: Path, phase: Breathe, rates_before: set[float]) -> Fault | None:
    ways = [
        name
        for name, given in (
            ("breath_rate", phase.breath_rate is not None),
            ("share_of_own", phase.share_of_own is not None),
            ("assessed", phase.assessed),
        )
        if given
    ]
    if not ways:
        return Fault(
            (*path, "breath_rate"), "is missing; breath_rate, share_of_own or assessed: true is needed"
        )
    if len(ways) > 1:
        return Fault((*path, ways[1]), f"the rate is told already by {ways[0]}; leave one of them out")
    if phase.assessed and len(rates_before) < LEAST_RATES:
        return Fault(
            (*path, "assessed"),
            "there is nothing to find a rate from; put breathe phases with assess: true and at least three "
            "different rates before it",
        )
    if phase.assess and phase.breath_rate is None:
        return Fault(
            (*path, "assess"), f"a step of an assessment tries one rate; give breath_rate, not {ways[0]}"
        )
    if phase.assess and phase.duration_s < SHORTEST_ASSESSMENT_S:
        return Fault(
            (*path, "duration_s"),
            f"{phase.duration_s:g} s are too short to judge a rate of breathing; at least "
            f"{SHORTEST_ASSESSMENT_S:g} s, better 120 s",
        )
    return None


def _last_questions(protocol: Outline) -> Iterator[Fault]:
    """Refuse what is asked when the session is over: after silence there is not even a fade to answer in."""
    if not protocol.phases or protocol.phases[-1].kind == "arc":
        return
    path, phase = ("phases", len(protocol.phases) - 1), protocol.phases[-1]
    for index, asked in enumerate(phase.ratings):
        if asked.at == "end" and not phase.sounds:
            yield Fault(
                (*path, "ratings", index, "at"),
                "the session ends with this phase, so that nobody could answer; ask at its begin, or put a "
                "phase after it",
            )


def _energies(protocol: Outline) -> Iterator[Fault]:
    for path, phase in _walk(protocol):
        if phase.kind == "engage":
            if phase.energy is None:
                yield Fault(
                    (*path, "energy"),
                    "is missing; a number from 0 to 1 is needed in the first engage phase",
                )
            return


def _goals(protocol: Outline) -> Iterator[Fault]:
    names: set[str] = set()
    for index, goal in enumerate(protocol.goals):
        path = ("goals", index)
        if goal.name in names:
            yield Fault(
                (*path, "name"), f"{goal.name!r} names an earlier goal; every goal needs a name of its own"
            )
        names.add(goal.name)
        if fault := _goal(path, goal, protocol):
            yield fault


def _goal(path: Path, goal: Goal, protocol: Outline) -> Fault | None:
    phases = {phase.name: phase for phase in protocol.stretches}
    for key, name in (("from", goal.from_), ("at", goal.at)):
        if name is not None and name not in phases:
            return Fault((*path, key), f"there is no phase {name!r}; there are {', '.join(phases)}")
    span = span_of(goal, protocol.stretches)
    start, end = (phases.get(name or "") for name in span)
    if goal.scale is not None and (fault := _unasked(path, goal.scale, start, end)):
        return fault
    if start is None:
        return Fault((*path, "from"), "is missing; there is no baseline, so the name of a phase is needed")
    if end is None:
        return Fault((*path, "at"), "is missing; no phase has music, so the name of a phase is needed")
    return _order(path, goal, list(phases), start, end)


def _unasked(path: Path, scale: str, start: Stretch | None, end: Stretch | None) -> Fault | None:
    """Return the fault of a goal about a rating that nobody is asked for."""
    remedy = f"put ratings: [{{scale: {scale}}}] there"
    for key, phase in (("from", start), ("at", end)):
        if phase is None:
            return Fault(
                (*path, "measure"), f"no phase asks for {scale}; put ratings: [{{scale: {scale}}}] into two"
            )
        if scale not in [asked.scale for asked in phase.ratings]:
            return Fault((*path, key), f"phase {phase.name!r} does not ask for {scale}; {remedy}")
    return None


def _order(path: Path, goal: Goal, order: list[str], start: Stretch, end: Stretch) -> Fault | None:
    if order.index(start.name) > order.index(end.name):
        return Fault((*path, "at"), f"{end.name!r} comes before {start.name!r}; exchange from and at")
    times_asked = sum(asked.scale == goal.scale for asked in start.ratings)
    if start is end and times_asked < 2:
        remedy = "name two phases" if goal.scale is None else f"ask for {goal.scale} in two phases"
        return Fault((*path, "at"), f"from and at are both {end.name!r}, so nothing can change; {remedy}")
    return None
