"""The virtual listener: a source of simulated ECG, EDA and respiration that responds to music."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from acquisition.errors import SpecError
from acquisition.simulated.autonomic_state import (
    DEFAULT_PAIN_AT_S,
    WARM_UP_S,
    AutonomicSample,
    AutonomicState,
    ExternalEvents,
)
from acquisition.simulated.music_response import MusicHistory
from acquisition.simulated.persona import persona_named
from acquisition.simulated.signals import (
    ECG_RATE_HZ,
    EDA_RATE_HZ,
    NOVELTY_LATENCY_S,
    RSP_RATE_HZ,
    BreathingBelt,
    Electrodes,
    Heart,
    Skin,
)
from acquisition.streams import Chunk, ClockPair, FloatArray, Kind, StreamInfo


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
        self._signals = tuple(
            _Signal(
                StreamInfo(
                    stream_id=name_stream(f"virtual:{persona}:{kind}"),
                    name=name_stream(kind.value),
                    kind=kind,
                    unit=unit,
                    rate_hz=float(rate),
                    labels=(kind.value,),
                ),
                rate,
            )
            for kind, unit, rate in (
                (Kind.ECG, "mV", ECG_RATE_HZ),
                (Kind.EDA, "uS", EDA_RATE_HZ),
                (Kind.RSP, "a.u.", RSP_RATE_HZ),
            )
        )
        self._next = self._step_state()
        for _ in range(WARM_UP_S):
            self._next = self._step_state()

    @property
    def streams(self) -> tuple[StreamInfo, ...]:
        """ECG in mV at 250 Hz, EDA in µS at 32 Hz, respiration in arbitrary units at 25 Hz."""
        return tuple(signal.stream for signal in self._signals)

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
        chunks = (signal.read(t) for signal in self._signals)
        return [chunk for chunk in chunks if chunk is not None]

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
        for signal, second in zip(self._signals, samples, strict=True):
            signal.add(self._t0, now.number, second)

    def _step_state(self) -> AutonomicSample:
        second = self._autonomic.step(self._history)
        self._electrodes.add(self._heart.beats(second))
        return second


class _Signal:
    """Simulated samples of one stream that were not read yet."""

    def __init__(self, stream: StreamInfo, rate: int) -> None:
        self.stream = stream
        self._rate = rate
        self._times: list[FloatArray] = [np.empty(0)]
        self._samples: list[FloatArray] = [np.empty((0, 1))]

    def add(self, t0: float, second: int, samples: FloatArray) -> None:
        self._times.append(t0 + np.arange(second * self._rate, (second + 1) * self._rate) / self._rate)
        self._samples.append(samples.reshape(-1, 1))

    def read(self, t: float) -> Chunk | None:
        times, samples = np.concatenate(self._times), np.concatenate(self._samples)
        end = int(np.searchsorted(times, t, side="right"))
        self._times, self._samples = [times[end:]], [samples[end:]]
        return Chunk(self.stream, times[:end], samples[:end]) if end else None
