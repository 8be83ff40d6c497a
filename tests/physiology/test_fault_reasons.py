"""Why there is no heart rate: one cause for each kind of fault, and none while the heart rate is given."""

import numpy as np
import pytest

from physiology.fault_reasons import FaultKind, FaultReason, fault_text

PULLED_S = 25
HUM = "mains hum: a lead may be off or loose"


def reasons(synth, kind, trouble, *, rate_hz=250):
    """Return the reasons of a signal that turns to `trouble(t)` after 25 s, by second."""
    t = synth.seconds(PULLED_S + 12, rate_hz)
    beats = synth.beat_times(PULLED_S + 12)
    x = (synth.ecg if kind == "ecg" else synth.ppg)(t, beats)
    x = np.where(t > PULLED_S, trouble(t, x), x)
    update, _ = synth.stream({kind: (rate_hz, "a.u.", t, x)})
    given = [s.t for s in update.states if s.hr_bpm.value is not None]
    assert given[-1] <= PULLED_S + 5
    return {s.t: s.signals[kind].reason for s in update.states}


def noise(t):
    return np.random.default_rng(9).standard_normal(t.size)


@pytest.mark.parametrize(
    ("kind", "trouble", "words"),
    [
        ("ecg", lambda t, x: 0 * t, "flat line"),
        ("ecg", lambda t, x: np.nan * t, "missing samples"),
        ("ecg", lambda t, x: 3 + 0.005 * noise(t), "lead off: only noise is left"),
        ("ecg", lambda t, x: np.sin(2 * np.pi * 50 * t) + 0.05 * noise(t), HUM),
        ("ecg", lambda t, x: np.sin(2 * np.pi * 60 * t) + 0.05 * noise(t), HUM),
        ("ecg", lambda t, x: 2 * noise(t), "movement"),
        ("ecg", lambda t, x: 0.03 * noise(t), "poor contact: the signal is weak"),
        ("ppg", lambda t, x: 5 + 0.01 * noise(t), "no finger: only noise is left"),
        ("ppg", lambda t, x: 3 * noise(t), "movement"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_once_the_heart_rate_has_ended(synth, kind, trouble, words):
    found = reasons(synth, kind, trouble)
    assert found[PULLED_S + 7.0] == words
    assert found[PULLED_S - 1.0] is None


def test_a_sensor_warms_up_until_its_first_heart_rate(synth):
    t = synth.seconds(20, 250)
    update, _ = synth.stream({"ecg": (250, "mV", t, synth.ecg(t, synth.beat_times(20)))})
    first = next(s.t for s in update.states if s.hr_bpm.value is not None)
    said = [s.signals["ecg"].reason for s in update.states]
    assert set(said[: int(first) - 1]) <= {"sensor warming up", "less than 10 s of beats"}
    assert said[2] == "sensor warming up"
    assert set(said[int(first) - 1 :]) == {None}


def test_a_noisy_signal_with_a_heart_rate_is_not_called_bad(synth):
    t = synth.seconds(40, 250)
    x = synth.ecg(t, synth.beat_times(40), noise=0.05) + 0.2 * np.sin(2 * np.pi * 50 * t)
    update, _ = synth.stream({"ecg": (250, "mV", t, x)})
    late = [s for s in update.states if s.t > 25]
    assert all(s.hr_bpm.value is not None and s.signals["ecg"].reason is None for s in late)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_fault_is_put_into_words_with_its_limit_and_the_signal_in_use(kind):
    plain = fault_text(FaultReason(kind, limit=5.0))
    beside = fault_text(FaultReason(kind, limit=5.0, in_use="ppg"))
    assert plain
    assert not set("{}") & set(plain + beside)
    assert "ppg" in beside
    assert kind is FaultKind.STANDBY or beside.startswith(plain)


def test_limits_are_written_as_a_person_writes_them():
    assert fault_text(FaultReason(FaultKind.NO_SKIN_CONTACT, 0.05)) == (
        "no contact, or a lead is off: below 0.05 µS"
    )
    assert fault_text(FaultReason(FaultKind.FEW_BEATS, 10.0)) == "less than 10 s of beats"
