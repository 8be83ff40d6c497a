"""The virtual listener: a source of simulated ECG, EDA and respiration that responds to music.

docs/listener.md describes the models of the signals and the sources of their constants.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from acquisition.errors import SpecError
from acquisition.simulated.autonomic_state import (
    DEFAULT_PAIN_AT_S,
    WARM_UP_S,
    AutonomicSample,
    AutonomicState,
    ExternalEvents,
    MusicHistory,
    PerceivedMusic,
    freshness,
    ramp,
)
from acquisition.simulated.persona import ListenerParameters, persona_named
from acquisition.streams import (
    Chunk,
    ClockPair,
    FloatArray,
    Kind,
    SampleBlock,
    StreamInfo,
    joined,
    no_samples,
)

ECG_RATE_HZ = 250
_LF_HZ = 0.1
_RSA_LAG = 0.6  # radians: heart rate is highest shortly before expiration begins
_RESONANCE_WIDTH_HZ = 0.012
_WANDER_SD = 0.018
_WANDER_MEMORY = math.exp(-1.0 / 20.0)

# Waves of a beat: position in s relative to the R wave (for T waves at RR = 1 s, scaled by √RR after Bazett),
# width in s, and height relative to the R wave.
_T_FROM = 4
_PLACES_S = np.array([-0.165, -0.026, 0.0, 0.028, 0.235, 0.275])
_WIDTHS_S = np.array([0.022, 0.009, 0.0105, 0.0095, 0.045, 0.030])
_HEIGHTS = np.array([0.10, -0.10, 1.0, -0.20, 0.12, 0.15])

_BEFORE_S, _AFTER_S = 0.3, 0.6
"""Extent of a beat before and after its R wave."""

_WANDER_HZ = np.array([0.043, 0.071, 0.117])
_WANDER_MV = np.array([0.030, 0.020, 0.015])
_BREATH_MV = 0.03
_NOISE_MV = 0.008
_ECG_PARTS = np.arange(ECG_RATE_HZ + 1) / ECG_RATE_HZ


class Heart:
    """Heart beats by integral pulse frequency modulation.

    ``∫ (1 + m)/T dt = 1`` from beat to beat, where m is the sum of a 0.1-Hz rhythm, respiratory sinus
    arrhythmia and a slow fluctuation. Respiratory sinus arrhythmia is largest at the resonance frequency of
    the baroreflex.

    Parameters
    ----------
    listener : ListenerParameters
        Parameters of the listener.
    rng : Generator
        The number of draws per second is constant.
    """

    def __init__(self, listener: ListenerParameters, *, rng: np.random.Generator) -> None:
        self._listener = listener
        self._rng = rng
        self._fraction = float(rng.uniform())  # of the interval to the next beat that has passed
        self._lf_phase = float(rng.uniform(0.0, 2.0 * math.pi))
        self._wander = _WANDER_SD * float(rng.standard_normal())

    def beats(self, second: AutonomicSample) -> FloatArray:
        """Return the times of the beats in a second; call it for consecutive seconds."""
        rate_hz = self._rate(second)
        steps = (rate_hz[1:] + rate_hz[:-1]) / (2.0 * ECG_RATE_HZ)
        cycles = self._fraction + np.concatenate(([0.0], np.cumsum(steps)))
        whole = np.arange(1, math.floor(cycles[-1]) + 1)
        self._fraction = float(cycles[-1]) - whole.size
        return second.number + np.interp(whole, cycles, _ECG_PARTS)

    def _rate(self, second: AutonomicSample) -> FloatArray:
        person = self._listener
        hr_bpm = person.resting_hr_bpm + person.hr_per_arousal_bpm * ramp(second.sympathetic, _ECG_PARTS)
        new_wander, lf_unrest = self._rng.standard_normal(2)
        lf_step = 2.0 * math.pi * _LF_HZ * (1.0 + 0.15 * float(lf_unrest))
        lf = person.lf_depth * np.sin(self._lf_phase + lf_step * _ECG_PARTS)
        self._lf_phase += lf_step
        # Arousal withdraws vagal activity and so reduces respiratory sinus arrhythmia.
        rsa_depth = (
            person.rsa_depth
            * np.exp(-0.3 * ramp(second.arousal, _ECG_PARTS))
            * ramp(second.breath_depth, _ECG_PARTS)
        )
        off = (ramp(second.breath_hz, _ECG_PARTS) - person.resonance_hz) / _RESONANCE_WIDTH_HZ
        rsa_depth = rsa_depth * (1.0 + person.resonance_gain / (1.0 + off**2))
        rsa = rsa_depth * np.sin(second.breath_phase_at(_ECG_PARTS) - _RSA_LAG)
        wander = self._wander
        self._wander = _WANDER_MEMORY * wander + _WANDER_SD * math.sqrt(1.0 - _WANDER_MEMORY**2) * float(
            new_wander
        )
        return np.asarray(hr_bpm / 60.0 * (1.0 + lf + rsa + ramp((wander, self._wander), _ECG_PARTS)))


class Electrodes:
    """ECG in mV at `ECG_RATE_HZ`: six Gaussian waves per beat, baseline wander and noise.

    After McSharry 2003 (doi 10.1109/TBME.2003.808805), but with the waves placed in time instead of on a
    limit cycle, so that each R maximum lies at the time of its beat.

    Parameters
    ----------
    listener : ListenerParameters
        Parameters of the listener.
    rng : Generator
        The number of draws per second is constant.
    """

    def __init__(self, listener: ListenerParameters, *, rng: np.random.Generator) -> None:
        self._listener = listener
        self._rng = rng
        self._wander_phases = rng.uniform(0.0, 2.0 * math.pi, _WANDER_HZ.size)
        self._beats = np.empty(0)
        self._intervals_s = np.empty(0)
        self._last_beat: float | None = None

    def add(self, beats: FloatArray) -> None:
        """Add the beats of the second after the next one that `samples` returns."""
        if beats.size == 0:
            return
        before = beats[0] - 0.85 if self._last_beat is None else self._last_beat
        self._beats = np.concatenate((self._beats, beats))
        self._intervals_s = np.concatenate((self._intervals_s, np.diff(beats, prepend=before)))
        self._last_beat = float(beats[-1])

    def samples(self, second: AutonomicSample) -> FloatArray:
        """Return one second of samples, shape (250,). Beats up to 0.3 s after it must have been added."""
        parts = _ECG_PARTS[:-1]
        times = second.number + parts
        near = self._beats > second.number - _AFTER_S
        self._beats, self._intervals_s = self._beats[near], self._intervals_s[near]
        breath = np.sin(second.breath_phase_at(parts))
        wander = _WANDER_MV @ np.sin(
            2.0 * math.pi * np.outer(_WANDER_HZ, times) + self._wander_phases[:, None]
        )
        noise = _NOISE_MV * self._rng.standard_normal(parts.size)
        # The heart rotates and the chest widens with each breath, which modulates the R wave.
        waves = self._waves(times) * self._listener.r_wave_mv * (1.0 + 0.05 * breath)
        return np.asarray(waves + wander + _BREATH_MV * breath + noise)

    def _waves(self, times: FloatArray) -> FloatArray:
        here = self._beats < times[-1] + _BEFORE_S
        places = np.tile(_PLACES_S, (int(here.sum()), 1))
        places[:, _T_FROM:] *= np.sqrt(self._intervals_s[here])[:, None]
        distance = times - (self._beats[here][:, None] + places)[:, :, None]
        return np.asarray(
            np.tensordot(_HEIGHTS, np.exp(-0.5 * (distance / _WIDTHS_S[:, None]) ** 2), (0, 1)).sum(axis=0)
        )


EDA_RATE_HZ = 32
_SCR_MEDIAN_US = 0.15
_SCR_SPREAD = 0.6  # standard deviation of the natural logarithm
_SCR_LASTS_S = 30.0
_KERNEL_PEAK = 0.369
_LEVEL_PER_AROUSAL = 0.15
_DRIFT_SD = 0.0006
_EDA_NOISE_US = 0.002
_EDA_PARTS = np.arange(EDA_RATE_HZ) / EDA_RATE_HZ
NOVELTY_LATENCY_S = 2
"""Seconds between a change of the music and the second of the response: a latency of 1 to 3 s."""


class Skin:
    """Skin conductance in µS at `EDA_RATE_HZ`: a level that follows arousal, and responses added to it.

    ``SCL + Σ aᵢ h(t − tᵢ)`` with h = (e^(−t/2) − e^(−t/0.7)) / 0.369. Spontaneous responses occur at a rate
    of 2·e^(1.1·arousal) per minute, limited to 0.5 to 25, with a lognormal amplitude whose median is 0.15 µS.
    Changes of the music and external events evoke further responses.

    Parameters
    ----------
    listener : ListenerParameters
        Parameters of the listener.
    kappa : float
        Factor on every effect of music.
    rng : Generator
        The number of draws does not depend on the music.
    """

    def __init__(self, listener: ListenerParameters, *, kappa: float, rng: np.random.Generator) -> None:
        self._listener = listener
        self._kappa = kappa
        self._rng = rng
        self._drift = 0.0
        self._onsets = np.empty(0)
        self._amplitudes = np.empty(0)

    def samples(self, second: AutonomicSample, heard: PerceivedMusic) -> FloatArray:
        """Return one second of samples, shape (32,).

        Parameters
        ----------
        second : AutonomicSample
            The hidden state.
        heard : PerceivedMusic
            The music `NOVELTY_LATENCY_S` earlier.
        """
        spontaneous, orienting, *places = self._rng.uniform(size=4)
        rate_per_min = min(25.0, max(0.5, 2.0 * math.exp(1.1 * second.arousal[0])))
        happens = np.array(
            [
                spontaneous < 1.0 - math.exp(-rate_per_min / 60.0),
                orienting < self._kappa * freshness(self._listener, heard) * heard.novelty,
                second.event_scr_us > 0.0,
            ]
        )
        random = _SCR_MEDIAN_US * np.exp(_SCR_SPREAD * self._rng.standard_normal(2))
        amplitudes = self._listener.scr_gain * np.array([*random, second.event_scr_us])
        lasting = self._onsets > second.number - _SCR_LASTS_S
        onsets = second.number + np.array([*places, 0.0])
        self._onsets = np.concatenate((self._onsets[lasting], onsets[happens]))
        self._amplitudes = np.concatenate((self._amplitudes[lasting], amplitudes[happens]))
        signal = self._level(second) + self._responses(second.number + _EDA_PARTS)
        return signal + _EDA_NOISE_US * self._rng.standard_normal(_EDA_PARTS.size)

    def _level(self, second: AutonomicSample) -> FloatArray:
        drift = self._drift
        self._drift += _DRIFT_SD * float(self._rng.standard_normal())
        follows = self._listener.scl_gain * _LEVEL_PER_AROUSAL
        exponent = follows * ramp(second.sympathetic, _EDA_PARTS) + ramp((drift, self._drift), _EDA_PARTS)
        return np.asarray(self._listener.resting_scl_us * np.exp(exponent))

    def _responses(self, times: FloatArray) -> FloatArray:
        since = np.maximum(0.0, times - self._onsets[:, None])
        kernel = (np.exp(-since / 2.0) - np.exp(-since / 0.7)) / _KERNEL_PEAK
        return np.asarray(self._amplitudes @ kernel)


RSP_RATE_HZ = 25
_HASTE = 0.3  # inspiration is shorter than expiration
_RSP_NOISE = 0.01
_RSP_PARTS = np.arange(RSP_RATE_HZ) / RSP_RATE_HZ


class BreathingBelt:
    """Chest circumference in arbitrary units at `RSP_RATE_HZ`, increasing during inspiration.

    Parameters
    ----------
    rng : Generator
        Source of the noise.
    """

    def __init__(self, *, rng: np.random.Generator) -> None:
        self._rng = rng

    def samples(self, second: AutonomicSample) -> FloatArray:
        """Return one second of samples, shape (25,)."""
        phase = second.breath_phase_at(_RSP_PARTS)
        lungs = -np.cos(phase + _HASTE * (1.0 - np.cos(phase)))
        return ramp(second.breath_depth, _RSP_PARTS) * lungs + _RSP_NOISE * self._rng.standard_normal(
            _RSP_PARTS.size
        )


class VirtualListener:
    """A simulated person who rests and hears music.

    The model is described in docs/listener.md: a hidden arousal recovers by itself and may be changed by
    music; heart, skin and breathing follow it. The simulation runs second by second, so the samples depend on
    the seed and on the music and its times, not on the size of the chunks that are read. A second is
    simulated when its first sample is read; music acts one second later at the earliest.

    Parameters
    ----------
    persona : str
        One of `acquisition.simulated.persona.PERSONAS`.
    seed : int
        Determines the person and every random fluctuation.
    kappa : float
        Factor on every effect of music; 0 is a listener on whom music has no effect.
    pain_at_s : float, optional
        When pain begins, for personas with pain, in seconds from the session's start; 300 if not given.
    name_stream : callable
        Makes names and ids of streams distinct from those of other sources.

    Raises
    ------
    SpecError
        For an unknown persona, or a time of pain for a persona without pain.

    Examples
    --------
    >>> listener = VirtualListener("responder", seed=1)
    >>> [(chunk.stream.name, chunk.times.size) for chunk in listener.read(1.0)]
    [('ecg', 251), ('eda', 33), ('rsp', 26)]
    """

    def __init__(
        self,
        persona: str,
        *,
        seed: int,
        kappa: float = 1.0,
        pain_at_s: float | None = None,
        name_stream: Callable[[str], str] = str,
    ) -> None:
        # One random generator per part of the model, so that the parts do not influence each other's draws.
        who, autonomic, heart, electrodes, skin, respiration, events_rng = np.random.default_rng(seed).spawn(
            7
        )
        listener = persona_named(persona).draw(who)
        if pain_at_s is not None and not listener.pain_arousal:
            raise SpecError(
                f"{persona} feels no pain, so pain_at has no meaning; it belongs to "
                "listener=virtual:pain-event?pain_at=300"
            )
        events = ExternalEvents(
            listener, pain_at_s=DEFAULT_PAIN_AT_S if pain_at_s is None else pain_at_s, rng=events_rng
        )
        self._history = MusicHistory()
        self._autonomic = AutonomicState(listener, kappa=kappa, events=events, rng=autonomic)
        self._heart = Heart(listener, rng=heart)
        self._electrodes = Electrodes(listener, rng=electrodes)
        self._skin = Skin(listener, kappa=kappa, rng=skin)
        self._respiration = BreathingBelt(rng=respiration)
        self._arousal = listener.initial_arousal
        self._t0 = 0.0
        self._clock_pairs_taken = False
        self._unread = {
            StreamInfo(
                stream_id=name_stream(f"virtual:{persona}:{kind}"),
                name=name_stream(kind.value),
                kind=kind,
                unit=unit,
                rate_hz=float(rate),
                labels=(kind.value,),
            ): [no_samples()]
            for kind, unit, rate in (
                (Kind.ECG, "mV", ECG_RATE_HZ),
                (Kind.EDA, "uS", EDA_RATE_HZ),
                (Kind.RSP, "a.u.", RSP_RATE_HZ),
            )
        }
        self._next = self._step_state()
        for _ in range(WARM_UP_S):
            self._next = self._step_state()

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """ECG in mV at 250 Hz, EDA in µS at 32 Hz, respiration in arbitrary units at 25 Hz."""
        return tuple(self._unread)

    @property
    def ended(self) -> bool:
        """Never."""
        return False

    @property
    def arousal(self) -> float:
        """The hidden arousal at the last whole second that was read; 0 is this listener at rest."""
        return self._arousal

    def begin(self, t0: float) -> None:
        """Place the beginning of the simulation at engine time `t0`."""
        self._t0 = t0

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        """Return, at the first call only, the session's start as time 0 of each stream."""
        taken, self._clock_pairs_taken = self._clock_pairs_taken, True
        if taken:
            return ()
        return tuple(
            ClockPair(stream_id=stream.stream_id, source_time_s=0.0, engine_time_s=self._t0)
            for stream in self.streams
        )

    def observe_music(self, t: float, sounded: Mapping[str, float] | None) -> None:
        """Add the music of the step that ended at engine time `t`; None is silence."""
        self._history.add(t - self._t0, sounded)

    def read(self, t: float) -> list[Chunk]:
        """Return the samples at or before engine time `t` that were not read before."""
        while self._t0 + self._next.number <= t:
            self._simulate_second()
        chunks = []
        for stream, blocks in self._unread.items():
            ready, later = joined(blocks).split(t)
            self._unread[stream] = [later]
            if ready.size:
                chunks.append(Chunk(stream, ready.times, ready.values))
        return chunks

    def close(self) -> None:
        """Do nothing: a simulation holds no resources."""

    def _simulate_second(self) -> None:
        """Compute the samples of one second; the beats of the second after it are known by then."""
        now, self._next = self._next, self._step_state()
        self._arousal = now.arousal[0]
        heard = self._history.second(now.number - NOVELTY_LATENCY_S)
        samples = (
            self._electrodes.samples(now),
            self._skin.samples(now, heard),
            self._respiration.samples(now),
        )
        for unread, values in zip(self._unread.values(), samples, strict=True):
            numbers = now.number * values.size + np.arange(values.size)
            unread.append(SampleBlock(self._t0 + numbers / values.size, values.reshape(-1, 1)))

    def _step_state(self) -> AutonomicSample:
        second = self._autonomic.step(self._history)
        self._electrodes.add(self._heart.beats(second))
        return second
