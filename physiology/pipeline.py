"""The streaming pipeline: samples in; beats, skin conductance responses and the 1-Hz state out."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from physiology.baseline import NOTHING, TERMS, Baseline, ExponentialSmoother, Fusion, displayed, freeze, fuse
from physiology.beats.tracker import TICKS_PER_SECOND, ChannelChoice
from physiology.breathing import BeltBreathing
from physiology.eda import SkinConductance
from physiology.errors import PhysiologyError, SignalError
from physiology.fault_reasons import FaultKind, FaultReason
from physiology.heart import HeartReport, HeartSources, heart_for
from physiology.samples import FloatArray
from physiology.state import NO_READING, Beat, PhysiologyState, Reading, Scr, SignalQuality

SLOW_TICKS = 5
"""Skin conductance is looked at every so many ticks, twice a second."""

TRANSITION_S = 6.0
"""For so long after a large change of the music skin conductance counts less, because such changes provoke
responses by themselves: latency 1 to 3 s, rise up to 5 s. Convention."""

LONGEST_BASELINE_S = 1800
"""Only the last 30 min of a baseline count. Convention; it bounds memory."""

HEART_KINDS = ("ecg", "rr", "ppg", "hr")
"""Heart signals, best first; of several that are configured one is used at a time (see `HeartSources`)."""
KINDS = (*HEART_KINDS, "eda", "rsp")
UNITS: Mapping[str, tuple[str, ...]] = {
    "eda": ("uS", "µS", "μS", "a.u."),
    "rr": ("ms",),
    "hr": ("bpm",),
}
"""The units that are accepted, where it matters. Conductance in an unknown unit (``a.u.``) is read as µS
unless it is whole numbers, as counts are; what is not in 0.05 to 60 µS is withheld in any case."""


@dataclass(frozen=True, slots=True)
class SignalConfig:
    """A signal that the pipeline will be given.

    Attributes
    ----------
    kind : str
        ``ecg``, ``ppg``, ``eda``, ``rsp``, ``rr`` or ``hr``.
    rate_hz : float
        Nominal samples per second; 0 for irregular ones.
    labels : tuple of str
        Its channels, of a pulse only; of several the best is used.
    unit : str
        ``uS`` for EDA, ``ms`` for RR intervals, ``bpm`` for heart rates; of no matter for the others.

    Raises
    ------
    SignalError
        For an unknown kind, a unit that is not taken, or an impossible rate.
    """

    kind: str
    rate_hz: float
    unit: str
    labels: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SignalError(f"signal {self.kind!r} is not known; there are {', '.join(KINDS)}")
        units = UNITS.get(self.kind, (self.unit,))
        if self.unit not in units:
            raise SignalError(f"{self.kind} is in {self.unit!r}; it must be in {units[0]}")
        if not (math.isfinite(self.rate_hz) and self.rate_hz >= 0):
            raise SignalError(
                f"{self.kind} has rate {self.rate_hz} Hz; it must be positive, or 0 if irregular"
            )


@dataclass(frozen=True, slots=True)
class PhysiologyUpdate:
    """What became known in one step, each in order of time: lines of the beat log, responses, 1-Hz states."""

    beats: tuple[Beat, ...]
    scrs: tuple[Scr, ...]
    states: tuple[PhysiologyState, ...]


class Physiology:
    """Physiology of one listener, computed from samples as they come.

    Everything is computed at ticks of signal time, every 0.1 s (skin conductance every 0.5 s), from the
    samples up to the tick only, so that results do not depend on how samples and steps were cut. The state is
    that of whole seconds.

    Parameters
    ----------
    signals : sequence of SignalConfig
        At most one of a kind. Beats come from the first of ECG, RR intervals and PPG that is there, and
        from the next one while that is lost.
    scr_threshold_us : float
        Least amplitude of a skin conductance response, in µS.

    Raises
    ------
    SignalError
        If a kind is given twice.

    Examples
    --------
    A heart strap that sends intervals of 0.8 s:

    >>> import numpy as np
    >>> physiology = Physiology([SignalConfig("rr", 0.0, "ms")])
    >>> physiology.push("rr", np.arange(1, 61) * 0.8, np.full(60, 800.0))
    >>> state = physiology.step(48.0).states[-1]
    >>> state.hr_bpm.value, state.hr_bpm.quality, state.signals["rr"].reason
    (75.0, 1.0, None)

    Without a beat for some seconds there is no heart rate, and the reason is given:

    >>> state = physiology.step(60.0).states[-1]
    >>> state.hr_bpm.value, state.signals["rr"].reason
    (None, 'no beats for 3 s')
    """

    def __init__(self, signals: Sequence[SignalConfig], *, scr_threshold_us: float = 0.05) -> None:
        by_kind = {signal.kind: signal for signal in signals}
        if len(by_kind) < len(signals):
            raise SignalError(
                f"signals {', '.join(s.kind for s in signals)}: each kind may be given only once"
            )
        self._kinds = [kind for kind in KINDS if kind in by_kind]
        belt, skin = "rsp" in by_kind, by_kind.get("eda")
        hearts = {
            kind: heart_for(kind, by_kind[kind].rate_hz, breathing=not belt, labels=by_kind[kind].labels)
            for kind in HEART_KINDS
            if kind in by_kind
        }
        self._heart = HeartSources(hearts) if hearts else None
        self._eda = (
            SkinConductance(scr_threshold_us=scr_threshold_us, unit_known=skin.unit != "a.u.")
            if skin
            else None
        )
        self._respiration = BeltBreathing() if belt else None
        self._tick: int | None = None
        self._start_s = math.inf
        self._stepped_s = -math.inf
        self._rows: deque[tuple[float, Mapping[str, Reading]]] = deque(maxlen=LONGEST_BASELINE_S)
        self._baseline_start_s: float | None = None
        self._baseline: Baseline | None = None
        self._baseline_heart: str | None = None
        self._smoothers = [ExponentialSmoother() for _ in range(3)]
        self._transition_s = -math.inf
        self._signals: Mapping[str, SignalQuality] = {}

    def push(self, kind: str, times: FloatArray, values: FloatArray) -> None:
        """Take in consecutive samples of a signal.

        Parameters
        ----------
        kind : str
            One of the configured kinds.
        times : ndarray, float64, shape (n,)
            Engine seconds, strictly increasing.
        values : ndarray, float64, shape (n,) or (n, channels)
            In the signal's unit; NaN is a missing sample. Only a pulse is given in several channels.

        Raises
        ------
        SignalError
            For a kind that was not configured, shapes that differ, or times that do not increase.
        """
        if kind not in self._kinds:
            raise SignalError(f"{kind!r} was not configured; the signals are {', '.join(self._kinds)}")
        if kind == "eda" and self._eda:
            self._eda.push(times, values)
        elif kind == "rsp" and self._respiration:
            self._respiration.push(times, values)
        elif self._heart:
            self._heart.push(kind, times, values)
        if times.size:
            self._start_s = min(self._start_s, float(times[0]))

    def step(self, t: float) -> PhysiologyUpdate:
        """Compute all that is due up to engine time `t`.

        All samples up to `t` must have been pushed. States begin at the first whole second after the first
        sample or the first step, whichever is earlier.

        Raises
        ------
        SignalError
            If `t` lies before the step before.
        """
        if not math.isfinite(t) or t < self._stepped_s:
            raise SignalError(f"step to {t} s after a step to {self._stepped_s} s: time must not go back")
        self._stepped_s = t
        if self._tick is None:
            self._tick = math.floor(min(self._start_s, t) * TICKS_PER_SECOND)
        beats: list[Beat] = []
        scrs: list[Scr] = []
        states: list[PhysiologyState] = []
        while (self._tick + 1) / TICKS_PER_SECOND <= t:
            self._tick += 1
            now = self._tick / TICKS_PER_SECOND
            beats += self._heart.update(now) if self._heart else []
            if self._eda and self._tick % SLOW_TICKS == 0:
                scrs += self._eda.update(now)
            if self._tick % TICKS_PER_SECOND == 0:
                states.append(self._state(now))
        return PhysiologyUpdate(tuple(beats), tuple(scrs), tuple(states))

    def begin_baseline(self, t: float) -> None:
        """Begin to collect a baseline at engine time `t`. A frozen one goes on being used meanwhile."""
        self._baseline_start_s = t
        self._rows.clear()

    def freeze_baseline(self, t: float) -> Baseline:
        """End the baseline at engine time `t`, freeze it and use it from now on, if it is usable.

        Only its last 30 min count. Activation is empty after a baseline that is not usable.

        Raises
        ------
        PhysiologyError
            If none was begun.
        """
        self._baseline = self.judge_baseline(t)
        self._baseline_heart = self._heart.kind if self._heart else None
        self._baseline_start_s = None
        self._rows.clear()
        self._smoothers = [ExponentialSmoother() for _ in range(3)]
        return self._baseline

    def judge_baseline(self, end_s: float) -> Baseline:
        """Return what the baseline would be if it ended at engine time `end_s` and nothing more came in.

        Raises
        ------
        PhysiologyError
            If none was begun.
        """
        if self._baseline_start_s is None:
            raise PhysiologyError(f"a baseline was to be frozen at {end_s:.1f} s, but none was begun")
        rows = [(at, features) for at, features in self._rows if self._baseline_start_s < at <= end_s]
        given = {"heart": self._heart is not None, "eda": self._eda is not None}
        names = [name for name, term in TERMS.items() if given[term.modality]]
        return freeze(rows, names, self._baseline_start_s, end_s)

    def mark_transition(self, t: float) -> None:
        """Record that the music made a large change at engine time `t`: EDA counts less for 6 s."""
        self._transition_s = t

    def choices(self) -> Mapping[str, ChannelChoice]:
        """Return, of signals in several channels, which one is used, by kind of signal."""
        return self._heart.choices() if self._heart else {}

    def reasons(self) -> Mapping[str, str]:
        """Return what is wrong with each signal now, in words; signals without a fault are left out."""
        return {kind: reason for kind, signal in self._signals.items() if (reason := signal.reason)}

    def _state(self, now: float) -> PhysiologyState:
        heart = self._heart.report(now) if self._heart else HeartReport()
        skin, breath = self._eda, heart.breathing
        breath_from = f"{self._heart.kind}-derived" if self._heart else ""
        if self._respiration:
            self._respiration.update(now)
            breath, breath_from = self._respiration.rate(), "belt"
        features = {
            "hr_bpm": heart.hr,
            "rmssd_ms": heart.rmssd,
            "scl_us": skin.level() if skin else NO_READING,
            "phasic_auc": skin.phasic_area() if skin else NO_READING,
        }
        if self._baseline_start_s is not None:
            self._rows.append((now, features))
        fusion = self._fused(now, features)
        activation, heart_activation, eda_activation = self._smoothed(now, fusion)
        self._update_signals(now, features["scl_us"], breath)
        return PhysiologyState(
            t=now,
            hr_bpm=heart.hr,
            rmssd_ms=heart.rmssd,
            scl_us=features["scl_us"],
            phasic_auc=features["phasic_auc"],
            scr_rate_per_min=skin.response_rate(now) if skin else NO_READING,
            breathing_rate=breath,
            hr_10s_bpm=heart.fast_hr,
            sdnn_ms=heart.sdnn,
            pnn50=heart.pnn50,
            heart_source=self._heart.kind if self._heart and heart.hr.value is not None else None,
            breathing_source=breath_from if breath.value is not None else None,
            activation=activation,
            activation_0_100=None if activation is None else displayed(activation),
            heart_activation=heart_activation,
            eda_activation=eda_activation,
            activation_basis=fusion.basis,
            activation_weights=self._baseline.weights if self._baseline else None,
            confidence=fusion.confidence,
            contributions=fusion.contributions,
            signals=self._signals,
        )

    def _fused(self, now: float, features: Mapping[str, Reading]) -> Fusion:
        if self._baseline is None:
            return NOTHING
        silent_skin = self._eda is not None and not self._eda.responded
        if self._heart and self._heart.kind != self._baseline_heart:
            # The variability of one sensor is not compared with the baseline of another.
            features = {**features, "rmssd_ms": NO_READING}
        return fuse(
            features,
            self._baseline,
            left_out=frozenset({"eda"}) if silent_skin else frozenset(),
            in_transition=self._transition_s < now <= self._transition_s + TRANSITION_S,
        )

    def _smoothed(self, now: float, fusion: Fusion) -> list[float | None]:
        """Return the activation, and that of heart and skin alone, each smoothed on its own."""
        values = (fusion.activation, fusion.heart, fusion.eda)
        return [
            None if value is None else smoother.update(now, value)
            for smoother, value in zip(self._smoothers, values, strict=True)
        ]

    def _update_signals(self, now: float, level: Reading, breath: Reading) -> None:
        """Update how good each signal is, what is wrong with it, and since when."""
        qualities, faults = dict[str, float](), dict[str, FaultReason | None]()
        if self._heart:
            qualities |= self._heart.qualities()
            faults |= self._heart.faults()
        if self._eda:
            qualities["eda"], faults["eda"] = level.quality, self._eda.fault()
            if faults["eda"] is None and self._baseline and not self._eda.responded:
                faults["eda"] = FaultReason(FaultKind.NO_RESPONSE_YET)
        if self._respiration:
            qualities["rsp"], faults["rsp"] = breath.quality, self._respiration.fault()
        signals = {}
        for kind, fault in faults.items():
            before = self._signals.get(kind)
            since_s = before.since_s if before and before.fault == fault else now
            signals[kind] = SignalQuality(qualities[kind], fault, since_s if fault else None)
        self._signals = signals
