"""Plays the music of a session again from its recording.

Where the recording's composer is this program's, the music is composed anew from the recorded states. Another
version of the composer would make other notes: then the recorded notes are played.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from biofeedback.errors import RecordingError
from biofeedback.events import EmergencyStopMarker, EndFadeMarker, PlayerMarker, VolumeMarker
from biofeedback.models import STEPS_PER_SECOND
from biofeedback.palette_files import located
from biofeedback.recording.reader import RecordedStream, Recording, open_streams, recorded_score
from generator.composition import COMPOSER_VERSION
from generator.events import write_events, write_midi
from generator.player import EMERGENCY_STOP_S, FADE_IN_S, PlaybackStep
from generator.player_events import EndRequest, PlaybackBegin, PlayerEvent, StopRequest, VolumeRequest
from generator.render import SoundFile, VirtualPlayer
from generator.score import (
    BLOCK_FRAMES,
    SAMPLE_RATE,
    BeatEvent,
    NoteEnd,
    NoteEvent,
    PlayedScore,
    ScoreEvent,
    with_ends,
)
from generator.state import LAYERS, PLAYBACKS, STATE_COLUMNS, MasterVolume, Metre, MusicState, Piece
from generator.synthesis.sample_cache import samples_version
from generator.synthesis.synth import Synth

_Event = TypeVar("_Event", bound=ScoreEvent)

STEP_FRAMES = SAMPLE_RATE // STEPS_PER_SECOND
_ROUNDING_STEPS = 1e-4
"""More than the rounding of n/20, less than anything that happens in a session."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Comparison of the notes that were played with the recorded ones.

    Attributes
    ----------
    recorded, equal : int
        Number of recorded notes, and of those with the same sample, pitch, velocity and layer.
    composer_version : int
        Of the recording. Where it is not `COMPOSER_VERSION`, the recorded notes were played.
    same_samples : bool
        Whether the instruments are those of the recording; else the notes sound different now.
    """

    recorded: int
    equal: int
    composer_version: int = COMPOSER_VERSION
    same_samples: bool = True

    def __str__(self) -> str:
        other = "" if self.same_samples else "; the instruments have changed since, so they sound different"
        return self._notes() + other

    def _notes(self) -> str:
        if self.composer_version == COMPOSER_VERSION:
            return f"{self.equal} of {self.recorded} recorded notes were rebuilt exactly"
        return (
            f"version {self.composer_version} of the composer made this music and this program has version "
            f"{COMPOSER_VERSION}: {self.equal} of {self.recorded} recorded notes were played as they sounded"
        )


class Replay:
    """Plays the music of a session again from the recorded player events.

    Parameters
    ----------
    recording : Recording
        Closed or cut off.

    Raises
    ------
    RecordingError
        If no music was recorded before the session was cut off, or another version of the composer made
        the music and the recording holds no notes.

    Attributes
    ----------
    piece : Piece
        The constants of the music.
    composed : bool
        Whether the music is composed anew; else the recorded notes are played.
    first_frame : int
        The frame at the session's start.
    frames : int
        The frame at its end.
    """

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self.piece = _piece(recording.streams["music"])
        self.composed = recording.composer_version == COMPOSER_VERSION
        self._score = PlayedScore() if self.composed else _recorded_score(recording)
        self._events = _live_events(recording) or _virtual_events(recording)
        self.first_frame = _first_frame(recording)
        self.frames = self.first_frame + _recorded_steps(recording) * STEP_FRAMES

    def play(self, *, sound: bool) -> Iterator[PlaybackStep]:
        """Play block by block; notes, their ends and beats are on the session's frames and counted on.

        Gaps between takes are silent. Sections are left out: the recording has them.
        """
        takes = [index for index, event in enumerate(self._events) if isinstance(event.action, PlaybackBegin)]
        ends = [self._events[index].frame for index in takes[1:]] + [self.frames]
        notes = 0
        for first, last, end in zip(takes, [*takes[1:], len(self._events)], ends, strict=True):
            begin, played = self._events[first], 0
            for step in self._take(self._events[first:last], end, sound=sound):
                played += len(step.notes)
                metre = self.piece.bar_metre
                sounded = _counted_on(step, begin, notes, metre) if self.composed else step
                yield _shifted(sounded, begin.frame)
            notes += played

    def _take(self, events: Sequence[PlayerEvent], end: int, *, sound: bool) -> Iterator[PlaybackStep]:
        begin, *rest = events
        assert isinstance(begin.action, PlaybackBegin)  # noqa: S101 - a take is what lies between two of them
        waiting = deque(rest)
        state = MusicState(sounding=False)
        played = None if self.composed else _between(self._score, begin.frame, end)
        with VirtualPlayer(
            self.piece, sound=sound, fade_in_s=begin.action.fade_in_s, played=played
        ) as player:
            for frame in range(begin.frame, end, BLOCK_FRAMES):
                while waiting and waiting[0].frame <= frame:
                    state = _tell(player, waiting.popleft(), state)
                yield player.play([state])

    def compare(self, notes: Sequence[NoteEvent]) -> Agreement:
        """Compare the notes that were played with those recorded.

        A process that was lost may have composed a note or two that never sounded; these do not count.
        """
        stream = self._recording.streams["notes"]
        columns = [stream.column(label) for label in ("frame", "pitch", "velocity", "layer")]
        recorded = [tuple(int(value) for value in row) for row in zip(*columns, strict=True)]
        played: list[tuple[int, ...]] = [
            (note.frame, note.pitch, note.velocity, LAYERS.index(note.layer)) for note in notes
        ]
        equal = (Counter(played) & Counter(recorded)).total()
        version = self._recording.composer_version
        return Agreement(
            recorded=len(recorded),
            equal=equal,
            composer_version=version,
            same_samples=self._recording.samples_version == samples_version(),
        )


def _recorded_score(recording: Recording) -> PlayedScore:
    """Return what sounded in a session, in the player's frames.

    Raises
    ------
    RecordingError
        If the recording does not hold its notes and beats.
    """
    if missing := {"notes", "score"} - recording.streams.keys():
        version = recording.meta.get("versions", {}).get("biofeedback-music", "that recorded it")
        raise RecordingError(
            f"{recording.directory} has no stream {' and no '.join(sorted(missing))} to play, and version "
            f"{recording.composer_version} of the composer made its music, while this program has version "
            f"{COMPOSER_VERSION}; replay it with the program's version {version}"
        )
    return recorded_score(open_streams(recording.directory), None)


def _between(score: PlayedScore, begin: int, end: int) -> PlayedScore:
    """Return what sounded from one frame to another, in frames from the first of them."""

    def part(events: Iterable[_Event]) -> tuple[_Event, ...]:
        within = (event for event in events if begin <= event.frame < end)
        return tuple(replace(event, frame=event.frame - begin) for event in within)

    return PlayedScore(
        notes=part(score.notes), beats=part(score.beats), sections=part(score.sections), metre=score.metre
    )


def _piece(music: RecordedStream) -> Piece:
    # what earlier recordings did not have
    earlier = {"nature": "none", "nature_db": "-12.0", "unwanted": "", "register_range": "0.0,1.0"}
    earlier |= {"metre": Metre.COMMON.text, "form": "none", "tonal_plan": "none"}
    earlier |= {"playback": PLAYBACKS[0]}
    constants = {**earlier, **music.desc}
    low, high = constants["register_range"].split(",")
    return Piece(
        tonic=int(constants["tonic"]),
        palette=located(constants["palette"]),
        nature=constants["nature"],
        nature_db=float(constants["nature_db"]),
        unwanted=tuple(constants["unwanted"].split(",")) if constants["unwanted"] else (),
        register_range=(float(low), float(high)),
        metre=constants["metre"],
        form=constants["form"],
        tonal_plan=constants["tonal_plan"],
        playback=constants["playback"],
        seed=int(constants["seed"]),
    )


def _tell(player: VirtualPlayer, event: PlayerEvent, state: MusicState) -> MusicState:
    """Tell the player of an end or a volume; return the state in force from here on."""
    match event.action:
        case MusicState():
            return event.action
        case EndRequest(fade_s):
            player.end(fade_s)
        case StopRequest(seconds):
            player.stop(seconds)
        case VolumeRequest(volume_db):
            player.set_volume(MasterVolume.of_gain(volume_db))
    return state


def _counted_on(sounded: PlaybackStep, begin: PlayerEvent, notes: int, metre: Metre) -> PlaybackStep:
    """Return what was composed anew in a take with notes, beats and bars counted through the session."""
    assert isinstance(begin.action, PlaybackBegin)  # noqa: S101 - given by the caller
    beat, bar = begin.action.beat, begin.action.bar
    return replace(
        sounded,
        notes=tuple(
            replace(note, number=note.number + notes, beat=note.beat + bar * metre.bar, bar=note.bar + bar)
            for note in sounded.notes
        ),
        note_ends=tuple(replace(end, note=end.note + notes) for end in sounded.note_ends),
        beats=tuple(replace(each, beat=each.beat + beat, bar=each.bar + bar) for each in sounded.beats),
    )


def _shifted(sounded: PlaybackStep, frames: int) -> PlaybackStep:
    """Return what sounded in a take in the frames of the session."""

    def shifted(events: Iterable[_Event]) -> tuple[_Event, ...]:
        return tuple(replace(event, frame=event.frame + frames) for event in events)

    return replace(
        sounded,
        notes=shifted(sounded.notes),
        note_ends=shifted(sounded.note_ends),
        beats=shifted(sounded.beats),
        sections=(),
    )


def _live_events(recording: Recording) -> list[PlayerEvent]:
    markers = recording.streams["markers"].json()
    return [PlayerMarker.from_json(each).event for each in markers if each["type"] == PlayerMarker.type]


def _virtual_events(recording: Recording) -> list[PlayerEvent]:
    """Derive the events of a session in virtual time, where the player follows in the step it is told."""
    markers = recording.streams["markers"]
    told: list[tuple[float, MusicState | EndRequest | StopRequest | VolumeRequest]] = list(
        _states(recording.streams["music"])
    )
    for t, marker in zip(markers.times, markers.json(), strict=True):
        if marker["type"] == EndFadeMarker.type:
            told.append((t, EndRequest(marker["fade_s"])))
        elif marker["type"] == EmergencyStopMarker.type:
            told.append((t, StopRequest(EMERGENCY_STOP_S)))
        elif marker["type"] == VolumeMarker.type:
            told.append((t, VolumeRequest(marker["volume_db"])))
    begin = PlayerEvent(0, PlaybackBegin(beat=0, bar=0, fade_in_s=FADE_IN_S))
    events = [PlayerEvent(_step(t - recording.t0_s) * STEP_FRAMES, what) for t, what in told]
    return [begin, *sorted(events, key=lambda event: event.frame)]


def _step(seconds: float) -> int:
    return round(seconds * STEPS_PER_SECOND)


def _first_frame(recording: Recording) -> int:
    """Return the frame that sounded at the session's start: a live player begins a little earlier."""
    notes = recording.streams["notes"]
    if not notes.times.size:
        return 0
    return round(float(notes.column("frame")[0]) - (float(notes.times[0]) - recording.t0_s) * SAMPLE_RATE)


