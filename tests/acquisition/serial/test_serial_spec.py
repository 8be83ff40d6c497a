"""Specifications of serial inputs: defaults, and the messages for wrong ones."""

import pytest

from acquisition.errors import SpecError
from acquisition.serial.profiles import known_profiles
from acquisition.serial.spec import settings_for
from acquisition.spec import parse_spec
from acquisition.streams import Kind


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("eda=serial:/dev/ttyUSB0?profile=bitalino&channel=3", ("A3", 115200, 1000.0, True, "uS")),
        ("ecg=serial:COM4?profile=bitalino&channel=a2&rate=100", ("A2", 115200, 100.0, True, "mV")),
        ("rsp=serial:COM4?profile=bitalino&channel=A1", ("A1", 115200, 1000.0, True, "a.u.")),
        ("eda=serial:COM4?profile=shimmer3-gsr", ("gsr", 115200, 128.0, True, "uS")),
        ("ppg=serial:COM4?profile=shimmer3-gsr&rate=51.2", ("ppg", 115200, 51.2, True, "mV")),
        ("ecg=serial:COM4?profile=ad8232", ("ecg", 9600, 190.0, False, "a.u.")),
        ("ecg=serial:COM4?profile=ad8232&rate=100", ("ecg", 9600, 100.0, True, "a.u.")),
        ("eda=serial:COM4?profile=grove-gsr&calibration=530", ("gsr", 9600, 20.0, False, "uS")),
        ("ppg=serial:COM4?profile=pulsesensor&baud=250000", ("signal", 250000, 50.0, False, "a.u.")),
        ("hr=serial:COM4?profile=pulsesensor", ("bpm", 115200, 50.0, False, "bpm")),
        ("ppg=serial:COM4?profile=pulsesensor-coach", ("signal", 115200, 50.0, False, "a.u.")),
        ("ecg=serial:COM4?profile=physiokit&channel=0", ("A0", 115200, 250.0, False, "a.u.")),
        (
            "eda=serial:COM4?profile=physiokit&channel=1&unit=uS&scale=0.02",
            ("A1", 115200, 250.0, False, "uS"),
        ),
    ],
)
def test_a_profile_knows_what_is_not_said(text, known):
    spec = parse_spec(text)
    assert (spec.channel, spec.baud, spec.rate_hz, spec.rate_stated, spec.transfer.unit) == known


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("eda=serial:COM3?profile=bitalino", "say which channel; there are A1, A2, A3, A4, A5, A6"),
        ("eda=serial:COM3?profile=bitalino&channel=7", "channel=7 is wrong, for eda there are A1"),
        ("eda=serial:COM3?profile=bitalino&channel=3&rate=250", "rate=250 is wrong, it is one of 1, 10, 100"),
        (
            "eda=serial:COM3?profile=bitalino&channel=3&board=3",
            "board=3 is wrong, it is one of revolution, 2014",
        ),
        (
            "eda=serial:COM3?profile=bitalino&channel=3&unit=uS",
            "unit cannot be given, BITalino board is in uS",
        ),
        ("eda=serial:COM3?profile=bitalino&channel=3&separator=;", "'separator' is not an option"),
        ("eda=serial:COM3?profile=ad8232", "AD8232 ECG amplifier has no eda"),
        ("eda=serial:COM3?profile=shimmer3-gsr&channel=ppg", "channel=ppg is wrong, for eda there are gsr"),
        ("eda=serial:COM3?profile=grove-gsr&resistor=0", "resistor=0 is wrong, it is a number above 0"),
        ("eda=serial:COM3?profile=grove-gsr&calibration=x", "calibration=x is wrong"),
        ("rr=serial:COM3?profile=pulsesensor", "RR intervals do not; give the signal"),
        ("eda=serial:COM3?profile=lines&rate=9&column=9999", "column=9999 is wrong"),
    ],
)
def test_a_wrong_one_is_answered_by_a_right_one(text, says):
    with pytest.raises(SpecError) as caught:
        parse_spec(text)
    message = str(caught.value)
    assert says in message
    assert "\n" not in message
    shown = message.rsplit(maxsplit=1)[-1]
    assert parse_spec(shown).text == shown


def test_every_profile_is_shown_a_right_specification():
    for name in known_profiles():
        with pytest.raises(SpecError) as caught:
            parse_spec(f"eda=serial:COM3?profile={name}&mood=good")
        shown = str(caught.value).rsplit(maxsplit=1)[-1]
        assert f"profile={name}" in shown
        assert parse_spec(shown).profile.name == name


def test_several_inputs_of_a_port_are_one_setting():
    specs = [
        parse_spec("eda=serial:COM3?profile=bitalino&channel=3&rate=100"),
        parse_spec("ecg=serial:COM3?profile=bitalino&channel=2&rate=100"),
    ]
    setting = settings_for(specs)
    assert (setting.channels, setting.rate_hz) == (("A3", "A2"), 100.0)
    assert [spec.kind for spec in specs] == [Kind.EDA, Kind.ECG]


@pytest.mark.parametrize(
    ("other", "option"),
    [
        ("ecg=serial:COM3?profile=physiokit&channel=2", "profile"),
        ("ecg=serial:COM3?profile=bitalino&channel=2&rate=100", "rate"),
        ("ecg=serial:COM3?profile=bitalino&channel=2&baud=9600", "baud"),
    ],
)
def test_a_port_is_read_in_one_way(other, option):
    specs = [parse_spec("eda=serial:COM3?profile=bitalino&channel=3"), parse_spec(other)]
    with pytest.raises(SpecError, match=rf"{option} differs from that in"):
        settings_for(specs)
