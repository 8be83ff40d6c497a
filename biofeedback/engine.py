"""The closed loop, one step at a time. It owns no thread and reads no clock: time comes in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

from acquisition.streams import Chunk, LiveSource, MarkerSource, MusicListener, Source
from biofeedback.commands import (
    AdverseEvent,
    Answer,
    Cue,
    EmergencyStop,
    Marker,
    Note,
    Told,
    Volume,
)
from biofeedback.controller import Controller, ControllerStep, PhaseChange
from biofeedback.cues import cue_record
from biofeedback.models import Snapshot
from biofeedback.outlets import Outlets
from biofeedback.recording.recorder import Recorder
from biofeedback.signals import heard, physiological_streams
from biofeedback.watch import SignalWatch
from generator.live.player import LivePlayer
from generator.player import Player, Sounded
from generator.render import SoundFile
from generator.score import SAMPLE_RATE, BeatEvent, NoteEvent
from generator.state import MusicState
from generator.volume import VOLUME_RANGE_DB
from physiology.pipeline import Physiology
from physiology.state import Beat, PhysiologyState

LARGE_CHANGE = 0.5
"""Novelty from which a change of the music may itself provoke skin conductance responses."""


class Tap(Protocol):
    """Is shown what comes in, for a live screen; it must not wait."""

    def raw(self, chunk: Chunk) -> None:
        """Take in samples, as they are recorded."""
        ...

    def beats(self, beats: Sequence[Beat]) -> None:
        """Take in new lines of the beat log."""
        ...


class Engine:
    """Read what has arrived, update physiology, decide, tell the player, record, publish.

    Parameters
    ----------
    sources : sequence of Source
        Where samples come from. Those that can hear are told what sounded.
    physiology : Physiology
        Set up for the kinds of signal the sources deliver.
    controller : Controller
        Holds the protocol.
    player : Player or LivePlayer
        Plays what is asked for.
    recorder : Recorder
        Open; everything that comes in, is decided or sounds goes there.
    t0_s : float
        Engine time of the first step.
    behind_s : float
        How far physiology stays behind engine time, so that samples which take a moment to arrive are
        there when their time is looked at.
    audio : SoundFile, optional
        Where the sound is kept.
    outlets : Outlets, optional
        Where what is found, asked and sounded is published.
    on_answer : callable, optional
        Told ``(key, accepted, answer)`` of each command in the step that takes it in.
    comfort_db : float
        The level found comfortable at the sound check, which the master volume counts from; 0 or below.
    tap : Tap, optional
        Shown what comes in.

    Attributes
    ----------
    notes : list of NoteEvent
        All that have sounded, their frames counted from the session's start.
    beats : list of BeatEvent
        Likewise.
    """

    def __init__(
        self,
        *,
        sources: Sequence[Source],
        physiology: Physiology,
        controller: Controller,
        player: Player | LivePlayer,
        recorder: Recorder,
        t0_s: float = 0.0,
        behind_s: float = 0.0,
        audio: SoundFile | None = None,
        outlets: Outlets | None = None,
        on_answer: Callable[[str, bool, str], None] | None = None,
        comfort_db: float = 0.0,
        tap: Tap | None = None,
    ) -> None:
        self._sources = tuple(sources)
        # Asked once: to ask whether a source is one of these takes longer than most steps.
        self._marking = tuple(source for source in sources if isinstance(source, MarkerSource))
        self._live = tuple(source for source in sources if isinstance(source, LiveSource))
        self._hearing = tuple(source for source in sources if isinstance(source, MusicListener))
        self._listened_to = {stream.stream_id for stream in physiological_streams(sources)}
        self._names = {stream.stream_id: stream.name for source in sources for stream in source.streams}
        self._t0_s = t0_s
        self._behind_s = behind_s
        self._outlets = outlets
        self._on_answer = on_answer
        self._comfort_db = comfort_db
        self._volume_db = 0.0
        self._held = False
        self._begun = False
        self._tap = tap
        self._stopped: deque[Told] = deque()
        self._physiology = physiology
        self._controller = controller
        self._player = player
        self._recorder = recorder
        self._audio = audio
        self._state: PhysiologyState | None = None
        self._watch = SignalWatch()
        self._music = MusicState(sounding=False)
        self._state_id = -1
        self._why = ""
        self._ending = False
        self.notes: list[NoteEvent] = []
        self.beats: list[BeatEvent] = []

    @property
    def finished(self) -> bool:
        """Whether the session is over and the last sound has faded."""
        return self._player.finished

    def step(self, t: float, told: Sequence[Told] = ()) -> Snapshot:
        """Advance the session to engine time `t`; called 20 times for each second of engine time.

        Parameters
        ----------
        t : float
            Engine seconds, rising from call to call.
        told : sequence of Told
            Commands that came since the last step; each is recorded with its answer.

        Returns
        -------
        Snapshot
            The session as it stands after the step.
        """
        if self._comfort_db and not self._begun:
            self._turn(t, 0.0)
        self._begun = True
        self._decide(t, told, self._take_in(t))
        self._play(t)
        self._recorder.flush(t)
        return self._snapshot(t)

    @property
    def end_reason(self) -> str:
        """Why the session came to its end; empty before."""
        return self._controller.end_reason or ""

    def emergency_stop(self, told: Told) -> None:
        """Silence the music within half a second; any thread may call it, at any time.

        The next step records it and leads the session to its end; the recording is closed properly.
        """
        self._player.stop()
        self._stopped.append(told)

    def _take_in(self, t: float) -> Sequence[Beat]:
        """Take in what has come since the last step; return what became known of beats."""
        for source in self._sources:
            for chunk in source.read(t):
                self._pass_on(chunk)
            for pair in source.clock_pairs():
                self._recorder.clock(t, pair)
        self._hear_of_sources(t)
        update = self._physiology.step(t - self._behind_s)
        self._recorder.beats(update.beats)
        if self._tap is not None:
            self._tap.beats(update.beats)
        self._recorder.scrs(update.scrs)
        for state in update.states:
            self._recorder.features(state)
            for marker in self._watch.markers(state):
                self._note(t, marker)
            if self._outlets is not None:
                self._outlets.features(state)
            self._state = state
        if not self._ending and all(source.ended for source in self._sources):
            self._controller.end(t, "input ended")
        return update.beats

    def _pass_on(self, chunk: Chunk) -> None:
        self._recorder.raw(chunk)
        if self._tap is not None:
            self._tap.raw(chunk)
        if chunk.stream.stream_id in self._listened_to:
            self._physiology.push(chunk.stream.kind.value, chunk.times, heard(chunk))

    def _hear_of_sources(self, t: float) -> None:
        """Record what sources tell beside their samples: marks of other programs, and trouble."""
        for marking in self._marking:
            for mark in marking.marks():
                self._recorder.mark(mark)
                name, at_s = self._names[mark.stream_id], round(mark.time_s - self._t0_s, 4)
                self._note(t, {"type": "mark", "stream": name, "text": mark.text, "at_s": at_s})
        for live in self._live:
            for incident in live.incidents():
                name = self._names[incident.stream_id]
                text = f"{name}: {incident.what}"
                self._note(t, {"type": "source", "stream": name, "text": text})

    def _decide(self, t: float, told: Sequence[Told], beats: Sequence[Beat]) -> None:
        for emergency in (each for each in told if isinstance(each.command, EmergencyStop)):
            self.emergency_stop(emergency)
        while self._stopped:
            self._note(t, {"type": "emergency stop"})
            self._answer(t, self._stopped.popleft(), self._controller.silence())
        others = [each for each in told if not isinstance(each.command, EmergencyStop)]
        outcome = self._controller.step(t, self._state, [each.command for each in others], beats)
        for each, answer in zip(others, outcome.answers, strict=True):
            self._answer(t, each, answer)
            if answer.accepted:
                self._write_down(t, each)
        self._proceed(t, outcome)
        for decision in outcome.decisions:
            self._recorder.decision(decision)
            self._state_id = self._recorder.music(t, decision.music)
            if self._outlets is not None:
                self._outlets.music(t, decision.music, self._state_id)
            self._music, self._why = decision.music, decision.why
        if (held := self._controller.lifecycle == "held") is not self._held:
            self._held = held
            self._sound(t)

    def _proceed(self, t: float, outcome: ControllerStep) -> None:
        """Record what a step brought besides its decisions, and do what phases and baselines ask for."""
        for change in outcome.phase_changes:
            self._enter_or_leave(change)
        if outcome.baseline_ends_s is not None:
            self._controller.judge(self._physiology.judge_baseline(outcome.baseline_ends_s))
        for question in outcome.questions:
            self._note(t, {"type": "question", **question})
        for rating in outcome.ratings:
            self._recorder.rating(t, rating)
        for assessment in outcome.assessments:
            self._note(t, {"type": "assessment", **asdict(assessment)})

    def _answer(self, t: float, told: Told, answer: Answer) -> None:
        """Record a command with what was answered, and pass the answer on."""
        self._recorder.command(
            t,
            {
                **told.command.record(),
                "origin": told.origin,
                "key": told.key,
                "accepted": answer.accepted,
                "answer": answer.text,
            },
        )
        if self._on_answer is not None:
            self._on_answer(told.key, answer.accepted, answer.text)

    def _write_down(self, t: float, told: Told) -> None:
        """Record what was said as a marker, and turn the volume where that was said."""
        match told.command:
            case Volume(db=db):
                self._turn(t, db)
            case Marker(text=text, at_s=at_s):
                at_s = t - self._t0_s if at_s is None else at_s
                self._note(t, {"type": "marker", "text": text, "at_s": at_s, "origin": told.origin})
            case Note(text=text):
                self._note(t, {"type": "note", "text": text, "origin": told.origin})
            case AdverseEvent(text=text, severity=severity):
                event = {"type": "adverse event", "text": text, "severity": severity, "origin": told.origin}
                self._note(t, event)
            case Cue(cue=cue):
                self._note(t, {"type": "cue given", "cue": cue, "origin": told.origin})

    def _turn(self, t: float, db: float) -> None:
        """Set the master volume, `db` below what was found comfortable."""
        self._volume_db = db
        self._sound(t)

    def _sound(self, t: float) -> None:
        """Have the player as loud as it is to be: a hold is heard at once, before the music has faded."""
        volume_db = VOLUME_RANGE_DB[0] if self._held else self._comfort_db + self._volume_db
        self._player.volume(volume_db)
        self._note(t, {"type": "volume", "db": self._volume_db, "volume_db": volume_db})

    def _enter_or_leave(self, change: PhaseChange) -> None:
        self._note(
            change.t, {"type": "phase", "name": change.name, "kind": change.kind, "event": change.event}
        )
        if change.marker:
            at_s = change.t - self._t0_s
            self._note(
                change.t, {"type": "marker", "text": change.marker, "at_s": at_s, "origin": "protocol"}
            )
        if change.kind == "baseline":
            if change.event == "begin":
                self._physiology.begin_baseline(change.t)
            else:
                baseline = self._physiology.freeze_baseline(change.t)
                self._controller.calibrate(baseline.activation_sd)
                self._note(change.t, {"type": "baseline", **asdict(baseline)})
        if change.kind == "end" and change.event == "begin":
            self._ending = True
            fade_s = self._controller.protocol.end_fade_s
            self._note(change.t, {"type": "end fade", "fade_s": fade_s})
            self._player.end(fade_s)

    def _play(self, t: float) -> None:
        sounded = self._player.step(self._music)
        self._recorder.sounded(sounded.beats, sounded.notes, self._music, sounded.time_of)
        if self._outlets is not None:
            self._outlets.sounded(sounded.beats, self._state_id, sounded.time_of)
        for cue in sounded.cues:
            self._recorder.marker(t, {"type": "cue", **cue_record(cue)})
        for incident in self._player.incidents():
            self._note(t, {"type": "audio", "text": incident.text})
        self._keep(sounded)
        if self._audio is not None and sounded.audio is not None:
            self._audio.write(sounded.audio)
        if sounded.heard is not None and sounded.heard["novelty"] >= LARGE_CHANGE:
            self._physiology.mark_transition(t)
        for source in self._hearing:
            source.observe_music(t, sounded.heard)

    def _keep(self, sounded: Sounded) -> None:
        """Gather notes and beats on the session's own frames: those of a player may begin anew."""

        def frame_of(frame: int) -> int:
            return round((sounded.time_of(frame) - self._t0_s) * SAMPLE_RATE)

        self.notes += (replace(note, frame=frame_of(note.frame)) for note in sounded.notes)
        self.beats += (replace(beat, frame=frame_of(beat.frame)) for beat in sounded.beats)

    def _note(self, t: float, marker: Mapping[str, Any]) -> None:
        self._recorder.marker(t, marker)
        if self._outlets is not None:
            self._outlets.marker(t, marker)

    def _snapshot(self, t: float) -> Snapshot:
        controller = self._controller
        return Snapshot(
            t=t,
            elapsed_s=t - self._t0_s,
            phase=controller.phase,
            physiology=self._state,
            music=self._music,
            why=self._why,
            finished=self.finished,
            lifecycle="ended" if self.finished else controller.lifecycle,
            plan=controller.plan,
            progress=controller.progress,
            left_s=controller.left_s,
            terms=controller.terms,
            asks=controller.asks,
            overrides=controller.overrides,
            volume_db=self._volume_db,
            energy=controller.energy,
            sound=self._player.condition,
            inputs={
                self._names[status.stream_id]: status for source in self._live for status in source.statuses()
            },
        )
