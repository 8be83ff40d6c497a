"""Emulated devices: what they send and answer, and every profile on a pseudo-terminal."""

import random
import re
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest

from acquisition.errors import SourceError, SpecError
from acquisition.files.recordings import RecordingSource
from acquisition.serial import receiver
from acquisition.serial.emulator import LineNoise, PseudoTerminal, emulate, play
from acquisition.serial.profiles import known_profiles
from acquisition.serial.profiles.profile import HandshakeStep
from acquisition.serial.receiver import NoAnswerError, perform_handshake
from acquisition.serial.source import SerialSource
from acquisition.simulated.listener import VirtualListener
from acquisition.spec import parse_spec
from acquisition.streams import Kind, StreamInfo

pytestmark = pytest.mark.realtime

PROFILES = known_profiles()
with_terminals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def recording(values, *, rate_hz, kind=Kind.ECG, unit="a.u.", times=None):
    values = np.asarray(values, dtype=float)
    stream = StreamInfo(
        stream_id=kind.value, name=kind.value, kind=kind, unit=unit, rate_hz=rate_hz, labels=("x",)
    )
    return RecordingSource(stream, np.arange(values.size) / rate_hz if times is None else times, values)


def raw_lines(data):
    return [int(line) for line in data.split()]


def test_samples_are_due_at_the_rate_whatever_the_steps():
    once, _ = emulate(PROFILES["lines"], [recording(range(100), rate_hz=50.0)])
    often, _ = emulate(PROFILES["lines"], [recording(range(100), rate_hz=50.0)])
    assert raw_lines(once.due(1.0)) == list(range(51))
    assert raw_lines(b"".join(often.due(t) for t in np.arange(0.0, 1.001, 0.007))) == list(range(50))
    assert often.due_s == 1.0
    while not once.ended:
        once.due(9.0)
    assert once.due(10.0) == b""


def test_a_recording_of_another_rate_is_interpolated_and_its_gaps_stay():
    times = np.array([0.0, 0.1, 0.2, 0.8, 0.9, 1.0])
    source = recording([0, 10, 20, 80, 90, 100], rate_hz=10.0, times=times)
    emulation, _ = emulate(PROFILES["lines"], [source], options={"rate": "20"})
    assert emulation.due(1.0).split() == [
        *(b"0", b"5", b"10", b"15", b"20"),
        *([b"nan"] * 11),
        *(b"80", b"85", b"90", b"95", b"100"),
    ]


def test_what_a_device_cannot_say_is_missing_is_not_sent():
    source = recording([1, 2, np.nan, np.nan, 5, 6, 7], rate_hz=250.0, kind=Kind.PPG)
    emulation, _ = emulate(PROFILES["physiokit"], [source], channels=["A0"])
    assert len(emulation.due(1.0).split()) == 5
    electrode, _ = emulate(PROFILES["ad8232"], [recording([1, 2, np.nan, np.nan, 5], rate_hz=190.0)])
    assert electrode.due(1.0).split()[2:4] == [b"!", b"!"]


def test_signals_of_another_unit_fill_half_of_the_range():
    values = np.sin(np.arange(2000) / 20.0)
    emulation, _ = emulate(PROFILES["ad8232"], [recording(values, rate_hz=190.0, unit="mV")])
    counts = raw_lines(emulation.due(1.3))
    assert min(counts) == pytest.approx(256, abs=3)
    assert max(counts) == pytest.approx(768, abs=3)


def test_a_board_sends_when_it_is_told_and_the_recording_waits_meanwhile():
    source = recording(np.arange(1000) / 1000.0, rate_hz=100.0, unit="mV")
    emulation, _ = emulate(PROFILES["bitalino"], [source], channels=["A2"], options={"rate": "100"})
    assert emulation.due(5.0) == b""
    assert emulation.due_s == float("inf")
    assert emulation.receive(b"\x07", 5.0) == b"BITalino_v5.2\n"
    assert emulation.receive(b"\x83", 5.1) == b""
    assert emulation.receive(b"\x09", 5.2) == b""
    first = emulation.due(5.295)
    assert len(first) == 10 * 3
    emulation.receive(b"\x00", 5.3)
    assert emulation.due(9.0) == b""
    assert emulation.played_s == pytest.approx(0.1)
    emulation.receive(b"\x09", 9.0)
    assert len(emulation.due(9.0)) == 3
    assert emulation.played_s == pytest.approx(0.11)


def test_a_listener_plays_what_the_device_can_measure():
    emulation, specs = emulate(PROFILES["shimmer3-gsr"], [VirtualListener("responder", seed=1)])
    assert [(spec.kind, spec.channel) for spec in specs] == [(Kind.EDA, "gsr")]
    emulation, specs = emulate(
        PROFILES["bitalino"], [VirtualListener("responder", seed=1)], channels=["2", "A3", "4"]
    )
    assert [(spec.kind, spec.channel) for spec in specs] == [
        (Kind.ECG, "A2"),
        (Kind.EDA, "A3"),
        (Kind.RSP, "A4"),
    ]
    assert not emulation.ended


