"""What the virtual listener hears, second by second, and the effect of music on arousal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from acquisition.simulated.persona import ListenerParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceivedMusic:
    """The music of one second: means over the part with music, and the largest novelty.

    Attributes
    ----------
    sounding : float
        Part of the second with music, 0 to 1; in silence the other values are 0.
    tempo_bpm, density, level_db, brightness, novelty, breath_rate, breath_depth : float
        As in `acquisition.streams.MusicListener.observe_music`.
    heard_before_s : float
        Seconds of music heard before this one.
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


SILENCE = PerceivedMusic()
_MEANS = ("tempo_bpm", "density", "level_db", "brightness", "breath_rate", "breath_depth")


class MusicHistory:
    """Summarises the music of steps of any length as one `PerceivedMusic` per second."""

    def __init__(self) -> None:
        self._seconds: list[PerceivedMusic] = []
        self._until = 0.0
        self._heard_s = 0.0
        self._clear()

    def add(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Add the music from the last call to `t`; a `t` not later than the last is ignored.

        Novelty is assigned to the end of the step, all other values to the whole step.
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

    def second(self, number: int) -> PerceivedMusic:
        """Return the music of the second from `number` to `number` + 1."""
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

    def _summary(self) -> PerceivedMusic:
        if self._sounded_s == 0.0:
            return SILENCE
        means = {name: total / self._sounded_s for name, total in self._sums.items()}
        before_s = self._heard_s
        self._heard_s += min(1.0, self._sounded_s)
        return PerceivedMusic(
            sounding=min(1.0, self._sounded_s), novelty=self._novelty, heard_before_s=before_s, **means
        )


_FIRST_HEARD_S = 30
_SILENCE_BEFORE_ONSET_S = 20.0
_PULSE_DECAY_PER_S = math.exp(-1.0 / 60.0)
_MISMATCH_FROM = 0.3
_BELOW_THRESHOLD = 0.1
# Texture that neither raises nor lowers arousal.
_NEUTRAL_DENSITY = 0.4
_NEUTRAL_LEVEL_DB = -4.0
_NEUTRAL_BRIGHTNESS = 0.4
_FAINTEST_DB = -18.0
"""The level includes fades; levels below the range of a MusicState have no further effect."""


class MusicResponse:
    """The part of the drive of arousal that comes from music, before the factor κ.

    ``g·(a_music − a_match)`` + mismatch penalty + pulses, where a_match lies halfway between the music heard
    first and the listener's own pace, so that music that slows down and music that is slow from the start
    both act. If the listener habituates, all of it fades with the minutes of music heard.

    Parameters
    ----------
    listener : ListenerParameters
        Gains and thresholds.
    """

    def __init__(self, listener: ListenerParameters) -> None:
        self._listener = listener
        # % heart rate per % tempo, converted to arousal per ln(tempo ratio).
        self._tempo_gain = listener.tempo_slope * listener.resting_hr_bpm / listener.hr_per_arousal_bpm
        self._pulse = 0.0
        self._silent_s = _SILENCE_BEFORE_ONSET_S
        self._own_pace_bpm: float | None = None
        self._first_heard = 0.0
        self._first_seconds = 0

    def step(self, heard: PerceivedMusic, hr_bpm: float) -> float:
        """Add one second of music and return its drive.

        Parameters
        ----------
        heard : PerceivedMusic
            The music of that second.
        hr_bpm : float
            The listener's heart rate.
        """
        self._pulse *= _PULSE_DECAY_PER_S
        if heard.sounding == 0.0:
            self._silent_s += 1.0
            return self._pulse
        fresh = freshness(self._listener, heard)
        if self._silent_s >= _SILENCE_BEFORE_ONSET_S:
            self._pulse += fresh * self._listener.onset_gain
        self._silent_s = 0.0
        self._pulse += fresh * self._listener.novelty_gain * heard.novelty
        if self._own_pace_bpm is None:
            self._own_pace_bpm = hr_bpm
        expressed = self._expressed(heard, self._own_pace_bpm)
        if self._first_seconds < _FIRST_HEARD_S:
            self._first_seconds += 1
            self._first_heard += (expressed - self._first_heard) / self._first_seconds
        too_far = max(0.0, abs(math.log(heard.tempo_bpm / hr_bpm)) - _MISMATCH_FROM)
        steady = expressed - 0.5 * self._first_heard + self._listener.mismatch_gain * too_far
        return fresh * heard.sounding * steady + self._pulse

    def _expressed(self, heard: PerceivedMusic, own_pace_bpm: float) -> float:
        """Return the arousal expressed by music; 0 is the listener's own pace with neutral texture."""
        tempo = math.log(heard.tempo_bpm / own_pace_bpm)
        beyond = math.copysign(max(0.0, abs(tempo) - self._listener.tempo_threshold), tempo)
        texture = (
            (heard.density - _NEUTRAL_DENSITY)
            + (max(_FAINTEST_DB, heard.level_db) - _NEUTRAL_LEVEL_DB) / 18.0
            + 0.5 * (heard.brightness - _NEUTRAL_BRIGHTNESS)
        )
        felt_tempo = _BELOW_THRESHOLD * tempo + (1.0 - _BELOW_THRESHOLD) * beyond
        return self._tempo_gain * felt_tempo + self._listener.texture_gain * texture


def freshness(listener: ListenerParameters, heard: PerceivedMusic) -> float:
    """Return the part of the effect of music that is left after habituation; 1 without habituation."""
    return math.exp(-listener.habituation_per_min * heard.heard_before_s / 60.0)
