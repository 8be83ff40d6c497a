"""Emulating a sensor and looking at one, from the command line: what is needed, and what is said without."""

import sys

import pytest

from acquisition.serial.profiles import known_profiles
from acquisition.spec import parse_spec
from biofeedback.cli import exit_status
from biofeedback.cli.sources import described, sensor_specs


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "rec.csv"
    path.write_text("ecg_mV,eda_uS\n" + "".join(f"{n / 100},{5 + n / 100}\n" for n in range(30)))
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_device_is_emulated_until_the_recording_ends(recording, capsys):
    arguments = ["emulate", "lines", "--from", f"ecg={recording}:ecg_mV@100", "--from"]
    assert exit_status([*arguments, f"eda={recording}:eda_uS@100"]) == 0
    said = capsys.readouterr()
    port = said.out.strip()
    assert said.err.splitlines()[:2] == [
        f"read it with ecg=serial:{port}?profile=lines&rate=100&unit=mV&column=0",
        f"read it with eda=serial:{port}?profile=lines&rate=100&unit=uS&column=1",
    ]
    assert said.err.splitlines()[2].startswith("the recording has ended after ")
    for line in said.err.splitlines()[:2]:
        assert parse_spec(line.removeprefix("read it with ")).port == port


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("toaster",), "there is no profile 'toaster'; there are ad8232"),
        (("bitalino",), "say which channel; there are A1"),
        (("grove-gsr",), "Grove GSR skin resistance has no ecg"),
        (
            ("bitalino", "--channel", "A2", "--rate", "250"),
            "rate=250 is wrong, it is one of 1, 10",
        ),
        (("bitalino", "--channel", "A2", "--option", "2014"), "write NAME=VALUE"),
        (("bitalino", "--channel", "A2", "--option", "board=1"), "board=1 is wrong"),
        (("ad8232", "--from", "ecg=nowhere.csv:x@1"), "nowhere.csv does not exist"),
    ],
)
def test_what_cannot_be_emulated_is_refused_in_a_line(recording, capsys, arguments, says):
    assert exit_status(["emulate", *arguments, "--from", f"ecg={recording}:ecg_mV@100"]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("asked", "specs"),
    [
        (("shimmer3-gsr", (), (), ()), ["ppg …shimmer3-gsr&channel=ppg", "eda …shimmer3-gsr&channel=gsr"]),
        (("shimmer3-gsr", ("gsr",), (), ()), ["eda …shimmer3-gsr&channel=gsr"]),
        (("bitalino", ("3",), ("eda",), ("rate=10",)), ["eda …bitalino&channel=3&rate=10"]),
        (("lines", ("0",), ("rsp",), ("rate=9",)), ["rsp …lines&column=0&rate=9"]),
    ],
)
def test_a_preview_reads_the_signals_asked_for(asked, specs):
    name, channels, kinds, options = asked
    found = sensor_specs(name, "PORT", channels, kinds, options)
    assert found == [spec.replace(" …", "=serial:PORT?profile=") for spec in specs]
    assert all(parse_spec(text) for text in found)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--port", "COM3"), "need --profile NAME"),
        (("--profile", "toaster"), "there is no profile 'toaster'"),
        (
            ("--profile", "bitalino", "--port", "x"),
            "say which, as in --channel A2 --kind ecg",
        ),
        (("--profile", "bitalino", "--port", "x", "--channel", "3"), "1 channels need as many kinds"),
        (("--profile", "ad8232", "--port", "/dev/nothing"), "/dev/nothing cannot be opened"),
    ],
)
def test_a_preview_that_is_not_to_be_had(capsys, arguments, says):
    assert exit_status(["sources", *arguments]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert said.count("\n") == 1


def test_profiles_are_listed_with_their_channels():
    profiles = known_profiles()
    assert described(profiles["grove-gsr"]).endswith("Grove GSR skin resistance; gsr; 20 Hz, 9600 baud")
    assert "any column; rate to be given" in described(profiles["lines"])
