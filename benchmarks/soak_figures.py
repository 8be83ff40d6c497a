"""A long session of emulated devices with faults, in virtual time: nothing lost but what was not sent."""

from __future__ import annotations

import random
import resource
import tempfile
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyxdf

from acquisition.serial.profiles import known_profiles
from acquisition.serial.source import SerialSource
from acquisition.spec import parse_spec
from acquisition.stream_status import Received
from acquisition.streams import StreamInfo, StreamReason, StreamReasonCode
from benchmarks.serial_figures import setting_of
from biofeedback.recording.recorder import Recorder
from generator.state import Piece

STEP_S = 0.05
FAULT_EVERY_S = 20.0
DEVICES = {"physiokit": "ecg", "shimmer3-gsr": "ppg", "grove-gsr": "eda"}
"""Profiles and what they measure: lines of several numbers, binary frames, lines of one."""


class Cable:
    """What stands in for the thread that receives: a device that plays, and faults on the way."""

    def __init__(self, profile_name: str, seed: int) -> None:
        self._profile = known_profiles()[profile_name]
        self._setting = setting_of(self._profile, channels=1)
        self._device = self._profile.device(self._setting)
        for exchange in self._profile.start(self._setting):
            self._device.receive(exchange.send)
        self._chance = random.Random(seed)
        self._received: deque[Received] = deque()
        self._taken = 0
        self._fault_due_s = self._chance.uniform(5.0, FAULT_EVERY_S)
        self._pulled_until_s = 0.0
        self._stalled: list[bytes] = []
        self._stalled_until_s = 0.0
        # A host begins to listen in the middle of a sample, which it cannot know.
        self._cut = self._device.send(0, dict.fromkeys(self._setting.channels, 200.0))
        self.sent = self.lost = self.faults = 0

    def play(self, t: float) -> None:
        """Send what was sampled up to virtual time `t`, with what befalls it."""
        upto = int(t * self._setting.rate_hz)
        pieces = [
            self._device.send(number, dict.fromkeys(self._setting.channels, 200.0 + number % 100))
            for number in range(self._taken, upto)
        ]
        begins = self._taken == 0 and bool(pieces)
        self._taken, self.sent = upto, self.sent + len(pieces)
        if t < self._pulled_until_s:
            self.lost += len(pieces)
            self._cut = pieces[-1] if pieces else self._cut
            return
        if self._pulled_until_s:
            self._pulled_until_s = 0.0
            self._received.append(Received(t, _event(StreamReasonCode.DEVICE_BACK)))
            begins = True
        if t >= self._fault_due_s:
            self._fault_due_s = t + self._chance.uniform(0.5, 2 * FAULT_EVERY_S)
            pieces = self._befall(t, pieces)
        data = b"".join([self._cut[len(self._cut) // 2 :], *pieces] if begins else pieces)
        if t < self._stalled_until_s:
            self._stalled.append(data)
            return
        data, self._stalled = b"".join([*self._stalled, data]), []
        if data:
            self._received.append(Received(t, data))

    def _befall(self, t: float, pieces: list[bytes]) -> list[bytes]:
        self.faults += 1
        match self._chance.choice(["drop", "garbage", "stall", "pull"]):
            case "drop":
                kept = [piece for piece in pieces if self._chance.random() < 0.5]
                self.lost += len(pieces) - len(kept)
                return kept
            case "garbage":
                # A whole line, or bytes that no frame begins with: what follows is intact.
                return [*pieces, b"#" * self._chance.randint(1, 40) + b"\r\n"]
            case "stall":
                self._stalled_until_s = t + self._chance.uniform(0.1, 2.0)
                return pieces
        self._pulled_until_s = t + self._chance.uniform(0.5, 8.0)
        self._received.append(Received(t, _event(StreamReasonCode.PORT_LOST)))
        self.lost += len(pieces)
        return []

    def take(self) -> list[Received]:
        """Return what was received, as the thread would."""
        taken = list(self._received)
        self._received.clear()
        return taken

    def open(self) -> None:
        """Nothing is to be opened."""


def _event(code: StreamReasonCode) -> StreamReason:
    return StreamReason(code, {"device": "the port"})


def soak_figures(hours: float) -> dict[str, Any]:
    """Return, for each device, samples sent, lost on the way and recorded; and the growth of memory."""
    with tempfile.TemporaryDirectory() as folder:
        cables, sources = _plugged_in()
        recorder = _recorder(Path(folder, "soak"), sources)
        recorder.open()
        resident: list[float] = []
        for step in range(1, round(hours * 3600 / STEP_S) + 1):
            t = step * STEP_S
            for cable, source in zip(cables, sources, strict=True):
                cable.play(t)
                for chunk in source.read(t + 1.0):
                    recorder.raw(chunk)
                for pair in source.clock_pairs():
                    recorder.clock(t, pair)
                source.incidents()
            recorder.flush(t)
            if step % round(360 / STEP_S) == 0:
                resident.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        end_s = t + 1.0
        for source in sources:
            for chunk in source.read(end_s + 10.0):
                recorder.raw(chunk)
        recorder.close(reason="soaked")
        recorded = _recorded(Path(folder, "soak", "session.xdf"))
    figures: dict[str, Any] = {
        name: {
            "sent": cable.sent,
            "lost_on_the_way": cable.lost,
            "faults": cable.faults,
            "recorded": recorded[source.streams[0].stream_id],
            "exact": recorded[source.streams[0].stream_id] == cable.sent - cable.lost,
        }
        for name, cable, source in zip(DEVICES, cables, sources, strict=True)
    }
    return {"hours": hours, **figures, "peak_memory_MB": [round(each, 1) for each in resident]}


def _plugged_in() -> tuple[list[Cable], list[SerialSource]]:
    cables, sources = [], []
    for number, (name, kind) in enumerate(DEVICES.items()):
        channel = known_profiles()[name].channels[0].label
        spec: Any = parse_spec(f"{kind}=serial:{name}?profile={name}&channel={channel}")
        stream = StreamInfo(
            stream_id=name, name=name, kind=spec.kind, unit="a.u.", rate_hz=spec.rate_hz, labels=("0",)
        )
        source = SerialSource([spec], [stream], clock=lambda: 0.0)
        cables.append(Cable(name, seed=number))
        source._receiver = cables[-1]  # type: ignore[assignment]  # noqa: SLF001 - virtual time has no thread
        source.begin(-10.0)
        sources.append(source)
    return cables, sources


def _recorder(folder: Path, sources: list[SerialSource]) -> Recorder:
    return Recorder(
        folder,
        protocol={},
        protocol_sha256="",
        piece=Piece(seed=0),
        inputs=[stream for source in sources for stream in source.streams],
        t0_s=-10.0,
        t0_wall=datetime.now(UTC),
    )


def _recorded(path: Path) -> dict[str, int]:
    streams, _ = pyxdf.load_xdf(path, dejitter_timestamps=False, synchronize_clocks=False)
    recorded = {}
    for stream in streams:
        if stream["info"]["source_id"][0] in DEVICES:
            if (np.diff(stream["time_stamps"]) <= 0).any():
                raise AssertionError(f"times of {stream['info']['name'][0]} do not increase")
            # A device that counts shows what was lost; it is kept as missing samples.
            recorded[stream["info"]["source_id"][0]] = int(np.isfinite(stream["time_series"]).sum())
    return recorded
