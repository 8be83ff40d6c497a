"""The closed loop, one step at a time. The engine is given the time; it owns no thread and reads no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Protocol

import pylsl

from acquisition.lsl.connection import keep_lsl_quiet
from acquisition.streams import Chunk
from biofeedback import events
from biofeedback.commands import (
    AdverseEvent,
    Answer,
    Cue,
    EmergencyStop,
    IssuedCommand,
    Marker,
    Note,
    Volume,
)
from biofeedback.controller import Controller, ControllerStep, PhaseChange
from biofeedback.intake import SignalIntake, record_step, source_markers
from biofeedback.models import EndReason, Lifecycle, Snapshot
from biofeedback.recording import streams
from biofeedback.recording.recorder import Recorder
from biofeedback.signal_markers import SignalMarkers
from generator.player import PlaybackStep, Player, incident_text
from generator.render import SoundFile
from generator.score import SAMPLE_RATE, BeatEvent, NoteEnd, NoteEvent
from generator.state import MusicState
from physiology.state import Beat, PhysiologyState


class Outlets:
    """Four outlets: ``features``, ``music``, ``score`` and ``markers``, described as in a recording.

    Samples are stamped with the engine time (LSL's own clock) at which they were computed, requested or
    played. LSL sends unencrypted data to every computer on the network: use it on an isolated network only.

    Parameters
    ----------
    session : str
        Distinguishes sessions on one network; part of each outlet's name and source id.
    """

    def __init__(self, session: str) -> None:
        keep_lsl_quiet()
        self._features = _outlet(session, "features", "Physiology", streams.FEATURES, rate_hz=1.0)
        self._music = _outlet(session, "music", "Music", streams.MUSIC)
        self._score = _outlet(session, "score", "Music", streams.SCORE)
        self._markers = _outlet(session, "markers", "Markers", {"json": ""})

    def features(self, state: PhysiologyState) -> None:
        """Send the 1-Hz state; NaN where a value is not valid."""
        self._features.push_sample(streams.feature_row(state), state.t)

    def music(self, t: float, state: MusicState, state_id: int) -> None:
        """Send the state of the music requested at `t`."""
        self._music.push_sample(streams.music_row(state, state_id), t)

    def sounded(self, beats: Iterable[BeatEvent], state_id: int, time_of: Callable[[int], float]) -> None:
        """Send beats with the engine times at which they are played, and the id of the requested state."""
        for beat in beats:
            self._score.push_sample(streams.score_row(beat, state_id), time_of(beat.frame))

    def marker(self, t: float, marker: Mapping[str, Any]) -> None:
        """Send a marker of time `t` as JSON."""
        self._markers.push_sample([streams.json_text(marker)], t)


def _outlet(
    session: str, name: str, kind: str, columns: Mapping[str, str], *, rate_hz: float = pylsl.IRREGULAR_RATE
) -> pylsl.StreamOutlet:
    """Open an outlet of numbers with the units of its columns; of kind ``Markers`` an outlet of texts."""
    form = pylsl.cf_string if kind == "Markers" else pylsl.cf_double64
    source_id = f"biofeedback:{session}:{name}"
    info = pylsl.StreamInfo(f"biofeedback-{name}", kind, len(columns), rate_hz, form, source_id)
    channels = info.desc().append_child("channels")
    for label, unit in columns.items():
        channel = channels.append_child("channel")
        channel.append_child_value("label", label)
        if kind != "Markers":
            channel.append_child_value("unit", unit)
        channel.append_child_value("type", kind)
    return pylsl.StreamOutlet(info)


LARGE_CHANGE = 0.5
"""Novelty from which a change of the music may itself provoke skin conductance responses."""


class SampleObserver(Protocol):
    """Is given every sample and beat as it is recorded, for a live screen; it must not block."""

    def raw(self, chunk: Chunk) -> None:
        """Add samples."""

    def beats(self, beats: Sequence[Beat]) -> None:
        """Add new lines of the beat log."""


class Engine:
    """Runs a session step by step: read sources, update physiology, decide, play, record, publish.

    Parameters
    ----------
    intake : SignalIntake
        Reads the sources and feeds physiology; passes the music on to virtual listeners.
    controller : Controller
        Decides what is asked of the music.
    player : Player
        Plays the music.
    recorder : Recorder
        Open; records everything that is measured, decided and played.
    t0_s : float
        Engine time of the first step.
    audio : SoundFile, optional
        File that keeps the sound.
    outlets : Outlets, optional
        LSL outlets that publish features, music and markers.
    on_answer : callable, optional
        Called with ``(key, accepted, answer)`` in the step that carries a command out.
    observer : SampleObserver, optional
        Given every sample and beat.

    Attributes
    ----------
    notes : list of NoteEvent
        All notes played, their frames counted from the session's start.
    note_ends : list of NoteEnd
        The ends of those that have ended.
    beats : list of BeatEvent
        All beats played, their frames likewise.
    """

    def __init__(
        self,
        *,
        intake: SignalIntake,
        controller: Controller,
        player: Player,
        recorder: Recorder,
        t0_s: float = 0.0,
        audio: SoundFile | None = None,
        outlets: Outlets | None = None,
        on_answer: Callable[[str, bool, str], None] | None = None,
        observer: SampleObserver | None = None,
    ) -> None:
        self._intake = intake
        self._t0_s = t0_s
        self._outlets = outlets
        self._on_answer = on_answer
        self._begun = False
        self._observer = observer
        self._stopped: deque[IssuedCommand] = deque()
        self._physiology = intake.physiology
        self._controller = controller
        self._player = player
        self._recorder = recorder
        self._audio = audio
        self._state: PhysiologyState | None = None
        self._signal_markers = SignalMarkers()
        self._music = MusicState(sounding=False)
        self._state_id = -1
        self._why = ""
        self.notes: list[NoteEvent] = []
        self.note_ends: list[NoteEnd] = []
        self.beats: list[BeatEvent] = []

    @property
    def finished(self) -> bool:
        """Whether the session is over and the last sound has faded."""
        return self._player.finished and self._controller.lifecycle is Lifecycle.ENDED

    def step(self, t: float, issued: Sequence[IssuedCommand] = ()) -> Snapshot:
        """Advance the session to engine time `t`; called 20 times for each second of engine time.

        Parameters
        ----------
        t : float
            Engine seconds, rising from call to call.
        issued : sequence of IssuedCommand
            Commands that came since the last step; each is recorded with its answer.

        Returns
        -------
        Snapshot
            The session as it stands after the step.
        """
        if self._player.volume.comfort_db and not self._begun:
            self._set_volume(t)
        self._begun = True
        self._decide(t, issued, self._read_sources(t))
        self._play(t)
        self._recorder.flush(t)
        return self._snapshot(t)

    @property
    def end_reason(self) -> str:
        """Why the session ended; empty before."""
        return self._controller.end_reason or ""

    def emergency_stop(self, issued: IssuedCommand) -> None:
        """Silence the music within half a second; any thread may call it, at any time.

        The next step records it and leads the session to its end; the recording is closed properly.
        """
        self._player.stop()
        self._stopped.append(issued)

    def _read_sources(self, t: float) -> Sequence[Beat]:
        """Record what the sources delivered since the last step; return the new lines of the beat log."""
        step = self._intake.step(t)
        record_step(self._recorder, t, step)
        for marker in source_markers(step.batch, self._intake.sources.names, self._t0_s):
            self._record(t, marker)
        if self._observer is not None:
            for chunk in step.batch.chunks:
                self._observer.raw(chunk)
            self._observer.beats(step.update.beats)
        for state in step.update.states:
            for marker in self._signal_markers.update(state):
                self._record(t, marker)
            if self._outlets is not None:
                self._outlets.features(state)
            self._state = state
        if self._intake.sources.ended:
            self._controller.end(EndReason.INPUT_ENDED)
        return step.update.beats

    def _decide(self, t: float, issued: Sequence[IssuedCommand], beats: Sequence[Beat]) -> None:
        for emergency in (each for each in issued if isinstance(each.command, EmergencyStop)):
            self.emergency_stop(emergency)
        while self._stopped:
            self._record(t, events.EmergencyStopMarker())
            self._answer(t, self._stopped.popleft(), self._controller.silence())
        others = [each for each in issued if not isinstance(each.command, EmergencyStop)]
        outcome = self._controller.step(t, self._state, [each.command for each in others], beats)
        for each, answer in zip(others, outcome.answers, strict=True):
            self._answer(t, each, answer)
            if answer.accepted:
                self._carry_out(t, each)
        self._apply(t, outcome)
        for decision in outcome.decisions:
            self._recorder.decision(decision)
            self._state_id = self._recorder.music(t, decision.music)
            if self._outlets is not None:
                self._outlets.music(t, decision.music, self._state_id)
            self._music, self._why = decision.music, decision.why
        if (held := self._controller.lifecycle is Lifecycle.HELD) is not self._player.volume.muted:
            self._set_volume(t, muted=held)  # heard at once, before the music has faded

    def _apply(self, t: float, outcome: ControllerStep) -> None:
        """Record the results of a step besides its decisions, and carry out changes of phase."""
        for change in outcome.phase_changes:
            self._change_phase(change)
        if outcome.baseline_ends_s is not None:
            self._controller.judge(self._physiology.judge_baseline(outcome.baseline_ends_s))
        for question in outcome.questions:
            self._record(t, question)
        for rating in outcome.ratings:
            self._recorder.rating(t, rating.json())
        for assessment in outcome.assessments:
            self._record(t, events.AssessmentMarker(assessment=assessment))

    def _answer(self, t: float, issued: IssuedCommand, answer: Answer) -> None:
        """Record a command with its answer, and pass the answer on."""
        self._recorder.command(t, events.CommandRecord(issued=issued, answer=answer).json())
        if self._on_answer is not None:
            self._on_answer(issued.key, answer.accepted, answer.text)

    def _carry_out(self, t: float, issued: IssuedCommand) -> None:
        """Carry out the engine's part of an accepted command: set the volume, or record a marker."""
        match issued.command:
            case Volume(db=db):
                self._set_volume(t, db=db)
            case Marker(text=text, at_s=None):
                marker = Marker(text=text, at_s=t - self._t0_s)
                self._record(t, events.CommandMarker(command=marker, origin=issued.origin))
            case Marker() | Note() | AdverseEvent() | Cue() as command:
                self._record(t, events.CommandMarker(command=command, origin=issued.origin))

    def _set_volume(self, t: float, **changes: Any) -> None:
        """Change the player's master volume (fields of `MasterVolume`) and record it."""
        volume = replace(self._player.volume, **changes)
        self._player.set_volume(volume)
        self._record(t, events.VolumeMarker(db=volume.db, volume_db=volume.gain_db))

    def _change_phase(self, change: PhaseChange) -> None:
        self._record(change.t, events.PhaseMarker(name=change.name, kind=change.kind, event=change.event))
        if change.marker:
            marker = Marker(text=change.marker, at_s=change.t - self._t0_s)
            self._record(change.t, events.CommandMarker(command=marker, origin="protocol"))
        if change.kind == "baseline":
            if change.event == "begin":
                self._physiology.begin_baseline(change.t)
            else:
                baseline = self._physiology.freeze_baseline(change.t)
                self._controller.calibrate(baseline.activation_sd)
                self._record(change.t, events.BaselineMarker(baseline=baseline))
        if change.kind == "end" and change.event == "begin":
            fade_s = self._controller.protocol.end_fade_s
            self._record(change.t, events.EndFadeMarker(fade_s=fade_s))
            self._player.end(fade_s)

    def _play(self, t: float) -> None:
        sounded = self._player.step(self._music)
        self._recorder.sounded(sounded.beats, sounded.notes, self._music, sounded.time_of)
        self._recorder.note_ends(sounded.note_ends, sounded.time_of)
        self._recorder.form(sounded.sections, sounded.time_of)
        if self._outlets is not None:
            self._outlets.sounded(sounded.beats, self._state_id, sounded.time_of)
        for event in sounded.events:
            self._recorder.marker(t, events.PlayerMarker(event=event).json())
        for incident in self._player.incidents():
            self._record(t, events.AudioMarker(kind=incident.kind, text=incident_text(incident)))
        self._collect_notes(sounded)
        if self._audio is not None and sounded.audio is not None:
            self._audio.write(sounded.audio)
        if sounded.heard is not None and sounded.heard.novelty >= LARGE_CHANGE:
            self._physiology.mark_transition(t)
        self._intake.sources.observe_music(t, sounded.heard and sounded.heard._asdict())
        if self._player.finished:
            self._controller.finish()

    def _collect_notes(self, sounded: PlaybackStep) -> None:
        """Collect notes and beats, their frames counted from the session's start: a player's may restart."""

        def frame_of(frame: int) -> int:
            return round((sounded.time_of(frame) - self._t0_s) * SAMPLE_RATE)

        self.notes += (replace(note, frame=frame_of(note.frame)) for note in sounded.notes)
        self.note_ends += (replace(end, frame=frame_of(end.frame)) for end in sounded.note_ends)
        self.beats += (replace(beat, frame=frame_of(beat.frame)) for beat in sounded.beats)

    def _record(self, t: float, marker: events.SessionMarker) -> None:
        """Record a marker and publish it."""
        entry = marker.json()
        self._recorder.marker(t, entry)
        if self._outlets is not None:
            self._outlets.marker(t, entry)

    def _snapshot(self, t: float) -> Snapshot:
        view = self._controller.view()
        return Snapshot(
            **{each.name: getattr(view, each.name) for each in fields(view)},
            t=t,
            elapsed_s=t - self._t0_s,
            physiology=self._state,
            music=self._music,
            why=self._why,
            finished=self.finished,
            volume_db=self._player.volume.db,
            sound=self._player.condition,
            inputs=self._intake.sources.statuses(),
        )
