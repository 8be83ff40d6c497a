"""What happens to live inputs, in words and not too often."""

from __future__ import annotations

from acquisition.streams import Incident

SILENT_AFTER_S = 2.0
"""Without a sample for longer a regular stream is silent."""

REPEAT_AFTER_S = 10.0
"""How often the same trouble is told."""


class Diary:
    """Incidents of one stream.

    Parameters
    ----------
    stream_id : str
        Which stream.
    silent_after_s : float
        After how long without a sample it is called silent.
    """

    def __init__(self, stream_id: str, *, silent_after_s: float = SILENT_AFTER_S) -> None:
        self._stream_id = stream_id
        self._silent_after_s = silent_after_s
        self._incidents: list[Incident] = []
        self._heard_s: float | None = None
        self._silent = False
        self._counts: dict[str, int] = {}
        self._told_s: dict[str, float] = {}

    def note(self, t: float, what: str) -> None:
        """Write down what happened at engine time `t`."""
        self._incidents.append(Incident(stream_id=self._stream_id, engine_time_s=t, what=what))

    def count(self, number: int, trouble: str) -> None:
        """Count a trouble that may come often, such as ``lines without a number``."""
        if number:
            self._counts[trouble] = self._counts.get(trouble, 0) + number

    def heard(self, t: float, *, samples: bool) -> None:
        """Say at engine time `t` whether samples have come since this was last said."""
        if self._heard_s is None:
            self._heard_s = t
        missing_s = t - self._heard_s
        if samples:
            if self._silent:
                self.note(t, f"samples again after {missing_s:.1f} s")
            self._heard_s, self._silent = t, False
        elif not self._silent and missing_s > self._silent_after_s:
            self._silent = True
            self.note(t, f"no samples for {missing_s:.1f} s")
        for trouble in list(self._counts):
            if t - self._told_s.get(trouble, float("-inf")) >= REPEAT_AFTER_S:
                self.note(t, f"{self._counts.pop(trouble)} {trouble}")
                self._told_s[trouble] = t

    def take(self) -> tuple[Incident, ...]:
        """Return what was written down since the last call."""
        taken, self._incidents = tuple(self._incidents), []
        return taken
