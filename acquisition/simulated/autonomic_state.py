"""The hidden state of the virtual listener: arousal and breathing, and what changes them.

External events change both, and so does the music that the listener hears, second by second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from acquisition.simulated.persona import ListenerParameters
from acquisition.streams import FloatArray


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


WARM_UP_S = 2
"""The simulation begins this long before time 0, so that the first sample lies between heart beats."""

_SYMPATHETIC_LAG_S = 15.0
_SYMPATHETIC_DELAY = 0.7  # fraction of the way from 1 to 2 s: 1.7 s
_BREATH_SPREAD = 0.08
_BREATH_MEMORY = math.exp(-1.0 / 15.0)
_BREATHING_RANGE_HZ = (0.15, 0.3)
_BREATH_HEARD_S = 3
"""Delay in s between swells of the music and the breathing that follows them: later swells may not have
sounded when a second is simulated."""

_BREATH_LAG = 1.0 - math.exp(-1.0 / 5.0)
_FULL_BREATH_DEPTH = 0.5
_ATTENTION_S = 40
_DEEPER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomicSample:
    """The state over one second: values at its beginning and its end, linear in between.

    Attributes
    ----------
    number : int
        The second from `number` to `number` + 1, in s from the start.
    arousal : (float, float)
        0 is this listener at rest.
    sympathetic : (float, float)
        Arousal as it reaches heart and skin: 1.7 s late and smoothed over 15 s.
    breath_hz : (float, float)
        Breathing rate.
    breath_depth : (float, float)
        Around 1; breaths slower than the listener's own rate are deeper.
    breath_phase : float
        At the beginning, in radians; inspiration begins at 0.
    event_scr_us : float
        Size of the skin conductance response to an external event in this second; 0 for none.
    """

    number: int
    arousal: tuple[float, float]
    sympathetic: tuple[float, float]
    breath_hz: tuple[float, float]
    breath_depth: tuple[float, float]
    breath_phase: float
    event_scr_us: float = 0.0

    def breath_phase_at(self, part: FloatArray) -> FloatArray:
        """Return the breathing phase at fractions 0 to 1 of the second, in radians."""
        start, end = self.breath_hz
        return self.breath_phase + 2.0 * math.pi * (start * part + (end - start) * part**2 / 2.0)


def ramp(ends: tuple[float, float], part: FloatArray) -> FloatArray:
    """Interpolate linearly between two ends, at fractions 0 to 1.

    >>> ramp((1.0, 3.0), np.array([0.0, 0.5, 1.0]))
    array([1., 2., 3.])
    """
    return ends[0] + (ends[1] - ends[0]) * part


class AutonomicState:
    """Arousal and breathing, simulated second by second.

    ``τ_A dA/dt = −(A − A_drive) + noise``, where A_drive is the recovery toward rest plus κ times the effect
    of music (`MusicResponse`), delayed by `music_delay_s`. `ExternalEvents` are added to arousal. In periods
    of 40 s breathing may follow swells in the music: with a probability of κ times `breath_following`, less
    where the swells are shallow.

    Parameters
    ----------
    listener : ListenerParameters
        Parameters of the listener.
    kappa : float
        Factor on every effect of music.
    events : ExternalEvents
        Startles and pain.
    rng : Generator
        The number of draws does not depend on the music.
    """

    def __init__(
        self, listener: ListenerParameters, *, kappa: float, events: ExternalEvents, rng: np.random.Generator
    ) -> None:
        self._listener = listener
        self._kappa = kappa
        self._rng = rng
        self._response = MusicResponse(listener)
        self._delay_s = math.ceil(listener.music_delay_s)
        self._lag = 1.0 - math.exp(-1.0 / listener.arousal_lag_s)
        self._noise = listener.arousal_sd * math.sqrt(1.0 - math.exp(-2.0 / listener.arousal_lag_s))
        self._events = events
        self._driven = self._arousal = self._earlier = self._sympathetic = listener.initial_arousal
        self._pace_hz = listener.breathing_hz
        self._pull = 0.0
        self._breathing_draw = 1.0
        self._breath_wander = np.zeros(2)
        self._breath_hz, self._breath_depth = self._breathing()
        self._breath_phase = float(rng.uniform(0.0, 2.0 * math.pi))
        self._number = -WARM_UP_S

    def step(self, history: MusicHistory) -> AutonomicSample:
        """Return the state of the next second, given the music up to `music_delay_s` before its end."""
        arousal, sympathetic = self._arousal, self._sympathetic
        breath_hz, breath_depth = self._breath_hz, self._breath_depth
        event = self._events.second(self._number)
        self._step_arousal(history, event.arousal)
        self._follow_swells(history.second(self._number - _BREATH_HEARD_S))
        self._breath_wander = _BREATH_MEMORY * self._breath_wander + math.sqrt(
            1.0 - _BREATH_MEMORY**2
        ) * self._rng.standard_normal(2)
        self._breath_hz, self._breath_depth = self._breathing()
        second = AutonomicSample(
            number=self._number,
            arousal=(arousal, self._arousal),
            sympathetic=(sympathetic, self._sympathetic),
            breath_hz=(breath_hz, self._breath_hz),
            breath_depth=(breath_depth, self._breath_depth),
            breath_phase=self._breath_phase,
            event_scr_us=event.scr_us,
        )
        self._breath_phase += math.pi * (breath_hz + self._breath_hz)
        self._number += 1
        return second

    def _step_arousal(self, history: MusicHistory, event: float) -> None:
        person, end = self._listener, self._number + 1
        hr_bpm = person.resting_hr_bpm + person.hr_per_arousal_bpm * self._sympathetic
        recovery = person.initial_arousal * math.exp(-max(0, end) / person.recovery_s)
        music = self._response.step(history.second(end - self._delay_s), hr_bpm)
        received = self._arousal + _SYMPATHETIC_DELAY * (self._earlier - self._arousal)
        self._sympathetic += (1.0 - math.exp(-1.0 / _SYMPATHETIC_LAG_S)) * (received - self._sympathetic)
        self._earlier = self._arousal
        self._driven += self._lag * (recovery + self._kappa * music - self._driven)
        self._driven += self._noise * float(self._rng.standard_normal())
        self._arousal = self._driven + event

    def _follow_swells(self, heard: PerceivedMusic) -> None:
        """Update how far breathing follows the swells of one more second of music."""
        if swells := heard.sounding * heard.breath_depth * heard.breath_rate:
            self._pace_hz = heard.breath_rate / 60.0
        if self._number % _ATTENTION_S == 0:
            self._breathing_draw = float(self._rng.uniform())
        depth = min(1.0, heard.breath_depth / _FULL_BREATH_DEPTH) if swells else 0.0
        follows = self._breathing_draw < self._kappa * self._listener.breath_following * depth
        self._pull += _BREATH_LAG * (float(follows) - self._pull)

    def _breathing(self) -> tuple[float, float]:
        wander_rate, wander_depth = self._breath_wander
        rate_hz = self._listener.breathing_hz * (1.0 + 0.06 * self._arousal)
        low, high = _BREATHING_RANGE_HZ
        own_hz = min(high, max(low, rate_hz * math.exp(_BREATH_SPREAD * float(wander_rate))))
        paced_hz = own_hz * (self._pace_hz / own_hz) ** self._pull
        depth = math.exp(2.0 * _BREATH_SPREAD * float(wander_depth))
        return paced_hz, depth * (own_hz / paced_hz) ** _DEEPER


DEFAULT_PAIN_AT_S = 300.0
"""The middle of a short session of ten minutes."""

_STARTLE_DECAY_PER_S = math.exp(-1.0 / 12.0)
_PAIN_RISE_S = 10.0
_PAIN_FALL_S = 60.0
_EVENT_SCR_MEDIAN_US = 0.6
_EVENT_SCR_SPREAD = 0.4
_SCR_LATENCY_S = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalEvent:
    """Effect of external events in one second.

    Attributes
    ----------
    arousal : float
        Added to arousal at the end of the second.
    scr_us : float
        Amplitude of the skin conductance response that begins in this second; 0 for none.
    """

    arousal: float
    scr_us: float


class ExternalEvents:
    """Startles and pain, which do not depend on the music and are not scaled by κ.

    Startles occur at random and fade within seconds; pain rises in 10 s, lasts, and fades over a minute. Each
    evokes a skin conductance response 2 s later, with a median of 0.6 µS.

    Parameters
    ----------
    listener : ListenerParameters
        Rates and sizes.
    pain_at_s : float
        When pain begins, seconds from the session's start.
    rng : Generator
        The number of draws per second is constant.
    """

    def __init__(self, listener: ListenerParameters, *, pain_at_s: float, rng: np.random.Generator) -> None:
        self._listener = listener
        self._pain_at_s = pain_at_s
        self._rng = rng
        self._startle_probability = 1.0 - math.exp(-listener.startles_per_min / 60.0)
        self._startle = 0.0
        self._pending_scr_us = [0.0] * _SCR_LATENCY_S

    def second(self, number: int) -> ExternalEvent:
        """Return the events of the second that begins at `number`; call it for consecutive seconds."""
        startled = float(self._rng.uniform()) < self._startle_probability
        size_us = _EVENT_SCR_MEDIAN_US * math.exp(_EVENT_SCR_SPREAD * float(self._rng.standard_normal()))
        self._startle *= _STARTLE_DECAY_PER_S
        if startled:
            self._startle += self._listener.startle_arousal
        hurts = self._listener.pain_arousal > 0 and number == math.floor(self._pain_at_s)
        self._pending_scr_us.append(size_us if startled or hurts else 0.0)
        return ExternalEvent(
            arousal=self._startle + self._pain(number + 1.0), scr_us=self._pending_scr_us.pop(0)
        )

    def _pain(self, t: float) -> float:
        since = t - self._pain_at_s
        if since <= 0.0:
            return 0.0
        rise = min(1.0, since / _PAIN_RISE_S)
        fall = math.exp(-max(0.0, since - self._listener.pain_s) / _PAIN_FALL_S)
        return self._listener.pain_arousal * rise * fall
