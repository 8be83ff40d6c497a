"""Preparation of a session: opens the sensors, shows their signals and runs the sound check."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pylsl

from acquisition.streams import ClockPair, SourceIncident
from biofeedback.calibration import read_calibration
from biofeedback.intake import Batch, OpenSources, SignalIntake, open_inputs
from biofeedback.models import Lifecycle, PlannedPhase, Snapshot
from biofeedback.recording.consent import RecordedConsent
from biofeedback.service.command_queue import in_background
from biofeedback.service.live_feed import LiveFrameBuilder
from biofeedback.service.requests import Prepare, SessionRequest
from biofeedback.service.sensor_status import SensorStatus, status_of_sensor
from biofeedback.session import SessionConfig
from biofeedback.settings import calibration_file
from generator.live.devices import PACED, BackEnd, find_back_end
from generator.live.player import LivePlayer
from generator.state import MasterVolume, MusicState, Piece
from generator.synthesis.calibration import CHECK_FADE_S, CHECK_S, check_state
from physiology.state import PhysiologyState
from protocols.course import segments

MOST_INCIDENTS = 500
"""Incidents of a preparation that are kept for the recording; older ones are dropped."""


LET_GO_S = 5.0
"""How long an output may take to close."""


class SoundCheckRun:
    """Ten seconds of the session's sounds; it begins when the sound process is ready."""

    def __init__(self, piece: Piece, back_end: BackEnd, level_db: float) -> None:
        self._player = LivePlayer(piece, back_end=back_end, clock=pylsl.local_clock, fade_in_s=CHECK_FADE_S)
        self._wanted = check_state(level_db)
        self._opening: Future[None] | None = None
        self._closing: Future[None] | None = None
        self._ending = False
        self.progress = 0.0
        self.fault = ""

    def begin(self, after: Future[None] | None) -> None:
        """Open the output in the background, once the future `after` of the output before is done."""

        def begin() -> None:
            if after is not None:
                after.exception(timeout=LET_GO_S)
            self._player.open()

        self._opening = in_background(begin)

    @property
    def playing(self) -> bool:
        """Whether it is still playing."""
        return self._closing is None

    def step(self, t: float) -> None:
        """Play on, and close at the end, or where the output does not open."""
        if self._closing is not None or self._opening is None or not self._opening.done():
            return
        if (error := self._opening.exception()) is not None:
            self.fault = f"The sound check could not be played: {error}"
            self.close()
            return
        self._player.step(self._wanted)
        played_s = t - self._player.began_s
        self.progress = min(1.0, max(0.0, played_s / CHECK_S))
        if not self._ending and played_s >= CHECK_S - CHECK_FADE_S:
            self._ending = True
            self._player.end(CHECK_FADE_S)
        if self._player.finished:
            self.progress = 1.0
            self.close()

    @property
    def volume_db(self) -> float:
        """The volume last set."""
        return self._player.volume.db

    def set_volume(self, db: float) -> None:
        """Set the volume; it glides there."""
        self._player.set_volume(MasterVolume(db=db))

    def stop(self) -> None:
        """Silence it at once. Any thread may call it."""
        self._ending = True
        self._player.stop()

    def close(self) -> Future[None]:
        """Close the output in the background; return a future that is done once it is closed."""
        if self._closing is None:
            self._closing = in_background(self._player.close)
        return self._closing


