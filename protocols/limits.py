"""How fast the music may change, for plans and for live decisions."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from generator.state import BEATS_PER_BAR, MusicState
from protocols.fields import ProtocolPart, clip, described

DECISION_S = 5.0
"""Seconds from one decision to the next."""

PEAK_OF_MEAN = 1.875
"""Highest speed of a minimum-jerk course, as a multiple of its mean speed."""

OVERRIDE_BPM_PER_MIN = 8.0
"""Fastest change of a tempo that the therapist sets."""

LEVEL_DB_PER_S = 0.2
"""Fastest change of level: 1 dB in 5 s."""

RUNG = 0.2
"""Distance from one mode to the next, as a number."""

_TINY = 1e-9
"""Tolerance for rounding."""


class Limits(ProtocolPart):
    """How fast the music may change."""

    tempo_bpm_per_min: float = described(
        "fastest change of tempo; more than 3 only in a protocol without a lead",
        "a number from 0.5 to 8",
        default=3.0,
        ge=0.5,
        le=8,
    )
    tempo_percent_per_bar: float = described(
        "largest change of tempo from bar to bar",
        "a number from 0.1 to 1",
        default=1.0,
        ge=0.1,
        le=1,
    )
    mode_seconds: float = described(
        "shortest time between two changes of mode, each to the neighbouring mode",
        "a number of seconds from 30 to 600",
        default=30.0,
        ge=30,
        le=600,
    )


def limits_in(phase: object, limits: Limits) -> Limits:
    """Return the limits in a phase: the protocol's, but for what the phase says of its own pace."""
    own = {name: getattr(phase, name, None) for name in ("tempo_bpm_per_min", "mode_seconds")}
    own = {name: value for name, value in own.items() if value is not None}
    return limits.model_copy(update=own) if own else limits


class RateLimiter:
    """Moves the music toward what is wanted as far as the limits allow.

    The first state of a sounding stretch is free. After it, with `dt` the time since the state before, but
    never more than one decision interval (so that a pause saves up no credit):

    - tempo moves at most ``tempo_bpm_per_min · dt / 60``;
    - tempo lies within ``tempo_percent_per_bar`` of the state before and of every tempo asked for during the
      last bar and decision interval. The player takes up what was last asked for when a bar begins, so that
      from bar to bar no larger step can sound;
    - level moves at most 0.2 dB a second;
    - mode moves one rung, at least ``mode_seconds`` after it last moved or began to sound.

    Parameters
    ----------
    limits : Limits
        Of the protocol.
    """

    def __init__(self, limits: Limits) -> None:
        self.obey(limits)
        self._asked: deque[tuple[float, float]] = deque()
        self._last: MusicState | None = None
        self._mode_t = 0.0

    def obey(self, limits: Limits) -> None:
        """Use these limits from now on."""
        self._limits = limits

    def grant(self, t: float, wanted: MusicState, *, tempo_bpm_per_min: float | None = None) -> MusicState:
        """Return the state to ask for at `t`; times rise from call to call.

        Where given, `tempo_bpm_per_min` stands in for the protocol's limit.
        """
        last = self._last
        if not wanted.sounding:
            self._asked.clear()
            self._last = None
            return wanted
        if last is None:
            granted, self._mode_t = wanted, t
        else:
            dt = min(t - self._asked[-1][0], DECISION_S)
            most_db = LEVEL_DB_PER_S * dt
            granted = replace(
                wanted,
                tempo_bpm=self._tempo(
                    t, dt, wanted.tempo_bpm, tempo_bpm_per_min or self._limits.tempo_bpm_per_min
                ),
                level_db=clip(wanted.level_db, last.level_db - most_db, last.level_db + most_db),
                mode=self._mode(t, last.mode, wanted.mode),
            )
        self._asked.append((t, granted.tempo_bpm))
        self._last = granted
        return granted

    def _tempo(self, t: float, dt: float, wanted: float, bpm_per_min: float) -> float:
        last = self._asked[-1][1]
        window_s = 60 * BEATS_PER_BAR / last + DECISION_S
        while len(self._asked) > 1 and self._asked[0][0] <= t - window_s + _TINY:
            self._asked.popleft()
        share = self._limits.tempo_percent_per_bar / 100
        most = bpm_per_min * dt / 60
        low = max(last - most, *(tempo * (1 - share) for _, tempo in self._asked))
        high = min(last + most, *(tempo * (1 + share) for _, tempo in self._asked))
        # To stay is always allowed, whatever the window holds.
        return clip(wanted, min(low, last), max(high, last))

    def _mode(self, t: float, last: float, wanted: float) -> float:
        if abs(wanted - last) < RUNG / 2 or t - self._mode_t < self._limits.mode_seconds - _TINY:
            return last
        self._mode_t = t
        return round(last + RUNG if wanted > last else last - RUNG, 1)


def travel_s(limits: Limits, start_bpm: float, target_bpm: float) -> float:
    """Return the seconds within which the tempo gets from one value to another, decision by decision."""
    limiter = RateLimiter(limits)
    t = 0.0
    tempo = limiter.grant(t, MusicState(tempo_bpm=start_bpm)).tempo_bpm
    while abs(tempo - target_bpm) > _TINY:
        t += DECISION_S
        tempo = limiter.grant(t, MusicState(tempo_bpm=target_bpm)).tempo_bpm
    return t
