"""One light for each sensor: how it is doing, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from acquisition.incidents import SILENT_AFTER_S
from acquisition.streams import Condition, Kind, Status, StreamInfo
from biofeedback.service.views import Light
from biofeedback.watch import STANDING_BY
from physiology.state import SignalQuality

Shade = Literal["good", "doubtful", "lost", "unknown"]

_WAITING = ("yet", "warming up", "no samples yet")
_GONE = ("lead off", "no finger")

REMEDIES: Mapping[str, str] = {
    "lead off": "Press the electrodes on; replace one that has dried.",
    "no finger": "Put the sensor on the fingertip again, snug but not tight.",
    "mains hum": "Press the electrodes on and lay their cables away from power leads.",
    "movement": "Ask the listener to keep still, and fasten the cable.",
    "poor contact": "Press the sensor on; warm or moisten the skin under it.",
    "clip": "Lower the sensor's gain, or fasten it less tightly.",
    "warming up": "Wait a few seconds.",
    "yet": "Wait a few seconds.",
}
"""What to do, by what the reason speaks of."""

CONNECTION = "Check the sensor's plug, battery and connection."
SEAT = "Check how the sensor sits."


def light_of(
    stream: StreamInfo, *, status: Status | None, signal: SignalQuality | None, silent_s: float | None
) -> Light:
    """Return a sensor's light.

    Parameters
    ----------
    stream : StreamInfo
        Which sensor.
    status : Status or None
        How its connection is doing; None where there is no device behind it.
    signal : SignalQuality or None
        What physiology says of its signal; None where it does not listen to it, or not yet.
    silent_s : float or None
        Seconds since its newest sample; None where none has come.
    """
    shade, words = _judge(stream, status, signal, silent_s)
    return Light(
        name=stream.name,
        kind=stream.kind.value,
        unit=stream.unit,
        rate_hz=stream.rate_hz,
        light=shade,
        words=words,
        remedy=_remedy(shade, words),
    )


def _judge(
    stream: StreamInfo, status: Status | None, signal: SignalQuality | None, silent_s: float | None
) -> tuple[Shade, str]:
    if status is not None and status.condition in {Condition.LOST, Condition.CLOSED}:
        return "lost", status.reason or "the connection is lost"
    if silent_s is None and stream.kind is not Kind.MARKERS:
        return "unknown", "no samples yet"
    if stream.rate_hz > 0 and silent_s is not None and silent_s > SILENT_AFTER_S:
        return "lost", f"no samples for {silent_s:.0f} s"
    reason = signal.reason if signal is not None else None
    if reason and not reason.startswith(STANDING_BY):
        return _shade_of(reason), reason
    if status is not None and status.condition in {Condition.DOUBTFUL, Condition.RECOVERING}:
        return "doubtful", status.reason or str(status.condition)
    return "good", "good"


def _shade_of(reason: str) -> Shade:
    if any(word in reason for word in _GONE):
        return "lost"
    return "unknown" if any(word in reason for word in _WAITING) else "doubtful"


def _remedy(shade: Shade, words: str) -> str:
    if shade == "good":
        return ""
    known = next((remedy for word, remedy in REMEDIES.items() if word in words), None)
    return known or (CONNECTION if shade == "lost" else SEAT)
