"""Markers about faults of the signals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from biofeedback.events import SignalMarker
from physiology.fault_reasons import FaultKind, FaultReason, fault_text
from physiology.state import PhysiologyState

SETTLING_S = 20.0
LASTING_S = 3.0


@dataclass(slots=True)
class _SignalFault:
    """The present fault of a signal, since when it lasts, and the fault of the last marker."""

    fault: FaultReason | None
    since_s: float
    reported: FaultReason | None = None


class SignalMarkers:
    """Yields a marker when the fault of a signal changes for at least 3 s.

    There are no markers in the first 20 s, in which signals settle, nor for a signal on standby.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _SignalFault] = {}
        self._began_s: float | None = None

    def update(self, state: PhysiologyState) -> Iterator[SignalMarker]:
        """Yield the markers that are due with the next state.

        Parameters
        ----------
        state : PhysiologyState
            In order of time, one a second.
        """
        self._began_s = state.t if self._began_s is None else self._began_s
        for kind, signal in state.signals.items():
            fault = signal.fault
            if fault is not None and fault.kind is FaultKind.STANDBY:
                fault = None
            seen = self._seen.setdefault(kind, _SignalFault(fault, state.t))
            if seen.fault != fault:
                seen.fault, seen.since_s = fault, state.t
            lasting = state.t - max(seen.since_s, self._began_s + SETTLING_S - LASTING_S) >= LASTING_S
            if lasting and seen.reported != fault:
                seen.reported = fault
                text = fault_text(fault or FaultReason(FaultKind.RECOVERED))
                yield SignalMarker(stream=kind, text=f"{kind}: {text}")
