"""What happens to live inputs, in words and not too often."""

from __future__ import annotations

from dataclasses import replace

from acquisition.streams import Condition, SourceIncident, Status

SILENT_AFTER_S = 2.0
"""Without a sample for longer a regular stream is silent."""

REPEAT_AFTER_S = 10.0
"""How often the same trouble is told."""

SETTLED_AFTER_S = 10.0
"""A stream that was lost, or in trouble, for so long without another word is doing well again."""


class StreamStatusTracker:
    """Incidents of one stream, and how it is doing.

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
        self._incidents: list[SourceIncident] = []
        self._heard_s: float | None = None
        self._counts: dict[str, int] = {}
        self._told_s: dict[str, float] = {}
        self._newest_trouble = ""
        self._settled_from_s = float("-inf")
        self._status = Status(
            stream_id=stream_id, condition=Condition.OPENING, reason="no samples yet", since_s=float("nan")
        )

    @property
    def status(self) -> Status:
        """How the stream is doing."""
        return self._status

    def note(self, t: float, what: str) -> None:
        """Write down what happened at engine time `t`."""
        self._incidents.append(SourceIncident(stream_id=self._stream_id, engine_time_s=t, what=what))

    def lost(self, t: float, what: str) -> None:
        """Write down how the stream was lost at engine time `t`; samples make it recover."""
        self.note(t, what)
        self._become(t, Condition.LOST, what)

    def close(self, t: float, what: str = "") -> None:
        """Say that nothing will come any more, whatever is heard, and write down why if it is said."""
        if what:
            self.note(t, what)
        self._become(t, Condition.CLOSED, what)

    def count(self, number: int, trouble: str) -> None:
        """Count a trouble that may come often, such as ``lines without a number``."""
        if number:
            self._counts[trouble] = self._counts.get(trouble, 0) + number
            self._newest_trouble = trouble

    def heard(self, t: float, *, samples: bool) -> None:
        """Say at engine time `t` whether samples have come since this was last said."""
        if self._heard_s is None:
            self._heard_s = t
            self._become(t, Condition.OPENING, "no samples yet")
        self._judge(t, samples=samples, missing_s=t - self._heard_s)
        if samples:
            self._heard_s = t
        for trouble in list(self._counts):
            if t - self._told_s.get(trouble, float("-inf")) >= REPEAT_AFTER_S:
                self.note(t, f"{self._counts.pop(trouble)} {trouble}")
                self._told_s[trouble] = t
        self._newest_trouble = ""

    def take(self) -> tuple[SourceIncident, ...]:
        """Return what was written down since the last call."""
        taken, self._incidents = tuple(self._incidents), []
        return taken

    def _judge(self, t: float, *, samples: bool, missing_s: float) -> None:
        was = self._status.condition
        if was is Condition.CLOSED:
            return
        if samples and was is Condition.LOST:
            self.note(t, f"samples again after {missing_s:.1f} s")
            self._become(t, Condition.RECOVERING, f"samples again after {missing_s:.1f} s")
        elif was is Condition.LOST:
            return
        elif not samples and missing_s > self._silent_after_s:
            self.note(t, f"no samples for {missing_s:.1f} s")
            what = f"no samples, but {self._newest_trouble}" if self._newest_trouble else "no samples"
            self._become(t - missing_s, Condition.LOST, what)
        elif self._newest_trouble:
            self._become(t, Condition.DOUBTFUL, self._newest_trouble)
        elif samples and t >= self._settled_from_s:
            self._become(t, Condition.STREAMING, "")

    def _become(self, t: float, condition: Condition, reason: str) -> None:
        if condition in {Condition.DOUBTFUL, Condition.RECOVERING}:
            self._settled_from_s = t + SETTLED_AFTER_S
        since_s = self._status.since_s if condition is self._status.condition else t
        self._status = replace(self._status, condition=condition, reason=reason, since_s=since_s)
