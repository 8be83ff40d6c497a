"""What the fields of a protocol demand of each other: nothing may be written that could not be done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from protocols.limits import GOAL_SHARE, LOWEST_GOAL_BPM, MATCH_RANGE_BPM, PEAK_OF_MEAN, travel_s

if TYPE_CHECKING:
    from protocols.schema import AnyPhase, Lead, Match, Protocol, Section

LEAD_LIMIT_BPM_PER_MIN = 3.0
END = "end"
"""Name of the phase that follows the last one; no other may have it."""


class Fault(NamedTuple):
    """The path of keys and indices to a field, and what is wrong with it and would be right."""

    path: tuple[str | int, ...]
    message: str


def lead_goal(t0_bpm: float, goal_bpm: float) -> float:
    """Return the goal of a relaxing lead, which lies below its start: ``max(42, min(goal, 0.85·T0))``."""
    return max(LOWEST_GOAL_BPM, min(goal_bpm, GOAL_SHARE * t0_bpm))


def faults(protocol: Protocol) -> tuple[Fault, ...]:
    """Return every demand of one field on another that the protocol does not meet."""
    return (*_contents(protocol), *_names(protocol), *_leads(protocol), *_arcs(protocol))


def _contents(protocol: Protocol) -> Iterator[Fault]:
    if not protocol.phases:
        yield Fault(("phases",), "the list is empty; a session needs at least one phase")
    for index, phase in enumerate(protocol.phases):
        if phase.kind == "arc" and not phase.sections:
            yield Fault(("phases", index, "sections"), "the list is empty; an arc needs at least one section")


def _names(protocol: Protocol) -> Iterator[Fault]:
    seen = {END}
    for path, name in _named(protocol):
        if name in seen:
            reason = "is the name of the closing fade" if name == END else "names an earlier phase"
            yield Fault((*path, "name"), f"{name!r} {reason}; every phase needs a name of its own")
        seen.add(name)


def _named(protocol: Protocol) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for index, phase in enumerate(protocol.phases):
        yield ("phases", index), phase.name
        if phase.kind == "arc":
            for inner, section in enumerate(phase.sections):
                yield ("phases", index, "sections", inner), section.name


def _leads(protocol: Protocol) -> Iterator[Fault]:
    speed = protocol.limits.tempo_bpm_per_min
    baseline_known = False
    before: AnyPhase | None = None
    for index, phase in enumerate(protocol.phases):
        if phase.kind == "lead":
            path = ("phases", index)
            if before is None or before.kind != "match":
                yield Fault(
                    (*path, "kind"), "this lead follows no match; put a match phase directly before it"
                )
            else:
                yield from _lead_speed(path, phase, before, speed)
            if protocol.arm == "closed-loop" and not baseline_known:
                yield Fault(
                    (*path, "kind"),
                    "a closed-loop lead needs the listener's baseline; put a baseline phase before the match",
                )
        baseline_known = baseline_known or phase.kind == "baseline"
        before = phase


def _lead_speed(path: tuple[str | int, ...], lead: Lead, match: Match, speed: float) -> Iterator[Fault]:
    if speed > LEAD_LIMIT_BPM_PER_MIN:
        yield Fault(
            ("limits", "tempo_bpm_per_min"),
            f"{speed:g} bpm/min is too fast for a lead; at most {LEAD_LIMIT_BPM_PER_MIN:g}, more only where "
            "every change of tempo is an arc",
        )
        return
    # A slow heart has least to travel: where even that does not fit, the lead fits nobody.
    t0 = MATCH_RANGE_BPM[0] if match.tempo_bpm == "hr" else match.tempo_bpm
    goal = lead_goal(t0, lead.goal_bpm)
    needed_s = PEAK_OF_MEAN * (t0 - goal) / speed * 60
    if lead.duration_s < needed_s - 1e-6:
        yield Fault(
            (*path, "duration_s"),
            f"impossible lead: {t0:g} to {goal:g} bpm at {speed:g} bpm/min does not fit into "
            f"{lead.duration_s:g} s; {_whole(needed_s)} s would do",
        )


def _arcs(protocol: Protocol) -> Iterator[Fault]:
    """Follow the tempi there may be before each section; none before the first sound, which is free."""
    tempi: tuple[float, ...] = ()
    for index, phase in enumerate(protocol.phases):
        match phase.kind:
            case "settle" | "baseline" | "silence":
                tempi = ()
            case "match":
                tempi = MATCH_RANGE_BPM if phase.tempo_bpm == "hr" else (phase.tempo_bpm,)
            case "lead":
                tempi = (LOWEST_GOAL_BPM, max(tempi, default=MATCH_RANGE_BPM[1]))
            case "sustain":
                tempi = tempi or (protocol.default_tempo_bpm,)
            case "arc":
                for inner, section in enumerate(phase.sections):
                    path = ("phases", index, "sections", inner)
                    yield from _section(path, section, tempi, protocol)
                    tempi = _section_tempi(section)


def _section(
    path: tuple[str | int, ...], section: Section, before: tuple[float, ...], protocol: Protocol
) -> Iterator[Fault]:
    if section.hr_lowest_bpm > section.hr_highest_bpm:
        yield Fault(
            (*path, "hr_lowest_bpm"),
            f"{section.hr_lowest_bpm:g} lies above hr_highest_bpm {section.hr_highest_bpm:g}; "
            "the lowest comes first",
        )
        return
    if section.tempo_bpm == "hr" or not before:
        return
    limits, target = protocol.limits, section.tempo_bpm
    needed_s, start = max((travel_s(limits, tempo, target), tempo) for tempo in before)
    if needed_s > section.duration_s + 1e-6:
        yield Fault(
            (*path, "tempo_bpm"),
            f"impossible section: {start:g} to {target:g} bpm at {limits.tempo_bpm_per_min:g} bpm/min and "
            f"{limits.tempo_percent_per_bar:g} % a bar does not fit into {section.duration_s:g} s; "
            f"{_whole(needed_s)} s would do",
        )


def _section_tempi(section: Section) -> tuple[float, ...]:
    if section.tempo_bpm == "hr":
        return (section.hr_lowest_bpm, section.hr_highest_bpm)
    return (section.tempo_bpm,)


def _whole(seconds: float) -> int:
    return -int(-(seconds - 1e-6) // 1)
