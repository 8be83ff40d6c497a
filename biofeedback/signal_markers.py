"""What happens to the signals, in words, for the record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from biofeedback.events import SignalMarker
from physiology.fault_reasons import FaultKind, FaultReason, fault_text
from physiology.state import PhysiologyState

SETTLING_S = 20.0
LASTING_S = 3.0


@dataclass(slots=True)
class _Seen:
    """What was last seen of a signal, since when, and what was last said of it."""

    fault: FaultReason | None
    since_s: float
    said: FaultReason | None = None


class SignalMarkers:
    """Turns what is wrong with each signal into markers, one for each change that lasts 3 s.

    While signals settle, in the first 20 s, nothing is said; nor of a signal that only stands by.
    """

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self._began_s: float | None = None

    def update(self, state: PhysiologyState) -> Iterator[SignalMarker]:
        """Yield what changed by this state, the next second's.

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
            seen = self._seen.setdefault(kind, _Seen(fault, state.t))
            if seen.fault != fault:
                seen.fault, seen.since_s = fault, state.t
            lasting = state.t - max(seen.since_s, self._began_s + SETTLING_S - LASTING_S) >= LASTING_S
            if lasting and seen.said != fault:
                seen.said = fault
                words = fault_text(fault or FaultReason(FaultKind.RECOVERED))
                yield SignalMarker(stream=kind, text=f"{kind}: {words}")