def _recorded_steps(recording: Recording) -> int:
    if recording.complete:
        return _step(float(recording.meta["end"]["duration_s"])) + 1
    newest = [stream.times[-1] for stream in recording.streams.values() if stream.times.size]
    if not newest:
        raise RecordingError(f"{recording.directory}: nothing was recorded before the session was cut off")
    return int((max(newest) - recording.t0_s) * STEPS_PER_SECOND + _ROUNDING_STEPS) + 1


def _states(music: RecordedStream) -> Iterator[tuple[float, MusicState]]:
    for t, row in zip(music.times, music.samples, strict=True):
        values = dict(zip(music.labels, row.tolist(), strict=True))
        exact = {"layers": int(values["layers"]), "sounding": bool(values["sounding"])}
        yield t, MusicState(**{name: values[name] for name in STATE_COLUMNS} | exact)


def replay(
    recording: Recording,
    *,
    wav: Path | None = None,
    midi: Path | None = None,
    events: Path | None = None,
    progress: Callable[[float], None] | None = None,
) -> Agreement:
    """Rebuild a session's music and write what was asked for.

    Parameters
    ----------
    recording : Recording
        Closed or cut off.
    wav, midi, events : Path, optional
        Sound (WAV or FLAC by its ending, 24 bits), Standard MIDI File, table of notes.
    progress : callable, optional
        Called with the share done, 0 to 1.

    Returns
    -------
    Agreement
        Comparison with the recorded notes.
    """
    again = Replay(recording)
    notes: list[NoteEvent] = []
    note_ends: list[NoteEnd] = []
    beats: list[BeatEvent] = []
    with ExitStack() as stack:
        file = None
        if wav is not None:
            file = stack.enter_context(
                SoundFile(wav, latency_frames=Synth.latency_frames + again.first_frame)
            )
        for number, sounded in enumerate(again.play(sound=wav is not None), start=1):
            notes += sounded.notes
            note_ends += sounded.note_ends
            beats += sounded.beats
            if file is not None and sounded.audio is not None:
                file.write(sounded.audio)
            if progress is not None:
                progress(min(1.0, number * BLOCK_FRAMES / again.frames))
    ours = [replace(note, frame=note.frame - again.first_frame) for note in with_ends(notes, note_ends)]
    if midi is not None:
        heard = [replace(beat, frame=beat.frame - again.first_frame) for beat in beats]
        write_midi(midi, ours, heard, again.piece.bar_metre)
    if events is not None:
        write_events(events, ours)
    return again.compare(notes)