@pytest.mark.parametrize(
    ("profile", "channels", "says"),
    [
        ("bitalino", [], "say which channel; there are A1"),
        ("bitalino", ["A7"], "channel=A7 is wrong, for ecg there are A1"),
        ("bitalino", ["A1", "A2"], r"1 signals \(ecg\) need as many channels, not 2"),
        ("grove-gsr", [], "Grove GSR skin resistance has no ecg"),
    ],
)
def test_signals_that_a_device_has_no_channel_for(profile, channels, says):
    with pytest.raises(SpecError, match=says):
        emulate(PROFILES[profile], [recording([1, 2, 3], rate_hz=10.0)], channels=channels)


class Wire:
    """A port whose other end answers at once."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.sent = []
        self.waiting = b"left from before"

    @property
    def in_waiting(self):
        return len(self.waiting)

    def read(self, size):
        data, self.waiting = self.waiting[:size], self.waiting[size:]
        return data

    def write(self, data):
        self.sent.append(data)
        self.waiting += self.answers.pop(0) if self.answers else b""
        return len(data)

    def reset_input_buffer(self):
        self.waiting = b""

    def close(self):
        pass


def test_a_handshake_hands_on_what_follows_the_last_answer():
    wire, pauses = Wire(b"", b"xBITalino_v5\n", b"\x01\x02"), []
    exchanges = [
        HandshakeStep(send=b"stop", pause_s=0.1),
        HandshakeStep(send=b"version", answer=rb"BITalino[^\n]*\n", says="its version"),
        HandshakeStep(send=b"start", answer=b"\x01", says="that it begins"),
    ]
    assert perform_handshake(wire, exchanges, wait=pauses.append) == b"\x02"
    assert wire.sent == [b"stop", b"version", b"start"]
    assert pauses == [0.1]


def test_a_device_that_does_not_answer_is_waited_for_no_longer_than_the_limit():
    clock = iter(np.arange(0.0, 100.0, 0.5)).__next__
    with pytest.raises(NoAnswerError, match=r"did not tell its version within 2 s \(3 other bytes came\)"):
        perform_handshake(
            Wire(b"???"), [HandshakeStep(send=b"v", answer=b"!", says="its version")], clock=clock
        )


@contextmanager
def device(profile, source, *, channels=(), options=None):
    """An emulated device; yields its specifications and what starts it."""
    emulation, specs = emulate(PROFILES[profile], [source], channels=channels, options=options)
    terminal = PseudoTerminal()
    thread = threading.Thread(
        target=play, args=(emulation, terminal), kwargs={"clock": time.monotonic}, daemon=True
    )
    try:
        yield [spec.text.replace("PORT", terminal.name) for spec in specs], thread.start
    finally:
        thread.join(timeout=10.0)
        terminal.close()


def serial_source(text):
    spec = parse_spec(text)
    stream = StreamInfo(
        stream_id="x",
        name=spec.kind.value,
        kind=spec.kind,
        unit=spec.transfer.unit,
        rate_hz=spec.rate_hz,
        labels=(spec.channel,),
    )
    return SerialSource([spec], [stream])


def collect(source, count):
    chunks, deadline = [], time.monotonic() + 120.0
    while sum(chunk.times.size for chunk in chunks) < count:
        assert time.monotonic() < deadline
        chunks += source.read(source._clock())
        time.sleep(0.01)
    return np.concatenate([chunk.samples[:, 0] for chunk in chunks])


@with_terminals
@pytest.mark.parametrize(
    ("name", "kind", "channels", "options"),
    [
        ("ad8232", Kind.ECG, (), {}),
        ("bitalino", Kind.ECG, ("A2",), {"rate": "100"}),
        ("grove-gsr", Kind.EDA, (), {}),
        ("lines", Kind.RSP, ("3",), {"separator": "tab"}),
        ("physiokit", Kind.PPG, ("A1",), {}),
        ("pulsesensor", Kind.PPG, (), {}),
        ("pulsesensor-coach", Kind.PPG, (), {}),
        ("pulsesensor-started", Kind.PPG, (), {}),
        ("pulsesensor-visualiser", Kind.PPG, (), {}),
        ("shimmer3-gsr", Kind.EDA, (), {"rate": "64"}),
    ],
)
def test_all_that_a_device_sends_is_delivered_in_units(name, kind, channels, options):
    spec = parse_spec(
        f"{kind}=serial:x?profile={name}"
        + "".join(f"&column={c}&rate=50" if name == "lines" else f"&channel={c}" for c in channels)
        + "".join(f"&{option}={value}" for option, value in options.items())
    )
    count = max(12, round(0.7 * spec.rate_hz))
    unit = spec.transfer.unit
    values = np.linspace(0.2, 0.9, count) if unit == "mV" else np.linspace(2.0, 9.0, count)
    source = recording(values, rate_hz=spec.rate_hz, kind=kind, unit=unit)
    with device(name, source, channels=channels, options=options) as ((text,), start):
        told = bool(PROFILES[name].stop)
        if told:
            start()
        read = serial_source(text)
        read.open()
        try:
            if not told:
                start()
            # Of lines the first may have begun before: it is dropped.
            found = collect(read, count - (not told))
        finally:
            read.close()
    assert np.all(np.diff(found) >= 0)
    assert np.sum(np.diff(found) > 0) >= 0.5 * (found.size - 1)
    if unit == "mV":
        np.testing.assert_allclose(found, values[-found.size :], atol=0.005)
    elif unit == "uS":
        np.testing.assert_allclose(found, values[-found.size :], rtol=0.02)


def refusal(text, start):
    source = serial_source(text)
    source.open()
    start()
    try:
        with pytest.raises(SourceError) as caught:
            source.try_out(seconds=0.3, limit_s=0.4)
    finally:
        source.close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_recording_ends_where_it_ends_even_if_the_emulator_was_delayed():
    emulation, _ = emulate(PROFILES["lines"], [recording(range(20), rate_hz=190.0)])
    assert raw_lines(emulation.due(60.0)) == list(range(20))
    assert emulation.ended


def test_windows_is_told_that_an_emulated_device_needs_another_system(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(SourceError, match="which Windows does not have; use Linux or macOS"):
        PseudoTerminal()


@with_terminals
def test_a_wrong_profile_is_recognised_and_said():
    source = recording(range(300), rate_hz=250.0, kind=Kind.PPG)
    with device("physiokit", source, channels=["A0"]) as ((text,), start):
        says = refusal(text.replace("physiokit&channel=A0", "pulsesensor&channel=signal"), start)
    assert re.search(
        r"nothing readable as pulsesensor in [\d.]+ s: \d+ bytes, 0 frames, such as '\d+'; "
        r"is the profile right, and baud=115200\?",
        says,
    )


@with_terminals
def test_a_device_that_only_makes_noise_is_recognised():
    terminal = PseudoTerminal()
    try:
        source = serial_source(f"ecg=serial:{terminal.name}?profile=physiokit&channel=0")
        source.open()
        terminal.write(bytes(range(128, 256)) * 3)
        with pytest.raises(SourceError, match=r"nothing readable as physiokit in .* s: 384 bytes, 0 frames"):
            source.try_out(seconds=0.2, limit_s=0.2)
        source.close()
    finally:
        terminal.close()


@with_terminals
def test_a_rate_that_nobody_stated_is_measured():
    source = recording(range(300), rate_hz=100.0)
    with device("ad8232", source, options={"rate": "150"}) as ((text,), start):
        read = serial_source(text.replace("&rate=150", ""))
        read.open()
        start()
        try:
            read.try_out(seconds=1.0)
            rate_hz = read.streams[0].rate_hz
            told = [incident.text for incident in read.incidents()]
        finally:
            read.close()
    assert 100 < rate_hz < 171
    assert told == [
        f"{rate_hz:g} samples come per second, not the 190 usual of ad8232; the measured rate is used"
    ]


@with_terminals
def test_a_device_that_does_not_answer_is_refused():
    terminal = PseudoTerminal()
    try:
        source = serial_source(f"eda=serial:{terminal.name}?profile=bitalino&channel=3")
        with pytest.raises(SourceError, match=r"did not tell its version within 2 s .*is the profile right"):
            source.open()
    finally:
        terminal.close()


@with_terminals
def test_a_device_that_was_switched_off_is_told_again_to_send(monkeypatch):
    monkeypatch.setattr(receiver, "RESTART_AFTER_S", 0.3)
    values = np.linspace(0.0, 0.9, 60)
    emulation, (spec,) = emulate(
        PROFILES["bitalino"],
        [recording(values, rate_hz=100.0, unit="mV")],
        channels=["A1"],
        options={"rate": "100"},
    )
    terminal = PseudoTerminal()
    switched = []

    def clock():
        # After half of the recording the device forgets that it was to send.
        if emulation.played_s > 0.3 and not switched:
            switched.append(emulation.receive(b"\x00", time.monotonic()))
        return time.monotonic()

    thread = threading.Thread(target=play, args=(emulation, terminal), kwargs={"clock": clock})
    thread.start()
    read = serial_source(spec.text.replace("PORT", terminal.name))
    read.open()
    try:
        found = collect(read, 60)
        told = [incident.text for incident in read.incidents()]
    finally:
        read.close()
        thread.join(timeout=10.0)
        terminal.close()
    assert found.size == 60
    np.testing.assert_allclose(found, values, atol=0.005)
    assert [words.rpartition(" ")[2] for words in told[:2]] == ["lost", "back"]


def test_garbage_comes_as_often_as_asked_for_and_leaves_what_is_sent_as_it_is():
    line = LineNoise(600.0, random.Random(1))
    spoiled = [line.add_to(b"512\r\n", t / 100) for t in range(6000)]
    struck = sum(data != b"512\r\n" for data in spoiled)
    assert 500 < struck < 650
    assert all(data.endswith(b"512\r\n") for data in spoiled)
    quiet = LineNoise(0.0, random.Random(1))
    assert quiet.add_to(b"512\r\n", 1e9) == b"512\r\n"
