"""One light for each sensor: how it is doing, in words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from acquisition.stream_status import SILENT_AFTER_S
from acquisition.streams import Condition, Kind, Status, StreamInfo
from physiology.fault_reasons import FaultKind, fault_text
from physiology.state import SignalQuality

Shade = Literal["good", "doubtful", "lost", "unknown"]

WAIT = "Wait a few seconds."
_STILL = "Ask the listener to keep still, and fasten the cable."
_PRESS_ON = "Press the sensor on; warm or moisten the skin under it."

REMEDIES: Mapping[FaultKind, str] = {
    FaultKind.LEAD_OFF: "Press the electrodes on; replace one that has dried.",
    FaultKind.NO_FINGER: "Put the sensor on the fingertip again, snug but not tight.",
    FaultKind.MAINS_HUM: "Press the electrodes on and lay their cables away from power leads.",
    FaultKind.MOVEMENT: _STILL,
    FaultKind.CONDUCTANCE_JUMP: _STILL,
    FaultKind.POOR_CONTACT: _PRESS_ON,
    FaultKind.POOR_SKIN_CONTACT: _PRESS_ON,
    FaultKind.SATURATED: "Lower the sensor's gain, or fasten it less tightly.",
    FaultKind.WARMING_UP: WAIT,
    FaultKind.ELECTRODES_SETTLING: WAIT,
    FaultKind.NO_BEATS_YET: WAIT,
    FaultKind.NO_CLEAR_PULSE: WAIT,
    FaultKind.NO_RESPONSE_YET: WAIT,
}
"""What to do about a fault; what is not named here calls for a look at how the sensor sits."""

_GONE = {FaultKind.LEAD_OFF, FaultKind.NO_FINGER}
_WAITING = {fault for fault, remedy in REMEDIES.items() if remedy == WAIT}

CONNECTION = "Check the sensor's plug, battery and connection."
SEAT = "Check how the sensor sits."


class SensorStatus(BaseModel):
    """How a sensor is doing.

    Attributes
    ----------
    name, kind, unit : str
        Of its stream.
    rate_hz : float
        Nominal; 0 for irregular streams.
    light : str
        ``good``, ``doubtful``, ``lost``, or ``unknown`` while too little was seen.
    words : str
        Why, in words; ``good`` where there is nothing to say.
    remedy : str
        What to do about it; empty where it is good.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: str
    unit: str
    rate_hz: float
    light: Literal["good", "doubtful", "lost", "unknown"]
    words: str
    remedy: str = ""


def status_of_sensor(
    stream: StreamInfo, *, status: Status | None, signal: SignalQuality | None, silent_s: float | None
) -> SensorStatus:
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
    shade, words, remedy = _judge(stream, status, signal, silent_s)
    return SensorStatus(
        name=stream.name,
        kind=stream.kind.value,
        unit=stream.unit,
        rate_hz=stream.rate_hz,
        light=shade,
        words=words,
        remedy=remedy,
    )


def _judge(
    stream: StreamInfo, status: Status | None, signal: SignalQuality | None, silent_s: float | None
) -> tuple[Shade, str, str]:
    """Return the light, its words, and what to do."""
    if status is not None and status.condition in {Condition.LOST, Condition.CLOSED}:
        return "lost", status.text or "the connection is lost", CONNECTION
    if silent_s is None and stream.kind is not Kind.MARKERS:
        return "unknown", "no samples yet", WAIT
    if stream.rate_hz > 0 and silent_s is not None and silent_s > SILENT_AFTER_S:
        return "lost", f"no samples for {silent_s:.0f} s", CONNECTION
    fault = signal.fault if signal is not None else None
    if fault is not None and fault.kind is not FaultKind.STANDBY:
        shade: Shade = "lost" if fault.kind in _GONE else "unknown" if fault.kind in _WAITING else "doubtful"
        return shade, fault_text(fault), REMEDIES.get(fault.kind, SEAT)
    if status is not None and status.condition in {Condition.DOUBTFUL, Condition.RECOVERING}:
        return "doubtful", status.text or str(status.condition), SEAT
    return "good", "good", ""