class Preparation:
    """Open sensors and a chosen output; used by the main thread, except where stated.

    Parameters
    ----------
    request : SessionRequest
        The request.
    sources : OpenSources
        The open sensors. They belong to the preparation from now on: `close` closes them, unless `hand_over`
        gave them to the session.
    back_end : BackEnd
        The chosen output.
    t0_s : float
        Engine time of the first step.

    Attributes
    ----------
    live_frames : LiveFrameBuilder
        What live screens show of the sensors.
    """

    def __init__(self, request: SessionRequest, sources: OpenSources, back_end: BackEnd, t0_s: float) -> None:
        self.request = request
        self.back_end = back_end
        self.comfort_db = request.client.volume_db if request.client is not None else None
        self.sound: SoundCheckRun | None = None
        self._silenced: Future[None] | None = None
        self._sources = sources
        self._clock_pairs: dict[str, ClockPair] = {}
        self._incidents: deque[SourceIncident] = deque(maxlen=MOST_INCIDENTS)
        self.streams = sources.streams
        self._sources.begin(t0_s)
        self._phases = tuple(map(PlannedPhase.of, segments(request.protocol)))
        self.check_anew()

    def check_anew(self) -> None:
        """Forget the samples read so far and their analysis."""
        self.live_frames = LiveFrameBuilder(self.streams)
        self._intake = SignalIntake(self._sources)
        self._listened_to = {stream.stream_id for stream in self._intake.listened_to}
        self._state: PhysiologyState | None = None

    def step(self, t: float) -> Snapshot:
        """Read the sensors up to engine time `t`; 20 times a second."""
        step = self._intake.step(t)
        for chunk in step.batch.chunks:
            self.live_frames.raw(chunk)
        self.live_frames.beats(step.update.beats)
        self._clock_pairs |= {pair.stream_id: pair for pair in step.batch.clock_pairs}
        self._incidents += step.batch.incidents
        for state in step.update.states:
            self._state = state
        if self.sound is not None:
            self.sound.step(t)
        return self._snapshot(t)

    def _snapshot(self, t: float) -> Snapshot:
        return Snapshot(
            t=t,
            elapsed_s=0.0,
            phase="",
            physiology=self._state,
            music=MusicState(sounding=False),
            why="",
            finished=False,
            inputs=self._sources.statuses(),
            lifecycle=Lifecycle.WAITING,
            plan=self._phases,
            volume_db=self.sound.volume_db if self.sound is not None else 0.0,
        )

    def sensor_statuses(self, snapshot: Snapshot) -> tuple[SensorStatus, ...]:
        """Return the status of every sensor, before or during the session. Thread-safe."""
        signals = {} if snapshot.physiology is None else snapshot.physiology.signals
        return tuple(
            status_of_sensor(
                stream,
                status=snapshot.inputs.get(stream.name),
                signal=signals.get(stream.kind.value) if stream.stream_id in self._listened_to else None,
                silent_s=self.live_frames.silent_s(stream.stream_id, snapshot.t),
            )
            for stream in self.streams
        )

    def begin_sound_check(self, level_db: float) -> None:
        """Start a sound check: ten seconds at the session's level once the player is ready."""
        self.end_sound_check()
        self.sound = SoundCheckRun(self.request.piece, self.back_end, level_db)
        self.sound.begin(self._silenced)

    def end_sound_check(self) -> None:
        """Fade out the sound check, if one is playing."""
        if self.sound is not None:
            self._silenced = self.sound.close()
            self.sound = None

    @property
    def sound_check(self) -> float | None:
        """Progress of the sound check, 0 to 1; None if none is playing. Thread-safe."""
        sound = self.sound
        return sound.progress if sound is not None and sound.playing else None

    def config(
        self,
        directory: Path,
        about: Mapping[str, Any],
        *,
        consent: RecordedConsent | None,
        at_close: Callable[[], Mapping[str, Any]],
    ) -> SessionConfig:
        """Return the configuration of the session."""
        order = self.request.order
        return SessionConfig(
            protocol=self.request.protocol,
            inputs=self.request.inputs,
            directory=directory,
            seed=order.seed,
            keep_sound=order.audio == "file",
            back_end=self.back_end,
            setup=self.request.setup,
            preferences=self.request.preferences,
            calibration=read_calibration(self.back_end.name, calibration_file()),
            comfort_db=self.comfort_db or 0.0,
            consent=consent,
            about=about,
            at_close=at_close,
        )

    def hand_over(self) -> OpenSources | None:
        """Give the open sensors to the session; None if it has to open its inputs itself.

        The session then also records the newest reading of each sensor's clock and what happened to the
        sensors while they were prepared. Recordings and virtual listeners are closed: they begin anew.
        """
        self.end_sound_check()
        if self._silenced is not None:
            self._silenced.exception(timeout=LET_GO_S)  # a sound device can be open only once
        self.live_frames = LiveFrameBuilder(self.streams)
        if not self._sources.live:
            self._sources.close()
            return None
        handed_over, self._sources = self._sources, OpenSources(())
        handed_over.defer(
            Batch(clock_pairs=tuple(self._clock_pairs.values()), incidents=tuple(self._incidents))
        )
        return handed_over

    def close(self) -> None:
        """Stop the sound check and close the sensors."""
        self.end_sound_check()
        self._sources.close()


def open_preparation(request: SessionRequest, clock: Callable[[], float]) -> Preparation:
    """Open the sensors and choose the output; takes seconds. `clock` returns engine time.

    Raises
    ------
    AcquisitionError, PhysiologyError, UsageError, SoundError
        If that is not possible; nothing stays open then.
    """
    with ExitStack() as stack:
        sources = open_inputs(request.inputs, seed=request.order.seed, live=True, setup=request.setup)
        stack.callback(sources.close)
        preparation = Preparation(request, sources, _output(request.order), clock())
        stack.pop_all()
    return preparation


def _output(order: Prepare) -> BackEnd:
    if order.audio in {"file", "none"}:
        return PACED
    return find_back_end(order.device, required=order.audio == "device", instead="choose no sound, or a file")
