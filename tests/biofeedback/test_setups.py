"""Sensor set-ups: read, written, checked, and refused in one line."""

import pytest

from acquisition.sources import open_sources
from biofeedback.errors import UsageError
from biofeedback.setups import Setup, load_setup, parse_setup, setup_text

ROOM = """\
title: Gurt am Stuhl
inputs:
  - listener=virtual:responder
expect:
  ecg: {rate_hz: 250, unit: mV}
note: Elektroden wie üblich
"""


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


def test_a_set_up_is_written_and_read_again(tmp_path) -> None:
    room = parse_setup(ROOM, "room.yaml")
    (tmp_path / "room.yaml").write_text(setup_text(room), encoding="utf-8")
    assert load_setup(tmp_path / "room.yaml") == room


def test_a_file_that_cannot_be_read_is_refused(tmp_path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_setup(tmp_path / "none.yaml")
