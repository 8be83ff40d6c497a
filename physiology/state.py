"""What physiology reports: beats, skin conductance responses, the 1-Hz state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from physiology.fault_reasons import FaultReason, fault_text


class BeatAction(IntEnum):
    """What one line of the beat log says of a beat."""

    NEW = 0
    MOVED = 1
    WITHDRAWN = 2
    INSERTED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """One line of the beat log.

    Attributes
    ----------
    beat_id : int
        The same for every line about the same beat.
    r_time_s : float
        Time of the R maximum (PPG: of the systolic peak), engine seconds.
    rr_ms : float
        Interval from the beat before, NaN where there is none or a gap lies between.
    quality : float
        0 to 1, frozen when announced.
    corrected : bool
        Whether the interval fails the live artefact rule (RR 0.3–2.0 s and within 25 % of the median
        of 11), so that it counts as corrected and stays out of heart rate and variability.
    known_at_s : float
        Time of the newest sample needed to report this line, whatever the chunking.
    action : BeatAction
        New, moved, withdrawn or inserted.
    """

    beat_id: int
    r_time_s: float
    rr_ms: float
    quality: float
    corrected: bool
    known_at_s: float
    action: BeatAction = BeatAction.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Scr:
    """A skin conductance response: trough to peak, in engine seconds and microsiemens."""

    onset_s: float
    peak_s: float
    amplitude_us: float
    known_at_s: float


@dataclass(frozen=True, slots=True)
class Reading:
    """A value with its quality and age.

    Attributes
    ----------
    value : float or None
        None where there is no valid value. It is never invented.
    quality : float
        0 to 1.
    age_s : float or None
        Seconds since the newest sample or beat that went into it; None where there never was one.
    window_s : float or None
        Seconds of signal it looks back on; None where no signal could yield it.
    usable_share : float
        0 to 1: the part of that window that is valid, given for withheld values too.
    corrected_share : float or None
        0 to 1: the part of the window's intervals that fail the artefact rule; those beside doubtful beats
        are missing from both. None where no beats are involved or there were none.
    """

    value: float | None = None
    quality: float = 0.0
    age_s: float | None = None
    window_s: float | None = None
    usable_share: float = 0.0
    corrected_share: float | None = None


NO_READING = Reading()
"""The reading of a signal that is not there."""


@dataclass(frozen=True, slots=True)
class SignalQuality:
    """How good a signal is now, and what is wrong with it.

    Attributes
    ----------
    quality : float
        0 to 1: that of the feature it is there for (heart rate, conductance level, breathing rate), 0 while
        that is withheld.
    fault : FaultReason or None
        What is wrong; None where nothing is.
    since_s : float or None
        Engine second since which that fault holds without a break; None where there is none.
    """

    quality: float
    fault: FaultReason | None = None
    since_s: float | None = None

    @property
    def reason(self) -> str | None:
        """What is wrong, in words for a therapist; None where nothing is. Decide on `fault` instead."""
        return None if self.fault is None else fault_text(self.fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhysiologyState:
    """The listener's physiology at one moment, from nothing but samples up to it.

    Attributes
    ----------
    t : float
        Engine seconds.
    hr_bpm, rmssd_ms, scl_us, scr_rate_per_min, phasic_auc, breathing_rate : Reading
        The features. `hr_bpm` is over 30 s, `phasic_auc` in µS·s over the last 60 s, `breathing_rate` per
        minute.
    hr_10s_bpm, sdnn_ms, pnn50 : Reading
        Heart rate over 10 s, standard deviation of the intervals, per cent of successive differences above
        50 ms. From a pulse sensor all variability is that of the pulse rate.
    heart_source : str or None
        The kind of signal that heart rate and variability come from now; None where there is none.
    breathing_source : str or None
        ``belt``, ``ecg-derived`` or ``ppg-derived``; None where breathing is not to be had.
    activation : float or None
        Fused robust z against the frozen baseline, −3 to 3; None without a baseline or usable feature.
    activation_0_100 : float or None
        ``100 / (1 + exp(−activation))``: 50 is the own baseline.
    heart_activation, eda_activation : float or None
        The same from heart or skin alone, smoothed alike.
    activation_basis : str or None
        What the activation is from now: ``heart and skin``, ``heart only`` or ``skin only``.
    activation_weights : str or None
        The version of the weights, of the frozen baseline.
    confidence : float
        0 to 1.
    contributions : mapping of str to float
        Each feature's part of the activation; they sum to it before smoothing.
    signals : mapping of str to SignalQuality
        Each configured kind of signal, and how good it is.
    """

    t: float
    hr_bpm: Reading
    rmssd_ms: Reading
    scl_us: Reading
    scr_rate_per_min: Reading
    phasic_auc: Reading
    breathing_rate: Reading
    activation: float | None
    activation_0_100: float | None
    confidence: float
    contributions: Mapping[str, float]
    hr_10s_bpm: Reading = NO_READING
    sdnn_ms: Reading = NO_READING
    pnn50: Reading = NO_READING
    heart_source: str | None = None
    breathing_source: str | None = None
    heart_activation: float | None = None
    eda_activation: float | None = None
    activation_basis: str | None = None
    activation_weights: str | None = None
    signals: Mapping[str, SignalQuality] = field(default_factory=dict)
