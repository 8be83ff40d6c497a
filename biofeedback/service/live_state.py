"""What clients are shown of a session: its whole state, the short state of live frames, and its arc.

The arc is the course that a protocol plans. It is computed from the protocol alone, in some milliseconds, so
that clients may ask for it at every keystroke and while a session runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biofeedback.commands import OVERRIDABLE
from biofeedback.errors import UsageError
from biofeedback.models import Lifecycle, PlannedPhase, Snapshot
from biofeedback.service.live_feed import rounded
from biofeedback.service.requests import SessionRequest, Stage
from biofeedback.service.schemas import (
    ArcView,
    AudioView,
    ProtocolView,
    RatingQuestion,
    RecordingView,
    SessionView,
)
from biofeedback.service.sensor_status import SensorStatus
from generator.live.devices import fallback_text
from generator.state import STATE_COLUMNS, MusicState
from physiology.state import PhysiologyState, Reading
from protocols.course import planned_arc, segments
from protocols.scales import SCALES
from protocols.schema import Protocol, protocol_sha256

if TYPE_CHECKING:
    from biofeedback.service.preparation import Preparation

READINGS = ("hr_bpm", "rmssd_ms", "scl_us", "scr_rate_per_min", "breathing_rate")
QUESTION_FIELDS = ("kind", "text", "choices", "about", "since_s")

LONGEST_S = 6 * 3600.0
"""Longest protocol that is drawn; a longer one would delay the steps of a running session."""

FIELDS = tuple(name for name in OVERRIDABLE if name != "breath_depth")
"""Fields of the music that an arc shows; the depth of the breath is not among them."""


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
        phases=tuple(map(PlannedPhase.of, parts)),
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


class TempoHistory:
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
        sounds = snapshot.music.sounding and snapshot.lifecycle in {Lifecycle.RUNNING, Lifecycle.PAUSED}
        tempo = round(snapshot.music.tempo_bpm, 2) if sounds else None
        if not self._tempi or self._tempi[-1][1] != tempo:
            self._tempi.append((round(snapshot.elapsed_s, 2), tempo))

    @property
    def tempi(self) -> tuple[tuple[float, float | None], ...]:
        """Seconds from the session's start and the tempo from then on, None in silence."""
        return tuple(self._tempi)


def session_view(
    request: SessionRequest,
    preparation: Preparation | None,
    snapshot: Snapshot | None,
    *,
    directory: Path | None,
    recorded_bytes: int,
    end_reason: str,
) -> SessionView:
    """Return what clients are told of a session. Any thread may call it."""
    recording = directory and RecordingView(
        session_id=directory.name, directory=str(directory), bytes=recorded_bytes
    )
    back_end = preparation and preparation.back_end
    audio = back_end and AudioView(kind=back_end.kind, name=back_end.name, why=fallback_text(back_end))
    return SessionView(
        client=request.order.client,
        protocol=protocol_view(request.protocol),
        cautions=request.cautions,
        inputs=request.inputs,
        audio=audio or None,
        lights=preparation.sensor_statuses(snapshot)
        if preparation is not None and snapshot is not None
        else (),
        comfort_db=preparation.comfort_db if preparation is not None else None,
        sound_check=preparation.sound_check if preparation is not None else None,
        consent_needed=request.client is not None,
        recording=recording or None,
        snapshot=snapshot,
        end_reason=end_reason,
    )


def live_state(
    snapshot: Snapshot,
    *,
    stage: Stage,
    lights: Sequence[SensorStatus],
    sound_check: float | None,
    recorded_bytes: int,
) -> dict[str, Any]:
    """Return a session's short state, of values that JSON takes."""
    return {
        "stage": stage,
        "lifecycle": snapshot.lifecycle,
        "phase": snapshot.phase,
        "progress": round(snapshot.progress, 4),
        "left_s": round(snapshot.left_s, 1),
        **_physiology(snapshot.physiology),
        "music": {name: getattr(snapshot.music, name) for name in STATE_COLUMNS},
        "why": snapshot.why,
        "asks": [{name: getattr(ask, name) for name in QUESTION_FIELDS} for ask in snapshot.asks],
        "overrides": dict(snapshot.overrides),
        "volume_db": snapshot.volume_db,
        "energy": snapshot.energy,
        "sound": snapshot.sound,
        "lights": [light.model_dump(include={"name", "light", "words", "remedy"}) for light in lights],
        "sound_check": sound_check,
        "recorded_bytes": recorded_bytes,
        "finished": snapshot.finished,
    }


def _physiology(state: PhysiologyState | None) -> dict[str, Any]:
    if state is None:
        return dict.fromkeys((*READINGS, "activation", "activation_0_100", "confidence"))
    return {
        **{name: _reading(getattr(state, name)) for name in READINGS},
        "activation": rounded(state.activation, 3),
        "activation_0_100": rounded(state.activation_0_100, 3),
        "confidence": round(state.confidence, 3),
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {"value": rounded(reading.value, 3), "quality": round(reading.quality, 2)}


def protocol_view(protocol: Protocol) -> ProtocolView:
    """Return what clients are told of a protocol."""
    return ProtocolView(
        protocol_id=protocol.id,
        version=protocol.version,
        title=protocol.title,
        arm=protocol.arm,
        sha256=protocol_sha256(protocol),
        cautions=tuple(protocol.cautions),
        duration_s=protocol.duration_s,
        numbers_shown=protocol.numbers_shown,
        ratings=_asked(protocol),
    )


def _asked(protocol: Protocol) -> tuple[RatingQuestion, ...]:
    asked = {}
    for part in segments(protocol):
        for each in sorted(part.phase.ratings, key=lambda rating: rating.at):  # begin, then end
            scale = asdict(SCALES[each.scale])
            asked[each.scale] = RatingQuestion(scale=scale.pop("id"), phase=part.name, at=each.at, **scale)
    return tuple(asked.values())
