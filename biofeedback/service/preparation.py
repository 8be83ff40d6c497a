"""A session before it begins: open sensors, what is seen of them, and the sound check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from acquisition import open_sources
from acquisition.streams import Chunk, LiveSource, MarkerSource, Source, Status
from biofeedback.calibration import calibration_file, read_calibration
from biofeedback.models import Lifecycle, PlannedPhase, Snapshot
from biofeedback.recording.consent import RecordedConsent
from biofeedback.service.live_feed import Tap
from biofeedback.service.requests import Prepare
from biofeedback.service.schemas import SensorStatus
from biofeedback.service.sensor_status import status_of_sensor
from biofeedback.service.soundcheck import LET_GO_S, SoundCheckRun
from biofeedback.session import Plan
from biofeedback.setups import Setup
from biofeedback.signals import build_physiology, heard, physiological_streams
from biofeedback.store.records import Client
from generator.errors import SoundError
from generator.live.backend import PACED, BackEnd
from generator.live.devices import choose_back_end, probe_outputs
from generator.preferences import Preferences
from generator.state import MusicState, Piece
from physiology.state import PhysiologyState
from protocols.course import segments
from protocols.schema import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What was ordered, understood.

    Attributes
    ----------
    order : Prepare
        As it came.
    client : Client or None
        Whose session it is.
    protocol : Protocol
        Read and checked.
    inputs : tuple of str
        Those of the set-up, or as ordered.
    setup : Setup or None
        Where one was named.
    preferences : Preferences
        As ordered, or the client's.
    piece : Piece
        What stays the same in the music.
    """

    order: Prepare
    client: Client | None
    protocol: Protocol
    inputs: tuple[str, ...]
    setup: Setup | None
    preferences: Preferences
    piece: Piece

    @property
    def cautions(self) -> tuple[str, ...]:
        """What is to be gone through before the start: the protocol's cautions, then the client's."""
        return (*self.protocol.cautions, *(self.client.cautions if self.client is not None else ()))


@dataclass(frozen=True, slots=True)
class Opened:
    """Sensors that stand open, and where the sound goes."""

    sources: tuple[Source, ...]
    back_end: BackEnd


