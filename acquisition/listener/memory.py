"""What the listener heard, second by second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The music of one second: means over the part of it that sounded, and the largest novelty.

    Attributes
    ----------
    sounding : float
        Part of the second with music, 0 to 1; without any the other values are 0.
    tempo_bpm, density, level_db, brightness, novelty, breath_rate, breath_depth : float
        As in `acquisition.streams.Hearing.hear`.
    heard_before_s : float
        Seconds of music before this one.
    """

    sounding: float = 0.0
    tempo_bpm: float = 0.0
    density: float = 0.0
    level_db: float = 0.0
    brightness: float = 0.0
    novelty: float = 0.0
    breath_rate: float = 0.0
    breath_depth: float = 0.0
    heard_before_s: float = 0.0


SILENCE = Heard()
_MEANS = ("tempo_bpm", "density", "level_db", "brightness", "breath_rate", "breath_depth")


class Memory:
    """Turns what is heard, however often that is said, into one `Heard` per second."""

    def __init__(self) -> None:
        self._seconds: list[Heard] = []
        self._until = 0.0
        self._heard_s = 0.0
        self._clear()

    def add(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Take in the step from the last call to `t`; a `t` that is not later than that is ignored.

        Novelty belongs to the end of the step, all else to the whole of it.
        """
        while self._until < t:
            second_end = len(self._seconds) + 1.0
            end = min(t, second_end)
            if sounded is not None:
                self._hold(end - self._until, sounded, novelty=sounded["novelty"] if end == t else 0.0)
            self._until = end
            if end == second_end:
                self._seconds.append(self._summary())
                self._clear()

    def second(self, number: int) -> Heard:
        """Return what was heard in the second from `number` to `number` + 1; silence where nothing was."""
        return self._seconds[number] if 0 <= number < len(self._seconds) else SILENCE

    def _clear(self) -> None:
        self._sounded_s = 0.0
        self._sums = dict.fromkeys(_MEANS, 0.0)
        self._novelty = 0.0

    def _hold(self, duration_s: float, sounded: Mapping[str, float], *, novelty: float) -> None:
        self._sounded_s += duration_s
        self._novelty = max(self._novelty, novelty)
        for name in _MEANS:
            self._sums[name] += duration_s * sounded[name]

    def _summary(self) -> Heard:
        if self._sounded_s == 0.0:
            return SILENCE
        means = {name: total / self._sounded_s for name, total in self._sums.items()}
        before_s = self._heard_s
        self._heard_s += min(1.0, self._sounded_s)
        return Heard(
            sounding=min(1.0, self._sounded_s), novelty=self._novelty, heard_before_s=before_s, **means
        )
