"""The arc as clients draw it: the course that a protocol plans, and what was asked for so far.

A course is computed from the protocol alone, in some milliseconds, so that it may be asked for at every
keystroke and while a session runs.
"""

from __future__ import annotations

from dataclasses import replace

from biofeedback.errors import UsageError
from biofeedback.models import PlannedPhase, Snapshot
from biofeedback.service.views import ArcView
from generator.state import MusicState
from protocols.arcs import planned_arc
from protocols.course import segments
from protocols.schema import Protocol

LONGEST_S = 6 * 3600.0
"""Of what is drawn: longer ones would keep a session waiting that runs meanwhile."""

FIELDS = (
    "tempo_bpm",
    "mode",
    "density",
    "register",
    "brightness",
    "articulation",
    "layers",
    "level_db",
    "breath_rate",
)


def arc_of(protocol: Protocol, hr_bpm: float | None) -> ArcView:
    """Return what a protocol plans for a listener who follows.

    Parameters
    ----------
    protocol : Protocol
        What is planned.
    hr_bpm : float or None
        The listener's steady heart rate; None where none is known.

    Raises
    ------
    UsageError
        If it is longer than `LONGEST_S`.
    """
    if protocol.duration_s > LONGEST_S:
        raise UsageError(f"it is longer than {LONGEST_S / 3600:g} hours, too long to be drawn")
    parts = segments(protocol)
    points = planned_arc(protocol, hr_bpm)
    shown = [
        point
        for place, point in enumerate(points)
        if not 0 < place < len(points) - 1 or _shows_more(points[place - 1].music, point.music)
    ]
    return ArcView(
        phases=tuple(
            PlannedPhase(
                name=part.name,
                kind=part.kind,
                start_s=part.start_s,
                duration_s=part.duration_s,
                cue=part.phase.until.cue if part.phase.until is not None else "",
            )
            for part in parts
        ),
        hr_bpm=hr_bpm if any(part.reads_heart_rate for part in parts) else None,
        times_s=tuple(point.t for point in shown),
        course={
            name: tuple(
                round(float(getattr(point.music, name)), 3) if point.music.sounding else None
                for point in shown
            )
            for name in FIELDS
        },
    )


def _shows_more(before: MusicState, music: MusicState) -> bool:
    return music.sounding != before.sounding or (
        music.sounding and replace(before, breath_depth=music.breath_depth) != music
    )


class Trail:
    """The tempo that was asked for so far, and the heart rate that the listener was met at.

    One thread writes, others may read.

    Attributes
    ----------
    hr_bpm : float or None
        Heart rate when music was first asked for; before that the newest, None where there is none.
    """

    def __init__(self) -> None:
        self.hr_bpm: float | None = None
        self._met = False
        self._tempi: list[tuple[float, float | None]] = []

    def take(self, snapshot: Snapshot) -> None:
        """Take in the session as it stands."""
        if snapshot.physiology is not None and not self._met:
            self.hr_bpm = snapshot.physiology.hr_bpm.value or self.hr_bpm
        self._met = self._met or snapshot.music.sounding
        sounds = snapshot.music.sounding and snapshot.lifecycle in {"running", "paused"}
        tempo = round(snapshot.music.tempo_bpm, 2) if sounds else None
        if not self._tempi or self._tempi[-1][1] != tempo:
            self._tempi.append((round(snapshot.elapsed_s, 2), tempo))

    @property
    def tempi(self) -> tuple[tuple[float, float | None], ...]:
        """Seconds from the session's start and the tempo from then on, None in silence."""
        return tuple(self._tempi)
