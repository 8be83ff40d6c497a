"""Why a signal is bad: the kinds of fault, their wording, and how they are found in a waveform.

Inside the program a fault is a `FaultReason`: a `FaultKind` and the numbers that belong to it. Decisions
are made on the kind. `fault_text` turns a reason into the words that a person reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import numpy as np

from physiology.samples import FloatArray

MISSING_S = 1.0
"""A signal that had no sample for longer has missing samples. Convention of this project."""

SATURATED_SHARE = 0.2
"""Share of the samples at the least or the greatest value from which a signal is saturated. Convention."""

FLAT_SHARE = 0.1
"""A signal whose peak to peak is at most this share of that of a usual beat is flat. Convention."""

CAUSE_WINDOW_S = 3.0
"""How much of a waveform is looked at. Convention; it holds at least one beat at 30 bpm and above."""

WARMING_UP_S = 12.0
"""For so long after its first sample a sensor that gives no heart rate is said to warm up. Convention; it is
as long as the window in which the beats of a pulse are confirmed (`Waveform.window_s`)."""

HUM_BANDS_HZ = ((48.0, 52.0), (58.0, 62.0))
"""The mains frequencies, 50 and 60 Hz, ± 2 Hz."""

HUM_SHARE = 0.5
"""Share of the power at mains frequency from which it is called hum. Convention."""

HUM_LEAST_HZ = 125.0
"""Least sampling rate at which both bands lie below half of it, so that hum does not appear elsewhere."""

MUCH_LARGER, SMALL, TINY = 3.0, 0.3, 0.1
"""Peak to peak of the last 3 s over that of a usual beat: above the first it is movement, below the second a
poor contact, below the third no contact. Conventions."""


class FaultKind(StrEnum):
    """What is wrong with a signal: a stable id, and its text for `fault_text`."""

    def __new__(cls, value: str, text: str) -> Self:
        """Return the member with this id, its text beside it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.text = text
        return member

    text: str

    MISSING_SAMPLES = "missing-samples", "missing samples"
    FLAT_LINE = "flat-line", "flat line"
    SATURATED = "saturated", "saturated"
    LEAD_OFF = "lead-off", "lead off: only noise is left"
    NO_FINGER = "no-finger", "no finger: only noise is left"
    MAINS_HUM = "mains-hum", "mains hum: a lead may be off or loose"
    MOVEMENT = "movement", "movement"
    POOR_CONTACT = "poor-contact", "poor contact: the signal is weak"
    WARMING_UP = "warming-up", "sensor warming up"
    NO_BEATS_YET = "no-beats-yet", "no beats yet"
    NO_BEATS = "no-beats", "no beats for {limit:g} s"
    DISSIMILAR_BEATS = "dissimilar-beats", "beats look unlike each other"
    IRREGULAR_BEATS = "irregular-beats", "irregular beats"
    DOUBTFUL_BEATS = "doubtful-beats", "doubtful beats in the last {limit:g} s"
    FEW_BEATS = "few-beats", "less than {limit:g} s of beats"
    NO_CLEAR_PULSE = "no-clear-pulse", "no channel shows a clear pulse yet"
    NO_HEART_RATE = "no-heart-rate", "no valid heart rate for {limit:g} s"
    NOT_MICROSIEMENS = "not-microsiemens", "not in µS: whole numbers, as a converter counts them"
    NO_SKIN_CONTACT = "no-skin-contact", "no contact, or a lead is off: below {limit:g} µS"
    CONDUCTANCE_TOO_HIGH = "conductance-too-high", "saturated, or not in µS: above {limit:g} µS"
    CONDUCTANCE_JUMP = "conductance-jump", "movement: the conductance jumped"
    POOR_SKIN_CONTACT = "poor-skin-contact", "poor contact, or very dry skin: less than {limit:g} µS"
    ELECTRODES_SETTLING = "electrodes-settling", "sensor warming up: the electrodes are settling"
    NO_RESPONSE_YET = "no-response-yet", "no response yet: left out of the activation"
    RECOVERED = "recovered", "good again"
    STANDBY = "standby", "not used beside {in_use}"


