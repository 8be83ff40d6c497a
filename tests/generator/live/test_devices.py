"""Outputs: which one is meant, and that looking for them never troubles anybody."""

import json
import subprocess

import pytest

from generator.errors import SoundError
from generator.live import devices
from generator.live.devices import (
    OutputDevice,
    OutputProbe,
    ProbeFailure,
    ProbeFailureCause,
    choose_back_end,
    failure_text,
    fallback_text,
    probe_outputs,
)

pytestmark = pytest.mark.realtime


def device(name: str, index: int | None, *, default: bool = False, latency_s: float = 0.02) -> OutputDevice:
    return OutputDevice(
        name=name,
        index=index,
        back_end="jack" if index is None else "portaudio",
        latency_s=latency_s,
        default=default,
    )


NOTHING = OutputProbe((), ProbeFailure(cause=ProbeFailureCause.NO_DEVICE))
CARDS = OutputProbe((device("HDMI 0", 0), device("USB Headset", 3, default=True), device("USB Audio", 4)))


def test_auto_takes_the_systems_default() -> None:
    back_end = choose_back_end("auto", CARDS)
    assert (back_end.kind, back_end.device, back_end.name) == ("portaudio", 3, "USB Headset")
    assert back_end.latency.source == "device default"
    assert back_end.latency.seconds == 0.02


def test_auto_takes_a_running_jack_first() -> None:
    outputs = OutputProbe((device("JACK", None, default=True), *CARDS.devices))
    assert choose_back_end("auto", outputs).kind == "jack"


def test_auto_without_a_card_goes_on_in_time_and_says_so() -> None:
    back_end = choose_back_end("auto", NOTHING)
    assert back_end.kind == "paced"
    assert back_end.probe_failure == NOTHING.failure
    assert fallback_text(back_end) == "no sound card was found; the music plays in time, unheard"
    assert back_end.latency.source == "none"


def test_none_needs_no_card() -> None:
    assert choose_back_end("none", NOTHING).kind == "paced"
    assert choose_back_end("none", CARDS).kind == "paced"


@pytest.mark.parametrize("name", ["USB Headset", "usb headset", "headset"])
def test_a_device_is_known_by_its_name_or_part_of_it(name: str) -> None:
    assert choose_back_end(f"device:{name}", CARDS).device == 3


@pytest.mark.parametrize(
    ("choice", "outputs", "text"),
    [
        ("device:usb", CARDS, "not unique; it may be USB Headset, USB Audio"),
        ("device:speaker", CARDS, "not found; there are HDMI 0, USB Headset, USB Audio"),
        ("device:speaker", NOTHING, "not found: no sound card was found"),
        ("device:", CARDS, "say auto, none or device:NAME"),
        ("loudspeaker", CARDS, "say auto, none or device:NAME"),
    ],
)
def test_a_choice_that_means_no_device_is_refused_in_one_line(
    choice: str, outputs: OutputProbe, text: str
) -> None:
    with pytest.raises(SoundError) as refusal:
        choose_back_end(choice, outputs)
    assert text in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_no_latency_is_less_than_a_buffer() -> None:
    back_end = choose_back_end("auto", OutputProbe((device("Odd", 0, latency_s=0.0),)))
    assert back_end.latency.seconds == 512 / 48_000


def test_looking_prints_nothing_and_finds_devices_or_a_reason(capfd: pytest.CaptureFixture[str]) -> None:
    outputs = probe_outputs()
    assert capfd.readouterr() == ("", "")
    assert bool(outputs.devices) == (outputs.failure is None)
    assert "\n" not in failure_text(outputs.failure)


@pytest.mark.parametrize("status", [-11, 1])
def test_a_sound_system_that_crashes_is_a_reason(status, monkeypatch):
    crash = subprocess.CompletedProcess(
        args=[], returncode=status, stdout=b"", stderr=b"ALSA lib noise\n" * 99
    )
    monkeypatch.setattr(devices.subprocess, "run", lambda *_, **__: crash)
    assert probe_outputs() == OutputProbe((), ProbeFailure(cause=ProbeFailureCause.CRASHED))


@pytest.mark.parametrize(
    ("error", "failure", "text"),
    [
        (
            subprocess.TimeoutExpired("probe", 20.0),
            ProbeFailure(cause=ProbeFailureCause.TIMED_OUT, seconds=20.0),
            "the sound system did not answer within 20 s",
        ),
        (
            OSError("no such file"),
            ProbeFailure(cause=ProbeFailureCause.NOT_STARTED, detail="no such file"),
            "the sound system cannot be asked: no such file",
        ),
    ],
)
def test_a_probe_that_does_not_run_is_a_reason(error, failure, text, monkeypatch):
    def run(*_, **__):
        raise error

    monkeypatch.setattr(devices.subprocess, "run", run)
    assert probe_outputs() == OutputProbe((), failure)
    assert failure_text(failure) == text


def test_noise_before_the_list_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"name": "A", "index": 1, "back_end": "portaudio"}
    row |= {"latency_s": 0.01, "default": True}
    out = b"Portaudio says hello\n" + json.dumps([row]).encode() + b"\n"
    done = subprocess.CompletedProcess(args=[], returncode=0, stdout=out, stderr=b"")
    monkeypatch.setattr(devices.subprocess, "run", lambda *_, **__: done)
    assert [found.name for found in probe_outputs().devices] == ["A"]