class Preparation:
    """Open sensors and a chosen output; belongs to the thread that steps.

    Parameters
    ----------
    intent : Intent
        What is to be done.
    opened : Opened
        The sensors are closed by `close`, unless handed over to the session.
    t0_s : float
        Engine time of the first step.
    """

    def __init__(self, intent: Intent, opened: Opened, t0_s: float) -> None:
        self.intent = intent
        self.back_end = opened.back_end
        self.comfort_db = intent.client.volume_db if intent.client is not None else None
        self.sound: SoundCheckRun | None = None
        self._silenced: Future[None] | None = None
        self._sources = opened.sources
        self.streams = tuple(stream for source in self._sources for stream in source.streams)
        for source in self._sources:
            source.begin(t0_s)
        self._phases = tuple(
            PlannedPhase(name=part.name, kind=part.kind, start_s=part.start_s, duration_s=part.duration_s)
            for part in segments(intent.protocol)
        )
        self.check_anew(t0_s)

    def check_anew(self, t: float) -> None:
        """Forget what was seen of the sensors before engine time `t`."""
        listened_to = physiological_streams(self._sources)
        self.tap = Tap(self.streams)
        self._t0_s = t
        self._physiology = build_physiology(listened_to)
        self._listened_to = {stream.stream_id for stream in listened_to}
        self._state: PhysiologyState | None = None

    def step(self, t: float) -> Snapshot:
        """Read the sensors up to engine time `t`; 20 times a second."""
        for source in self._sources:
            for chunk in source.read(t):
                self._look_at(chunk)
            source.clock_pairs()
            if isinstance(source, MarkerSource):
                source.marks()
            if isinstance(source, LiveSource):
                source.incidents()
        update = self._physiology.step(t - self._t0_s)
        self.tap.beats([replace(beat, r_time_s=beat.r_time_s + self._t0_s) for beat in update.beats])
        for state in update.states:
            self._state = state
        if self.sound is not None:
            self.sound.step(t)
        return self._snapshot(t)

    def _look_at(self, chunk: Chunk) -> None:
        recent = chunk.times >= self._t0_s
        chunk = replace(chunk, times=chunk.times[recent], samples=chunk.samples[recent])
        if chunk.times.size:
            self.tap.raw(chunk)
            if chunk.stream.stream_id in self._listened_to:
                self._physiology.push(chunk.stream.kind.value, chunk.times - self._t0_s, heard(chunk))

    def _snapshot(self, t: float) -> Snapshot:
        return Snapshot(
            t=t,
            elapsed_s=0.0,
            phase="",
            physiology=self._state,
            music=MusicState(sounding=False),
            why="",
            finished=False,
            inputs=self._statuses(),
            lifecycle=Lifecycle.WAITING,
            plan=self._phases,
            volume_db=self.sound.volume_db if self.sound is not None else 0.0,
        )

    def _statuses(self) -> dict[str, Status]:
        names = {stream.stream_id: stream.name for stream in self.streams}
        return {
            names[status.stream_id]: status
            for source in self._sources
            if isinstance(source, LiveSource)
            for status in source.statuses()
        }

    def lights(self, snapshot: Snapshot) -> tuple[SensorStatus, ...]:
        """Return the light of every sensor, before the session or in it. Any thread may call it."""
        signals = {} if snapshot.physiology is None else snapshot.physiology.signals
        lights = []
        for stream in self.streams:
            newest_s = self.tap.newest_s(stream.stream_id)
            listened_to = stream.stream_id in self._listened_to
            lights.append(
                status_of_sensor(
                    stream,
                    status=snapshot.inputs.get(stream.name),
                    signal=signals.get(stream.kind.value) if listened_to else None,
                    silent_s=None if newest_s is None else snapshot.t - newest_s,
                )
            )
        return tuple(lights)

    def begin_sound_check(self, level_db: float) -> None:
        """Play ten seconds at the session's level, once the sound stands ready."""
        self.end_sound_check()
        self.sound = SoundCheckRun(self.intent.piece, self.back_end, level_db)
        self.sound.begin(self._silenced)

    def end_sound_check(self) -> None:
        """Let the sound check fade, if one sounds."""
        if self.sound is not None:
            self._silenced = self.sound.close()
            self.sound = None

    @property
    def sound_check(self) -> float | None:
        """How far a sound check has come, 0 to 1; None where none is playing. Any thread may ask."""
        sound = self.sound
        return sound.progress if sound is not None and sound.playing else None

    @property
    def sound_fault(self) -> str:
        """Why a sound check could not be played; empty where nothing was wrong."""
        return self.sound.fault if self.sound is not None else ""

    @property
    def unheard(self) -> bool:
        """Whether nobody hears what sounds."""
        return self.back_end.kind == "paced"

    def plan(
        self,
        directory: Path,
        about: Mapping[str, Any],
        *,
        consent: RecordedConsent | None,
        at_close: Callable[[], Mapping[str, Any]],
    ) -> Plan:
        """Return what determines the session."""
        order = self.intent.order
        return Plan(
            protocol=self.intent.protocol,
            inputs=self.intent.inputs,
            directory=directory,
            seed=order.seed,
            keep_sound=order.audio == "file",
            back_end=self.back_end,
            setup=self.intent.setup,
            preferences=self.intent.preferences,
            calibration=read_calibration(self.back_end.name, calibration_file()),
            comfort_db=self.comfort_db or 0.0,
            consent=consent,
            about=about,
            at_close=at_close,
        )

    def hand_over(self) -> tuple[tuple[Source, ...] | None, Tap]:
        """Give the open sensors to the session, None if it has to open them anew, and where it shows them.

        Behind a sensor of the body stands a connection that takes seconds to make, and goes on. Recordings
        and virtual listeners begin anew with the session.
        """
        self.end_sound_check()
        if self._silenced is not None:
            self._silenced.exception(timeout=LET_GO_S)  # a device may be open once only
        self.tap = Tap(self.streams)
        sources, self._sources = self._sources, ()
        if all(isinstance(source, LiveSource) for source in sources):
            return sources, self.tap
        for source in sources:
            source.close()
        return None, self.tap

    def close(self) -> None:
        """Let go of everything."""
        self.end_sound_check()
        for source in self._sources:
            source.close()
        self._sources = ()


def close_opened(opening: Future[Opened]) -> None:
    """Close what was opened for nobody any more."""
    if opening.exception() is None:
        for source in opening.result().sources:
            source.close()


def open_preparation(intent: Intent) -> Opened:
    """Open the sensors and choose the output; takes seconds.

    Raises
    ------
    AcquisitionError, UsageError, SoundError
        In one line, if that cannot be done; nothing stays open then.
    """
    order = intent.order
    sources = open_sources(intent.inputs, seed=order.seed, live=True)
    try:
        physiological_streams(sources)
        if intent.setup is not None:
            intent.setup.require(sources)
        return Opened(tuple(sources), _output(order))
    except Exception:
        for source in sources:
            source.close()
        raise


def _output(order: Prepare) -> BackEnd:
    if order.audio in {"file", "none"}:
        return PACED
    outputs = probe_outputs()
    back_end = choose_back_end(f"device:{order.device}" if order.device else "auto", outputs)
    if order.audio == "device" and back_end.kind == "paced":
        raise SoundError(f"there is nothing to play on ({outputs.reason}); choose no sound, or a file")
    return back_end
