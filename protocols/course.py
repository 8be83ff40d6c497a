"""The course of a session: its segments in time, what each asks of the music, and the planned arc.

A plan and a live session use the same course. In a plan progress is time; live it waits for the listener.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from generator.state import MusicState
from protocols.feasibility import lead_goal
from protocols.fields import (
    DECISION_S,
    MATCH_RANGE_BPM,
    PEAK_OF_MEAN,
    RUNG,
    RateLimiter,
    clip,
    limits_in,
    tempo_for,
    travel_s,
)
from protocols.phases import (
    TEXTURE_FIELDS,
    BreathePhase,
    EngagePhase,
    LeadPhase,
    MatchingPhase,
    MatchPhase,
    ReturnPhase,
    Section,
    Stretch,
    Texture,
    energetic,
    stretches,
)
from protocols.schema import Protocol

SHORTEST_TRAVEL_S = 60.0
"""An arc's texture changes over at least so long, even where the tempo stays. Convention."""


def minimum_jerk(progress: float) -> float:
    """Return the smoothest course from 0 to 1: ``10p³ − 15p⁴ + 6p⁵`` (Flash & Hogan 1985).

    Its speed is highest half-way, 1.875 times the mean.
    """
    p = clip(progress, 0.0, 1.0)
    return p**3 * (10 - 15 * p + 6 * p * p)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of the session with one rule: a phase, or a section of an arc.

    Attributes
    ----------
    name, kind : str
        The phase's own; a section has the kind ``arc``.
    start_s, duration_s : float
        Seconds from the start of the session, and its length.
    phase : phase or section
        As written in the protocol.
    asked : mapping
        The fields of mode, texture and level that the phase sets itself.
    target : MusicState
        Mode, texture and level at its end where all goes to plan: what the phase asks and, for the rest, what
        earlier ones did. Its tempo says nothing.
    """

    name: str
    kind: str
    start_s: float
    duration_s: float
    phase: Stretch
    asked: Mapping[str, Any]
    target: MusicState

    @property
    def end_s(self) -> float:
        """Seconds from the start of the session to the end of the segment."""
        return self.start_s + self.duration_s

    @property
    def reads_heart_rate(self) -> bool:
        """Whether its tempo is the listener's heart rate."""
        return isinstance(self.phase, MatchingPhase) and isinstance(self.phase.tempo_bpm, str)

    def matching_tempo(self, hr_bpm: float) -> float:
        """Return the tempo that meets a heart rate: the rate itself within the range the segment allows."""
        phase = self.phase
        if isinstance(phase, MatchingPhase):
            return tempo_for(phase.tempo_bpm, float(hr_bpm), phase.hr_lowest_bpm, phase.hr_highest_bpm)
        return clip(float(hr_bpm), *MATCH_RANGE_BPM)


def segments(protocol: Protocol) -> tuple[Segment, ...]:
    """Return the session's segments in order, arcs opened up into their sections."""
    found: list[Segment] = []
    target = MusicState(tempo_bpm=protocol.default_tempo_bpm)
    start_s = energy = 0.0
    for phase in protocol.phases:
        for stretch in stretches(phase):
            asked = _asked(stretch)
            if isinstance(stretch, EngagePhase):
                energy = energy if stretch.energy is None else stretch.energy
                asked |= _energetic(stretch, energy)
            target = replace(target, **asked, sounding=stretch.sounds)
            found.append(
                Segment(
                    name=stretch.name,
                    kind=phase.kind,
                    start_s=start_s,
                    duration_s=stretch.duration_s,
                    phase=stretch,
                    asked=asked,
                    target=target,
                )
            )
            start_s += stretch.duration_s
    return tuple(found)


_FIELD_NAMES = set(Texture.model_fields)


def _asked(stretch: Stretch) -> dict[str, Any]:
    """Return the fields of mode, texture and level that a phase sets itself."""
    return stretch.model_dump(by_alias=True, include=_FIELD_NAMES, exclude_none=True)


ENERGY_FIELDS = ("density", "brightness", "articulation", "layers", "level_db")
"""Fields that the energy of an engage phase sets, besides tempo."""


