"""What a preparation hands over to the session, and that a refused one leaves nothing open."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from acquisition.errors import SpecError
from acquisition.streams import (
    Chunk,
    ClockPair,
    Condition,
    Kind,
    Mark,
    SourceIncident,
    Status,
    StreamInfo,
    StreamReason,
    StreamReasonCode,
)
from biofeedback import intake
from biofeedback.commands import EmergencyStop
from biofeedback.errors import UsageError
from biofeedback.recording.reader import Recording, read_recording
from biofeedback.service import preparation
from biofeedback.service.preparation import open_preparation
from biofeedback.service.requests import Prepare, SessionRequest
from biofeedback.session import SessionConfig, run_session
from biofeedback.setups import Setup
from generator.errors import SoundError
from generator.preferences import Preferences
from generator.state import Piece
from protocols.loading import parse

pytestmark = pytest.mark.realtime

PROTOCOL = """\
id: short
version: 1
title: Short
rationale: as short as may be
sources: [none]
arm: closed-loop
cautions: [none]
phases: [{kind: match, name: match, duration_s: 60, layers: 4, density: 0.6}]
end_fade_s: 15
"""

OPENED_S = -5.0
"""Engine time at which the device below was opened; sessions begin at 0."""

UNEVEN = StreamReason(StreamReasonCode.UNEVEN_STAMPS, {"jitter_ms": 12.0})
LOST = StreamReason(StreamReasonCode.FRAMES_LOST, {"count": 3})

SERIAL_DEVICE = Path(__file__).parents[2] / "acquisition" / "serial" / "fake_serial_device.py"


class Device:
    """A live sensor with an event stream: 10 samples a second, a mark at 1.25 s, uneven stamps."""

    def __init__(self) -> None:
        eda = StreamInfo(stream_id="d:eda", name="eda", kind=Kind.EDA, unit="uS", rate_hz=10.0, labels=("a",))
        text = StreamInfo(
            stream_id="d:text", name="markers", kind=Kind.MARKERS, unit="", rate_hz=0.0, labels=("text",)
        )
        self.streams, self.ended = (eda, text), False
        self._begin_s = self._read_s = self._pair_due_s = OPENED_S
        self._marks = [Mark(stream_id=text.stream_id, time_s=1.25, text="Übung beginnt")]
        self._incidents = [self._incident(OPENED_S, UNEVEN)]

    def _incident(self, t: float, reason: StreamReason) -> SourceIncident:
        return SourceIncident(stream_id="d:eda", engine_time_s=t, reason=reason)

    def begin(self, t0: float) -> None:
        self._begin_s = t0

    def read(self, t: float) -> list[Chunk]:
        if self._read_s < -2.0 <= t:
            self._incidents.append(self._incident(-2.0, LOST))
        numbers = np.arange(np.floor(self._read_s * 10) + 1, np.floor(t * 10) + 1)
        self._read_s = t
        times = numbers / 10
        times = times[times >= self._begin_s]
        return [Chunk(self.streams[0], times, 5 + np.sin(times)[:, None])] if times.size else []

    def clock_pairs(self) -> tuple[ClockPair, ...]:
        if self._read_s < self._pair_due_s:
            return ()
        self._pair_due_s = self._read_s + 4.0
        return (ClockPair(stream_id="d:eda", source_time_s=self._read_s + 100, engine_time_s=self._read_s),)

    def incidents(self) -> tuple[SourceIncident, ...]:
        incidents, self._incidents = tuple(self._incidents), []
        return incidents

    def statuses(self) -> tuple[Status, ...]:
        return (Status(stream_id="d:eda", condition=Condition.STREAMING, reason=None, since_s=OPENED_S),)

    def marks(self) -> tuple[Mark, ...]:
        due = tuple(mark for mark in self._marks if mark.time_s <= self._read_s)
        self._marks = self._marks[len(due) :]
        return due

    def close(self) -> None:
        pass


def request(*inputs: str) -> SessionRequest:
    protocol = parse(PROTOCOL.encode(), "protocol")
    return SessionRequest(
        order=Prepare(protocol_text=PROTOCOL, inputs=list(inputs), audio="none"),
        client=None,
        protocol=protocol,
        inputs=inputs,
        setup=None,
        preferences=Preferences(),
        piece=Piece(),
    )


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Recording, Recording]:
    """The same 3 s of the same device, recorded as on the command line and as prepared by the service."""
    monkeypatch.setattr(intake, "open_sources", lambda *_, **__: [Device()])

    def config(name: str) -> SessionConfig:
        return SessionConfig(
            protocol=parse(PROTOCOL.encode(), "protocol"),
            inputs=("eda=lsl:name=device",),
            directory=tmp_path / name,
            seed=1,
            keep_sound=False,
            script=((3.0, EmergencyStop()),),
        )

    run_session(config("run"), watch=lambda _: None)
    wanted = request("eda=lsl:name=device")
    prepared = open_preparation(wanted, lambda: OPENED_S)
    for number in range(100):
        prepared.step(OPENED_S + number / 20)
    run_session(config("prepared"), watch=lambda _: None, opened=prepared.hand_over())
    return read_recording(tmp_path / "run"), read_recording(tmp_path / "prepared")


def markers(recording: Recording, kind: str) -> list[dict]:
    return [marker for marker in recording.streams["markers"].json() if marker["type"] == kind]


def test_a_prepared_session_records_what_one_on_the_command_line_records(
    recordings: tuple[Recording, Recording],
) -> None:
    run, prepared = recordings
    for name in ("eda", "features", "markers_2"):
        assert prepared.streams[name].times.tolist() == run.streams[name].times.tolist()
    assert np.array_equal(prepared.streams["eda"].samples, run.streams["eda"].samples)
    assert prepared.streams["markers_2"].texts == run.streams["markers_2"].texts == ("Übung beginnt",)
    expected = {"type": "mark", "stream": "markers", "text": "Übung beginnt", "at_s": 1.25}
    assert markers(prepared, "mark") == markers(run, "mark") == [expected]
    assert markers(prepared, "source") == markers(run, "source")
    assert [(marker["at_s"], marker["text"]) for marker in markers(run, "source")] == [
        (-5.0, f"eda: {UNEVEN.text}"),
        (-2.0, f"eda: {LOST.text}"),
    ]


def test_a_prepared_session_records_the_clock_of_its_sensors(
    recordings: tuple[Recording, Recording],
) -> None:
    for recording in recordings:
        stamps, pairs = recording.streams["clock"].times, recording.streams["clock"].samples
        assert stamps[0] == 0.0
        assert pairs[0, 2] <= 0.0
        assert np.allclose(pairs[:, 1] - pairs[:, 2], 100)


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Path]:
    """A serial port with a device that sends 250 lines a second."""
    link = tmp_path / "port"
    process = subprocess.Popen([sys.executable, SERIAL_DEVICE, link])
    try:
        while not link.exists():
            assert process.poll() is None
            time.sleep(0.02)
        yield link
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_refused_preparation_releases_its_serial_port(port: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = f"eda=serial:{port}?profile=lines&rate=250&unit=uS"
    with pytest.raises(SpecError, match="eda is in uS, not in mV"):
        prepare(request(spec.replace("uS", "mV")))
    setup = Setup.model_validate({"title": "Room 1", "inputs": [spec], "expect": {"eda": {"rate_hz": 500}}})
    with pytest.raises(UsageError, match="eda has 250 Hz, 500 are expected"):
        prepare(replace(request(spec), setup=setup))
    monkeypatch.setattr(preparation, "_output", refuse)
    with pytest.raises(SoundError):
        prepare(request(spec))
    monkeypatch.undo()
    prepare(request(spec))


def refuse(_: object) -> None:
    raise SoundError("there is nothing to play on")


def prepare(wanted: SessionRequest) -> None:
    open_preparation(wanted, lambda: 0.0).close()
