"""Sensor set-ups: kept, checked, refused in one line, and used by a session."""

from pathlib import Path

import pytest

from acquisition import open_sources
from biofeedback.cli import exit_status
from biofeedback.errors import UsageError
from biofeedback.settings import VARIABLE
from biofeedback.setups import Setup, keep_setup, load_setup, parse_setup, setups

ROOM = """\
title: Gurt am Stuhl
inputs:
  - listener=virtual:responder
expect:
  ecg: {rate_hz: 250, unit: mV}
note: Elektroden wie üblich
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return tmp_path


def test_a_set_up_is_kept_listed_and_read_again() -> None:
    room = parse_setup(ROOM, "room.yaml")
    assert setups() == []
    path = keep_setup("room-1", room)
    assert setups() == ["room-1"]
    assert load_setup("room-1") == load_setup(str(path)) == room
    with pytest.raises(UsageError, match="there is a set-up room-1 already"):
        keep_setup("room-1", room)
    keep_setup("room-1", room, replace=True)
    with pytest.raises(UsageError, match="no name for a set-up"):
        keep_setup("../room", room)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            ("title: Gurt am Stuhl", "titel: x"),
            "1: titel: Extra inputs are not permitted; the keys are title, inputs",
        ),
        (("listener=virtual:responder", "ecg:3"), "3: inputs.0: 'ecg:3' is not of the form KIND=WHERE"),
        (
            ("rate_hz: 250", "rate_hz: -1"),
            "5: expect.ecg.rate_hz: Input should be greater than 0; it must be samples",
        ),
        (
            ("rate_hz: 250", "rate: 250"),
            "5: expect.ecg.rate: Extra inputs are not permitted; the keys are rate_hz",
        ),
        (("title: Gurt am Stuhl", "title: [x"), "room.yaml:"),
    ],
)
def test_each_fault_is_one_line_with_file_line_field_and_remedy(change: tuple[str, str], says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_setup(ROOM.replace(*change), "room.yaml")
    message = str(refused.value)
    assert message.startswith("room.yaml:")
    assert says in message
    assert "\n" not in message


def test_a_set_up_that_expects_what_no_input_gives_is_refused() -> None:
    with pytest.raises(UsageError, match="there is no input eda; the inputs are ecg"):
        parse_setup("title: x\ninputs: ['ecg=a.csv:0@250']\nexpect: {eda: {unit: uS}}\n", "x.yaml")


@pytest.mark.parametrize(
    ("expect", "says"),
    [
        ({"ecg": {"rate_hz": 500}}, "ecg has 250 Hz, 500 are expected"),
        ({"ecg": {"unit": "uV"}}, "ecg is in mV, uV is expected"),
        ({"ppg": {}}, "there is no stream ppg; there are ecg, eda, rsp"),
    ],
)
def test_sources_that_are_not_as_expected_are_refused(expect: dict, says: str) -> None:
    setup = Setup(title="room", inputs=("listener=virtual:responder",), expect=expect)
    with pytest.raises(UsageError, match=says):
        setup.require(open_sources(setup.inputs, seed=0))


def test_the_commands_keep_show_and_check(capsys: pytest.CaptureFixture[str]) -> None:
    save = [
        "setups",
        "save",
        "--name",
        "room-2",
        "--title",
        "Straße",
        "--input",
        "listener=virtual:responder",
    ]
    assert exit_status(save) == 0
    assert exit_status(["setups", "list"]) == 0
    assert exit_status(["setups", "show", "room-2"]) == 0
    assert exit_status(["setups", "validate", "room-2", "--devices"]) == 0
    said = capsys.readouterr().out
    assert said.count("Straße") == 3
    assert exit_status(["setups", "show", "room-3"]) == 2
    assert "there are: room-2" in capsys.readouterr().err


def test_a_session_takes_a_set_up_or_inputs_not_both(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    keep_setup("room", parse_setup(ROOM.replace("250", "125"), "room.yaml"))
    run = ["run", "--protocol", "isoprinciple-relaxation", "--audio", "none", "--out", str(tmp_path / "out")]
    assert exit_status([*run, "--setup", "room", "--input", "ecg=a.csv:0@250"]) == 2
    assert "not both" in capsys.readouterr().err
    assert exit_status([*run, "--setup", "room"]) == 2
    assert "ecg has 250 Hz, 125 are expected" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