class Course:
    """What to ask of the music, segment by segment, within the protocol's limits.

    Parameters
    ----------
    protocol : Protocol
        What to carry out.

    Attributes
    ----------
    music : MusicState
        What was last asked for.
    wanted : MusicState
        What was wanted before the limits.
    t0_bpm, goal_bpm : float
        Start and goal of the present segment's tempo; the same where it does not lead anywhere.
    shortened_from_bpm : float or None
        The goal a lead would have had, where the limit made it stop short.
    energy : float or None
        Of the present phase of pain distraction, 0 to 1; None in other phases.
    limits : Limits
        How fast the music may change in the present segment.
    breath_known : bool
        Whether the present phase of breathing goes by a rate found in the listener.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._limiter = RateLimiter(protocol.limits)
        self.music = self.wanted = MusicState(tempo_bpm=protocol.default_tempo_bpm, sounding=False)
        self.energy: float | None = None
        self.breath_known = False
        self._last_energy = 0.0
        self.enter(segments(protocol)[0])

    def enter(self, segment: Segment, breath_rate: float | None = None) -> None:
        """Begin a segment from where the music stands; after silence its texture is there at once.

        `breath_rate` is that of a phase of breathing whose rate depends on the listener; where it is None,
        the phase's fallback is taken.
        """
        self._segment = segment
        self.limits = limits_in(segment.phase, self._protocol.limits)
        self._limiter.limits = self.limits
        asked = dict(segment.asked)
        self.breath_known = breath_rate is not None
        if isinstance(segment.phase, BreathePhase):
            rate = segment.phase.breath_rate or breath_rate or segment.phase.fallback_rate
            asked["breath_rate"] = rate
        self.energy = None
        if isinstance(segment.phase, EngagePhase):
            given = segment.phase.energy
            self.energy = self._last_energy = self._last_energy if given is None else given
            asked |= _energetic(segment.phase, self.energy)
        if self.music.sounding:
            # What the phase leaves out stays as it stands, not as it would stand had a lead been completed.
            self._origin = self.music
            self._target = replace(self.music, **asked)
        else:
            self._origin = replace(segment.target, **asked, tempo_bpm=self.music.tempo_bpm)
            self._target = self._origin
        self.t0_bpm = self.goal_bpm = self.music.tempo_bpm
        self.shortened_from_bpm: float | None = None
        self._travel_s = self._set_out(segment)

    def _set_out(self, segment: Segment) -> float | None:
        """Set the goal of tempo; return how long texture travels, None for as long as progress does."""
        phase = segment.phase
        needed_s = 0.0
        match phase:
            case LeadPhase():
                self._aim(phase)
                return None
            case ReturnPhase():
                self.goal_bpm = self.t0_bpm if isinstance(phase.tempo_bpm, str) else phase.tempo_bpm
                return None
            case Section() if not isinstance(phase.tempo_bpm, str):
                self.goal_bpm = phase.tempo_bpm
                if self.music.sounding:
                    needed_s = travel_s(self.limits, self.t0_bpm, phase.tempo_bpm)
            case EngagePhase():
                self.goal_bpm = energetic(self.energy or 0.0).tempo_bpm
        if isinstance(phase, Section | EngagePhase | BreathePhase) or phase.until is not None:
            return min(max(SHORTEST_TRAVEL_S, needed_s), segment.duration_s)
        return None

    def _aim(self, lead: LeadPhase) -> None:
        """Set the goal; where the limit does not let the lead get there, it stops short of it."""
        goal = lead_goal(self.t0_bpm, lead.goal_bpm, lead.direction)
        reach = self.limits.tempo_bpm_per_min * lead.duration_s / 60 / PEAK_OF_MEAN
        if abs(self.t0_bpm - goal) > reach + 1e-6:
            self.shortened_from_bpm, goal = goal, self.t0_bpm + math.copysign(reach, goal - self.t0_bpm)
        self.goal_bpm = goal

    def energise(self, energy: float) -> None:
        """Go to another energy, in a phase of pain distraction."""
        phase = self._segment.phase
        if not isinstance(phase, EngagePhase):
            return
        self.energy = self._last_energy = energy
        self.goal_bpm = energetic(energy).tempo_bpm
        self._target = replace(self._target, **_energetic(phase, energy))

    def ask(self, t: float, *, elapsed_s: float, progress: float, matched_bpm: float | None) -> MusicState:
        """Return what to ask for at `t`, and remember it.

        Parameters
        ----------
        t : float
            Seconds, rising from call to call.
        elapsed_s : float
            Seconds of the course in the segment.
        progress : float
            0 to 1 through the segment.
        matched_bpm : float or None
            Tempo that meets the listener's heart rate; None where none is known: then the tempo stays.
        """
        if self._segment.target.sounding:
            share = minimum_jerk(progress if self._travel_s is None else elapsed_s / self._travel_s)
            wanted = _between(self._origin, self._target, share, self._tempo(share, matched_bpm))
            if isinstance(self._segment.phase, BreathePhase):
                # The pace itself is there from the first; the player glides, and the depth swells in.
                wanted = replace(wanted, breath_rate=self._target.breath_rate)
        else:
            wanted = replace(self.music, sounding=False)
        self.wanted = wanted
        self.music = self._limiter.grant(t, wanted)
        return self.music

    def _tempo(self, share: float, matched_bpm: float | None) -> float:
        phase = self._segment.phase
        match phase:
            case ReturnPhase():
                if isinstance(phase.tempo_bpm, str) and matched_bpm is not None:
                    self.goal_bpm = matched_bpm
                if not self.music.sounding:
                    self.t0_bpm = self.goal_bpm  # after silence there is nothing to return from
            case EngagePhase():
                return self.goal_bpm
            case MatchPhase() | Section():
                if not isinstance(phase.tempo_bpm, str):
                    return phase.tempo_bpm
                return self.music.tempo_bpm if matched_bpm is None else matched_bpm
        return self.t0_bpm + (self.goal_bpm - self.t0_bpm) * share


def _energetic(phase: EngagePhase, energy: float) -> dict[str, Any]:
    """Return the texture of an energy, but for what the phase sets itself."""
    given, own = energetic(energy), _asked(phase)
    return {name: getattr(given, name) for name in ENERGY_FIELDS if name not in own}


def _between(origin: MusicState, target: MusicState, share: float, tempo_bpm: float) -> MusicState:
    """Return the state that far on the way; mode and layers as the nearest step."""
    smooth: dict[str, Any] = {
        name: _mix(getattr(origin, name), getattr(target, name), share) for name in TEXTURE_FIELDS
    }
    mode = round(math.floor(smooth.pop("mode") / RUNG + 0.5) * RUNG, 1)
    layers = math.floor(smooth.pop("layers") + 0.5)
    return replace(target, **smooth, mode=mode, layers=layers, tempo_bpm=tempo_bpm)


def _mix(start: float, target: float, share: float) -> float:
    # Clipped because rounding could otherwise leave the range by the last bit.
    return clip(start + (target - start) * share, min(start, target), max(start, target))


@dataclass(frozen=True, slots=True)
class PlannedPoint:
    """One second of the plan: seconds from the start, the phase (or section of an arc), what is asked for."""

    t: float
    phase: str
    music: MusicState


def planned_arc(protocol: Protocol, hr_bpm: float | None = 72.0) -> list[PlannedPoint]:
    """Return what would be asked for if the listener followed, once a second.

    The plan decides when a session does, every 5 s and where a phase begins, within the same limits, and
    holds each decision until the next. The end fade is not part of it.

    Parameters
    ----------
    protocol : Protocol
        What to carry out.
    hr_bpm : float or None
        The listener's heart rate, steady throughout; None plans for one that is never known.

    Returns
    -------
    list of PlannedPoint
        At 0, 1, 2 … s, up to the last whole second before the end.

    Examples
    --------
    >>> from protocols.loading import load
    >>> points = planned_arc(load("isoprinciple-relaxation"), hr_bpm=72.0)
    >>> [(point.phase, round(point.music.tempo_bpm, 1)) for point in points[130:600:150]]
    [('match', 72.0), ('lead', 71.4), ('lead', 65.0), ('sustain', 63.2)]
    """
    decisions = _decisions(protocol, hr_bpm)
    points = []
    for second in range(math.ceil(protocol.duration_s)):
        newest = decisions[bisect_right(decisions, second, key=attrgetter("t")) - 1]
        points.append(replace(newest, t=float(second)))
    return points


def _decisions(protocol: Protocol, hr_bpm: float | None) -> list[PlannedPoint]:
    course = Course(protocol)
    found = []
    for segment in segments(protocol):
        course.enter(segment)
        matched = None if hr_bpm is None else segment.matching_tempo(hr_bpm)
        first_inside = math.floor(segment.start_s / DECISION_S) + 1
        grid = range(first_inside, math.ceil(segment.end_s / DECISION_S))
        for t in (segment.start_s, *(DECISION_S * tick for tick in grid)):
            elapsed_s = t - segment.start_s
            music = course.ask(
                t, elapsed_s=elapsed_s, progress=elapsed_s / segment.duration_s, matched_bpm=matched
            )
            found.append(PlannedPoint(t, segment.name, music))
    return found
