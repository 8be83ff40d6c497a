"""The course of a session: its segments in time and what each asks of the music.

The same course serves a plan, where progress is time, and a live session, where it waits for the listener.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from generator.state import MusicState
from protocols.energy import energetic
from protocols.feasibility import lead_goal
from protocols.fields import tempo_for
from protocols.limits import MATCH_RANGE_BPM, PEAK_OF_MEAN, RUNG, Limiter, clip, travel_s
from protocols.schema import (
    TEXTURE_FIELDS,
    Engage,
    Lead,
    Match,
    Protocol,
    Return,
    Section,
    Stretch,
    Texture,
    stretches,
)

SHORTEST_TRAVEL_S = 60.0
"""An arc's texture travels at least this long, even where the tempo has nowhere to go."""


def minimum_jerk(progress: float) -> float:
    """Return the smoothest way from 0 to 1: ``10p³ − 15p⁴ + 6p⁵`` (Flash & Hogan 1985).

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
        return isinstance(self.phase, Match | Section | Return) and isinstance(self.phase.tempo_bpm, str)

    def matching_tempo(self, hr_bpm: float) -> float:
        """Return the tempo that meets a heart rate: the rate itself within the range the segment allows."""
        phase = self.phase
        if isinstance(phase, Match | Section | Return):
            return tempo_for(phase.tempo_bpm, float(hr_bpm), phase.hr_lowest_bpm, phase.hr_highest_bpm)
        return clip(float(hr_bpm), *MATCH_RANGE_BPM)


def segments(protocol: Protocol) -> tuple[Segment, ...]:
    """Return the session's segments in order, arcs opened up into their sections."""
    found: list[Segment] = []
    target = MusicState(tempo_bpm=protocol.default_tempo_bpm)
    start_s = energy = 0.0
    for phase in protocol.phases:
        for stretch in stretches(phase):
            sounding = isinstance(stretch, Texture)
            asked = stretch.model_dump(by_alias=True, include=_FIELD_NAMES, exclude_none=True)
            if isinstance(stretch, Engage):
                energy = energy if stretch.energy is None else stretch.energy
                given = energetic(energy)
                asked = {name: getattr(given, name) for name in ENERGY_FIELDS} | asked
            target = replace(target, **asked, sounding=sounding)
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
ENERGY_FIELDS = ("density", "brightness", "articulation", "layers", "level_db")
"""What energy sets in a phase of pain distraction, besides tempo."""


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
    wanted_bpm : float
        Tempo that was wanted before the limits.
    t0_bpm, goal_bpm : float
        Start and goal of the present segment's tempo; the same where it does not lead anywhere.
    shortened_from_bpm : float or None
        The goal a lead would have had, where the limit made it stop short.
    """

    def __init__(self, protocol: Protocol) -> None:
        self._limits = protocol.limits
        self._limiter = Limiter(protocol.limits)
        self.music = MusicState(tempo_bpm=protocol.default_tempo_bpm, sounding=False)
        self._energy = 0.0
        self.enter(segments(protocol)[0])

    def enter(self, segment: Segment) -> None:
        """Begin a segment from where the music stands; after silence its texture is there at once."""
        self._segment = segment
        if self.music.sounding:
            # What the phase leaves out stays as it stands, not as it would stand had a lead been completed.
            self._origin = self.music
            self._target = replace(self.music, **segment.asked)
        else:
            self._origin = replace(segment.target, tempo_bpm=self.music.tempo_bpm)
            self._target = self._origin
        self.t0_bpm = self.goal_bpm = self.wanted_bpm = self.music.tempo_bpm
        self.shortened_from_bpm: float | None = None
        self._travel_s = segment.duration_s
        if isinstance(segment.phase, Lead):
            self._aim(segment.phase)
        elif isinstance(segment.phase, Section | Return):
            self._set_out(segment.phase)
        elif isinstance(segment.phase, Engage):
            if segment.phase.energy is not None:
                self._energy = segment.phase.energy
            self.goal_bpm = energetic(self._energy).tempo_bpm

    def _aim(self, lead: Lead) -> None:
        """Set the goal; where the limit does not let the lead get there, it stops short of it."""
        goal = lead_goal(self.t0_bpm, lead.goal_bpm, lead.direction)
        reach = self._limits.tempo_bpm_per_min * lead.duration_s / 60 / PEAK_OF_MEAN
        if abs(self.t0_bpm - goal) > reach + 1e-6:
            self.shortened_from_bpm, goal = goal, self.t0_bpm + math.copysign(reach, goal - self.t0_bpm)
        self.goal_bpm = goal

    def _set_out(self, section: Section | Return) -> None:
        """Set how long the section's texture travels: as long as its tempo must, and not too briefly."""
        needed_s = 0.0
        if not isinstance(section.tempo_bpm, str):
            self.goal_bpm = section.tempo_bpm
            if self.music.sounding:
                needed_s = travel_s(self._limits, self.t0_bpm, self.goal_bpm)
        self._travel_s = min(max(SHORTEST_TRAVEL_S, needed_s), section.duration_s)

    def ask(self, t: float, progress: float, matched_bpm: float | None) -> MusicState:
        """Return what to ask for at `t`, and remember it.

        Parameters
        ----------
        t : float
            Seconds, rising from call to call.
        progress : float
            0 to 1 through the segment.
        matched_bpm : float or None
            Tempo that meets the listener's heart rate; None where none is known: then the tempo stays.
        """
        segment = self._segment
        if segment.target.sounding:
            share = minimum_jerk(progress * segment.duration_s / self._travel_s)
            wanted = _between(self._origin, self._target, share, self._tempo(share, matched_bpm))
        else:
            wanted = replace(self.music, sounding=False)
        self.wanted_bpm = wanted.tempo_bpm
        self.music = self._limiter.grant(t, wanted)
        return self.music

    def _tempo(self, share: float, matched_bpm: float | None) -> float:
        phase = self._segment.phase
        if isinstance(phase, Lead):
            return self.t0_bpm + (self.goal_bpm - self.t0_bpm) * share
        if isinstance(phase, Engage):
            return self.goal_bpm
        if isinstance(phase, Match | Section | Return):
            if not isinstance(phase.tempo_bpm, str):
                return phase.tempo_bpm
            return self.music.tempo_bpm if matched_bpm is None else matched_bpm
        return self.t0_bpm


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
