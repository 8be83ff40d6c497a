"""The Bluetooth heart-rate measurement (characteristic 0x2A37): its bytes, and when its beats were."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np

from acquisition.streams import FloatArray

TICKS_PER_S = 1024
LONGEST_DELAY_S = 2.5
"""Straps send about once a second; a beat that would be older than this when it comes follows lost ones."""

MEMORY = 30
"""Over so many packets the least delayed one sets the clock."""

STEP_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartRateMeasurement:
    """What one packet says.

    Attributes
    ----------
    hr_bpm : float or None
        None where the strap says 0: it has none.
    contact : bool or None
        Whether it touches the skin; None where the strap cannot tell.
    rr_ms : tuple of float
        Intervals that ended since the packet before, oldest first.
    """

    hr_bpm: float | None
    contact: bool | None
    rr_ms: tuple[float, ...]


def parse_measurement(payload: bytes) -> HeartRateMeasurement | None:
    """Return what a payload says, None if it is cut or is not one.

    Flags (first byte): bit 0 the rate has two bytes, bits 1 and 2 contact and whether it is known, bit 3
    two bytes of energy follow, bit 4 intervals of 1/1024 s follow (Bluetooth SIG, Heart Rate Service 1.0).
    Intervals of 0 are none.
    """
    if len(payload) < 2:
        return None
    flags, wide = payload[0], payload[0] & 0x01
    start = 1 + (2 if wide else 1) + (2 if flags & 0x08 else 0)
    rest = payload[start:]
    if len(payload) < start or (rest and not flags & 0x10) or len(rest) % 2:
        return None
    rate = int.from_bytes(payload[1 : 3 if wide else 2], "little")
    intervals = (int.from_bytes(rest[place : place + 2], "little") for place in range(0, len(rest), 2))
    return HeartRateMeasurement(
        hr_bpm=float(rate) if rate else None,
        contact=bool(flags & 0x02) if flags & 0x04 else None,
        rr_ms=tuple(1000 * ticks / TICKS_PER_S for ticks in intervals if ticks),
    )


class BeatClock:
    """Engine times of beats that come as intervals, some at a time, each packet up to a second late.

    The intervals add up to the strap's own time; engine time is that plus the least delay of the last 30
    packets, so jitter of the radio does not show and no beat lies in the future. Where beats were lost, the
    sum falls behind: a beat that would be older than `LONGEST_DELAY_S` on arrival begins anew.
    """

    def __init__(self) -> None:
        self._strap_s = 0.0
        self._delays: deque[float] = deque(maxlen=MEMORY)
        self._last_s = -math.inf

    @property
    def strap_s(self) -> float:
        """The strap's own time: the sum of the intervals."""
        return self._strap_s

    def arrived(self, arrival_s: float, rr_ms: tuple[float, ...]) -> tuple[FloatArray, bool]:
        """Return the times of the beats that end the intervals, and whether beats were lost before them.

        Times strictly increase and are not after `arrival_s`, apart from the 1 ms by which they are set
        apart where the strap delivers more than time has passed.
        """
        beats = self._strap_s + np.cumsum(rr_ms) / 1000
        self._strap_s = float(beats[-1])
        delay = arrival_s - self._strap_s
        lost = bool(self._delays) and delay - min(self._delays) > LONGEST_DELAY_S
        if lost:
            self._delays.clear()
        self._delays.append(delay)
        times = beats + min(self._delays)
        for place, time in enumerate(times.tolist()):
            self._last_s = max(time, self._last_s + STEP_S)
            times[place] = self._last_s
        return times, lost