@dataclass(frozen=True, slots=True)
class FaultReason:
    """What is wrong with a signal, with what belongs to it.

    Attributes
    ----------
    kind : FaultKind
        What is wrong.
    limit : float or None
        The limit that was passed, where the kind has one: seconds, or microsiemens for skin conductance.
    in_use : str or None
        The kind of signal that heart rate is taken from instead of this one.
    """

    kind: FaultKind
    limit: float | None = None
    in_use: str | None = None


def fault_text(reason: FaultReason) -> str:
    """Return a reason in words that a therapist can act on."""
    text = reason.kind.text.format(limit=reason.limit, in_use=reason.in_use)
    if reason.in_use is None or reason.kind is FaultKind.STANDBY:
        return text
    return f"{text}; heart rate from {reason.in_use} meanwhile"


def sample_fault(
    times: FloatArray, values: FloatArray, now: float, *, usual_amplitude: float | None = None
) -> FaultReason | None:
    """Return what is wrong with the last seconds of a signal, from the samples alone.

    Parameters
    ----------
    times, values : ndarray, shape (n,)
        The samples of the last few seconds that were not missing.
    now : float
        Engine seconds.
    usual_amplitude : float, optional
        Peak to peak of a usual beat; less than a tenth of it is flat.

    Returns
    -------
    FaultReason or None
        Missing samples, flat line, saturated, or nothing.
    """
    if times.size == 0 or now - times[-1] > MISSING_S or (np.diff(times) > MISSING_S).any():
        return FaultReason(FaultKind.MISSING_SAMPLES)
    lowest, highest = values.min(), values.max()
    if highest - lowest <= FLAT_SHARE * (usual_amplitude or 0.0):
        return FaultReason(FaultKind.FLAT_LINE)
    if max(np.mean(values == lowest), np.mean(values == highest)) >= SATURATED_SHARE:
        return FaultReason(FaultKind.SATURATED)
    return None


def likely_cause(
    kind: str,
    times: FloatArray,
    values: FloatArray,
    *,
    since_first_s: float,
    usual_amplitude: float | None,
) -> FaultReason | None:
    """Return what is likely to be wrong with a heart signal that gives no heart rate, or None.

    Whether a heart rate is given is decided by the beats. A cause is only looked for where there is none, so
    that a good signal is never called bad.

    Parameters
    ----------
    kind : str
        ``ecg`` or ``ppg``.
    times, values : ndarray, shape (n,)
        The samples of the last 3 s that were not missing.
    since_first_s : float
        Seconds since the signal's first sample.
    usual_amplitude : float or None
        Peak to peak of a usual beat; None before there were any.

    Returns
    -------
    FaultReason or None
        In this order: lead off, or no finger (little but noise is left); mains hum (half of the power of an
        ECG lies within 2 Hz of 50 or 60 Hz); movement (3 times a usual beat); poor contact (less than a third
        of one); sensor warming up (its first 12 s). All limits are conventions.
    """
    span = float(np.ptp(values)) if times.size > 1 else 0.0
    if span == 0:
        return None
    size = span / usual_amplitude if usual_amplitude else 1.0
    found = (
        (size <= TINY, FaultKind.LEAD_OFF if kind == "ecg" else FaultKind.NO_FINGER),
        (kind == "ecg" and _hum_share(times, values) > HUM_SHARE, FaultKind.MAINS_HUM),
        (size > MUCH_LARGER, FaultKind.MOVEMENT),
        (size < SMALL, FaultKind.POOR_CONTACT),
        (since_first_s < WARMING_UP_S, FaultKind.WARMING_UP),
    )
    return next((FaultReason(fault) for holds, fault in found if holds), None)


def _hum_share(times: FloatArray, values: FloatArray) -> float:
    """Return the share of the power at 50 and 60 Hz; 0 where the sampling rate is too low to tell."""
    rate_hz = (times.size - 1) / float(times[-1] - times[0])
    if rate_hz < HUM_LEAST_HZ:
        return 0.0
    power = np.abs(np.fft.rfft((values - values.mean()) * np.hanning(values.size))) ** 2
    frequencies = np.fft.rfftfreq(values.size, 1 / rate_hz)
    total = float(power.sum())
    hum = sum(float(power[(frequencies >= low) & (frequencies <= high)].sum()) for low, high in HUM_BANDS_HZ)
    return hum / total if total > 0 else 0.0
